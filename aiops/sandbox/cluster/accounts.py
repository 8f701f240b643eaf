"""Who may do what: a few service accounts with different rights, as RBAC would grant them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from aiops.sandbox.cluster.documents import Document
from aiops.sandbox.cluster.resources import READ, RESOURCES

ANY = ("*",)


@dataclass(frozen=True, slots=True)
class Rule:
    """Verbs on resources (`pods/eviction` names a subresource); in every namespace unless some are named."""

    groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    namespaces: tuple[str, ...] = ANY

    def allows(self, verb: str, group: str, resource: str, namespace: str) -> bool:
        return (
            _fits(verb, self.verbs)
            and _fits(group, self.groups)
            and (_fits(resource, self.resources) or f"*/{resource.partition('/')[2]}" in self.resources)
            and (_fits(namespace, self.namespaces))
        )

    @property
    def document(self) -> Document:
        return {"verbs": list(self.verbs), "apiGroups": list(self.groups), "resources": list(self.resources)}


@dataclass(frozen=True, slots=True)
class Account:
    """A service account with its token."""

    name: str
    token: str = field(repr=False)
    rules: tuple[Rule, ...] = ()

    @property
    def username(self) -> str:
        return f"system:serviceaccount:aiops:{self.name}"

    def may(self, verb: str, group: str, resource: str, namespace: str = "") -> bool:
        """`resource` may carry its subresource. An empty namespace asks about all of them, or about cluster scope."""
        return any(rule.allows(verb, group, resource, namespace) for rule in self.rules)

    def rules_in(self, namespace: str) -> Iterable[Rule]:
        return (rule for rule in self.rules if _fits(namespace, rule.namespaces))


def _fits(value: str, allowed: tuple[str, ...]) -> bool:
    return allowed == ANY or value in allowed


def _reading(namespaces: tuple[str, ...] = ANY) -> tuple[Rule, ...]:
    """Everything but secrets, whose contents nobody needs for a repair."""
    groups = sorted({one.group for one in RESOURCES})
    return (
        *(
            Rule(
                (group,), tuple(one.plural for one in RESOURCES if one.group == group and one.kind != "Secret"), READ, namespaces
            )
            for group in groups
        ),
        Rule(("",), ("pods/log",), ("get",), namespaces),
        Rule(("apps",), ("deployments/scale", "replicasets/scale", "statefulsets/scale"), ("get",), namespaces),
        Rule(("metrics.k8s.io",), ("pods", "nodes"), ("get", "list"), namespaces),
    )


def _repairing(namespaces: tuple[str, ...] = ANY) -> tuple[Rule, ...]:
    change = ("patch", "update")
    return (
        Rule(("apps",), ("deployments", "statefulsets", "daemonsets"), change, namespaces),
        Rule(("apps",), ("deployments/scale", "statefulsets/scale"), change, namespaces),
        Rule(("",), ("pods",), ("delete", "patch"), namespaces),
        Rule(("",), ("pods/eviction",), ("create",), namespaces),
        Rule(("",), ("persistentvolumeclaims",), change, namespaces),
        Rule(("batch",), ("jobs",), ("create", "delete", "patch"), namespaces),
        Rule(("cert-manager.io",), ("certificates", "certificates/status"), change, namespaces),
    )


# What a console needs, what it needs to look only, a part of the cluster, and far too much.
RULES: dict[str, tuple[Rule, ...]] = {
    "aiops-console": (*_reading(), *_repairing(), Rule(("",), ("nodes",), ("patch", "update"))),
    "aiops-viewer": _reading(),
    "aiops-shop": (*_reading(("shop",)), *_repairing(("shop",))),
    "cluster-admin": (Rule(ANY, ANY, ANY),),
}


def accounts(tokens: dict[str, str]) -> dict[str, Account]:
    """By token; `tokens` are by account."""
    return {token: Account(name, token, RULES[name]) for name, token in tokens.items()}
