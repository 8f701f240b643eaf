"""The scope in which trust is earned: an action pattern, for one alert, in one namespace of one environment."""

from dataclasses import dataclass

from aiops.core.actions import Action


@dataclass(frozen=True, slots=True)
class Scope:
    """The key of a trust row (`trust-model.md` §1). Nothing is borrowed from another scope."""

    pattern: str
    environment: str
    namespace: str
    alert_name: str

    @classmethod
    def of(cls, action: Action, *, environment: str, alert_name: str) -> "Scope":
        namespace = action.target.namespace if action.target else None
        return cls(action.pattern, environment, namespace or "", alert_name)

    @property
    def place(self) -> str:
        """`production/shop`, or the environment alone for what has no namespace."""
        return f"{self.environment}/{self.namespace}" if self.namespace else self.environment

    @property
    def group(self) -> str:
        """The resource group on which failures are counted together: `web-*` in a namespace (`trust-model.md` §5)."""
        return self.pattern.partition(":")[2]
