"""Scenarios as data: what breaks, which alerts follow, what truly cures and what harms."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from aiops.core.actions import ActionClass
from aiops.sandbox.cluster.documents import Ref
from aiops.sandbox.faults.pods import Blip, Hang, Leak, Surge
from aiops.sandbox.faults.releases import BadRelease
from aiops.sandbox.faults.surroundings import ExpiringCertificate, FailedJob, FillingDisk, SickNode
from aiops.sandbox.telemetry.rules import Rule

FOLDER = Path(__file__).parent.parent / "scenarios"
RULES = Path(__file__).parent.parent / "rules.yaml"

AnyFault = Annotated[
    BadRelease | Leak | Hang | Blip | Surge | SickNode | FillingDisk | ExpiringCertificate | FailedJob,
    Field(discriminator="kind"),
]


# What people call it; several kinds of fault can look like one of them.
Sort = Literal[
    "bad_deploy", "memory_leak", "traffic_surge", "hung_worker", "config_crash_loop", "blip", "dependency_down", "node_loss",
    "disk_filling", "certificate_expiring", "failed_job",
]  # fmt: skip


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Workload(Strict):
    kind: str
    namespace: str = ""
    name: str

    @property
    def ref(self) -> Ref:
        return Ref(self.kind, self.namespace, self.name)


class Remedy(Strict):
    """An action class that cures, on the scenario's workload unless another target is named, under a condition in words."""

    action: ActionClass
    parameters: dict[str, JsonValue] = Field(default_factory=dict)  # with which it does
    target: Workload | None = None
    when: str = ""


class Harm(Strict):
    action: ActionClass
    why: str
    target: Workload | None = None
    parameters: dict[str, JsonValue] = Field(default_factory=dict)


class Scenario(Strict):
    """`alerts` are names of rules, in the order in which they come; `rules` adds what only this scenario needs."""

    name: str
    title: str
    sort: Sort
    fault: AnyFault
    workload: Workload
    fits: tuple[str, ...] = ()  # kinds of other workloads that it can be put on
    alerts: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    cures: tuple[Remedy, ...] = ()
    harms: tuple[Harm, ...] = ()
    relieves: tuple[ActionClass, ...] = ()  # helps for a while and does not cure
    useless: tuple[ActionClass, ...] = ()  # changes nothing about it, for tests
    heals_itself: bool = False
    speed: float = 1.0  # how much faster than its numbers say it develops
    lie: str = ""  # how a careless verification is misled

    @property
    def sure_harms(self) -> set[ActionClass]:
        """Classes that harm however they are done; what cures and harms at once is judged by what it does to others."""
        return {harm.action for harm in self.harms} - {cure.action for cure in self.cures}


class ScenarioError(ValueError):
    """There is no such scenario, or it cannot be put there."""


@cache
def scenarios() -> dict[str, Scenario]:
    """All of `scenarios/*.yaml`, by name."""
    found = [Scenario.model_validate(_read(path)) for path in sorted(FOLDER.glob("*.yaml"))]
    return {one.name: one for one in found}


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, with those that scenarios add."""
    found = [Rule.model_validate(one) for one in _list(RULES)]
    found += [rule for scenario in scenarios().values() for rule in scenario.rules]
    names = [rule.alert for rule in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ScenarioError(f"rules that are written twice: {', '.join(sorted(twice))}")
    if unknown := {alert for scenario in scenarios().values() for alert in scenario.alerts} - set(names):
        raise ScenarioError(f"alerts without a rule: {', '.join(sorted(unknown))}")
    return tuple(found)


def _loader() -> type:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read(path: Path) -> JsonValue:
    document: JsonValue = yaml.load(path.read_text(), _loader())  # noqa: S506  (both are safe loaders)
    return document


def _list(path: Path) -> list[JsonValue]:
    document = _read(path)
    if not isinstance(document, list):
        raise ScenarioError(f"{path.name} is not a list")
    return document
