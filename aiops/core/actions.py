"""The typed actions: what may be done to an environment, one frozen model a class.

`ActionClass` and what is known of each (`SPECS`) follow `domain.md` §11. An action is built from checked parts only,
so a half-filled one does not exist; `dump` and `load` are its only way in and out of JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from aiops.core.errors import Invalid
from aiops.core.scales import DataImpact, Risk
from aiops.core.targets import SYSTEM_NAMESPACES, Target

# What a machine makes again by itself; anything else on a disk may be somebody's data.
DISPOSABLE_PATHS = ("/var/log", "/var/cache", "/tmp", "/var/tmp")  # noqa: S108  (paths on other machines)


class ActionClass(StrEnum):
    RESTART_WORKLOAD = "restart_workload"
    DELETE_POD = "delete_pod"
    SCALE_UP = "scale_up"
    SCALE_DOWN = "scale_down"
    ROLLBACK = "rollback"
    ADJUST_RESOURCES = "adjust_resources"
    CORDON_DRAIN_NODE = "cordon_drain_node"
    RERUN_JOB = "rerun_job"
    RESTART_SERVICE_HOST = "restart_service_host"
    CLEAN_DISK = "clean_disk"
    EXPAND_STORAGE = "expand_storage"
    RENEW_CERTIFICATE = "renew_certificate"
    FAILOVER = "failover"
    CLEAR_CACHE = "clear_cache"
    RUN_WEBHOOK_JOB = "run_webhook_job"
    NOTIFY_ONLY = "notify_only"
    CREATE_TICKET = "create_ticket"
    SILENCE = "silence"


class Executor(StrEnum):
    """Who carries an action out."""

    KUBERNETES = "kubernetes"
    SSH = "ssh"
    JOB = "job"
    OUTBOX = "outbox"
    ALERTMANAGER = "alertmanager"


class Undo(StrEnum):
    """What can be done about an action that was wrong."""

    INVERSE = "inverse"  # a second action puts it back
    IDEMPOTENT = "idempotent"  # nothing to put back, doing it again is harmless
    HALF = "half"
    NONE = "none"
    DECLARED = "declared"  # the webhook job says so


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """What is true of a class whatever its target. `kinds` are the targets that it can be aimed at."""

    verb: str
    executor: Executor
    risk: Risk
    undo: Undo
    data_impact: DataImpact
    kinds: frozenset[str]
    words: str  # how a person reads it: "Restart web"


_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_SCALABLE = frozenset({"Deployment", "StatefulSet"})
_HOST = frozenset({"Host", "Node"})
_ANY: frozenset[str] = frozenset()

K, S = Executor.KUBERNETES, Executor.SSH
SPECS: Mapping[ActionClass, ActionSpec] = {
    ActionClass.RESTART_WORKLOAD: ActionSpec("restart", K, Risk.LOW, Undo.IDEMPOTENT, DataImpact.NONE, _WORKLOADS, "Restart"),
    ActionClass.DELETE_POD: ActionSpec(
        "delete_pod", K, Risk.LOW, Undo.IDEMPOTENT, DataImpact.NONE, frozenset({"Pod"}), "Delete pod"
    ),
    ActionClass.SCALE_UP: ActionSpec("scale", K, Risk.LOW, Undo.INVERSE, DataImpact.NONE, _SCALABLE, "Scale up"),
    ActionClass.SCALE_DOWN: ActionSpec("scale", K, Risk.MEDIUM, Undo.INVERSE, DataImpact.NONE, _SCALABLE, "Scale down"),
    ActionClass.ROLLBACK: ActionSpec("rollback", K, Risk.MEDIUM, Undo.INVERSE, DataImpact.NONE, _WORKLOADS, "Roll back"),
    ActionClass.ADJUST_RESOURCES: ActionSpec(
        "resources", K, Risk.MEDIUM, Undo.INVERSE, DataImpact.NONE, _WORKLOADS, "Adjust resources of"
    ),
    ActionClass.CORDON_DRAIN_NODE: ActionSpec("drain", K, Risk.HIGH, Undo.HALF, DataImpact.NONE, frozenset({"Node"}), "Drain"),
    ActionClass.RERUN_JOB: ActionSpec(
        "rerun_job", K, Risk.MEDIUM, Undo.NONE, DataImpact.WRITE, frozenset({"Job", "CronJob"}), "Run again"
    ),
    ActionClass.RESTART_SERVICE_HOST: ActionSpec(
        "restart_host", S, Risk.MEDIUM, Undo.IDEMPOTENT, DataImpact.NONE, _HOST, "Restart service on"
    ),
    ActionClass.CLEAN_DISK: ActionSpec("clean_disk", S, Risk.MEDIUM, Undo.NONE, DataImpact.WRITE, _HOST, "Clean disk of"),
    ActionClass.EXPAND_STORAGE: ActionSpec(
        "expand", K, Risk.MEDIUM, Undo.NONE, DataImpact.WRITE, frozenset({"PersistentVolumeClaim"}), "Expand"
    ),
    ActionClass.RENEW_CERTIFICATE: ActionSpec(
        "renew", K, Risk.MEDIUM, Undo.IDEMPOTENT, DataImpact.NONE, frozenset({"Certificate", "Ingress"}), "Renew certificate of"
    ),
    ActionClass.FAILOVER: ActionSpec("failover", Executor.JOB, Risk.HIGH, Undo.DECLARED, DataImpact.WRITE, _ANY, "Fail over"),
    ActionClass.CLEAR_CACHE: ActionSpec("clear_cache", S, Risk.MEDIUM, Undo.NONE, DataImpact.WRITE, _ANY, "Clear cache of"),
    ActionClass.RUN_WEBHOOK_JOB: ActionSpec("job", Executor.JOB, Risk.HIGH, Undo.DECLARED, DataImpact.WRITE, _ANY, "Run job on"),
    ActionClass.NOTIFY_ONLY: ActionSpec(
        "notify", Executor.OUTBOX, Risk.LOW, Undo.IDEMPOTENT, DataImpact.NONE, _ANY, "Tell people about"
    ),
    ActionClass.CREATE_TICKET: ActionSpec(
        "ticket", Executor.OUTBOX, Risk.LOW, Undo.IDEMPOTENT, DataImpact.NONE, _ANY, "Open a ticket for"
    ),
    ActionClass.SILENCE: ActionSpec(
        "silence", Executor.ALERTMANAGER, Risk.MEDIUM, Undo.INVERSE, DataImpact.NONE, _ANY, "Silence"
    ),
}

# Classes that change nothing in an environment: no approval, no execution, no trust.
HARMLESS = frozenset({ActionClass.NOTIFY_ONLY, ActionClass.CREATE_TICKET, ActionClass.SILENCE})

Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|[kMGTP]i?)?$", max_length=20)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@/:-]*$", max_length=200)]
# Written out: no `.` or `..`, which would lead elsewhere than it reads.
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^(/(\.{0,2}[A-Za-z0-9_-][A-Za-z0-9._-]*|\.{3,}))+/?$", max_length=300)]


class Action(BaseModel):
    """What every typed action has. Two actions are the same when they compare equal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action_class: ClassVar[ActionClass]
    target: Target | None = None

    @property
    def spec(self) -> ActionSpec:
        return SPECS[self.action_class]

    @property
    def parameters(self) -> dict[str, JsonValue]:
        """What the action needs to know beside its target; unset ones are left out."""
        values: dict[str, JsonValue] = self.model_dump(mode="json", exclude={"target"}, exclude_none=True)
        return values

    @property
    def is_change(self) -> bool:
        return self.action_class not in HARMLESS

    @property
    def risk(self) -> Risk:
        """The risk of the class, raised by what the target is (`domain.md` §11). Never lowered by anything."""
        risk = self.own_risk
        if not self.is_change or self.target is None:
            return risk
        if self.action_class is ActionClass.RESTART_WORKLOAD and self.target.kind != "Deployment":
            risk = risk.worse(Risk.MEDIUM)
        if self.target.namespace in SYSTEM_NAMESPACES or self.data_impact is DataImpact.DESTRUCTIVE:
            risk = Risk.CRITICAL
        return risk

    @property
    def own_risk(self) -> Risk:
        return self.spec.risk

    @property
    def data_impact(self) -> DataImpact:
        return self.spec.data_impact

    @property
    def pattern(self) -> str:
        """`verb:resource-*`, the unit in which trust is earned (`trust-model.md` §1)."""
        return f"{self.verb}:{self.target.resource}-*" if self.target else f"{self.verb}:*"

    @property
    def verb(self) -> str:
        return self.spec.verb


class ChangeAction(Action):
    """An action on a known target."""

    target: Target


class RestartWorkload(ChangeAction):
    action_class = ActionClass.RESTART_WORKLOAD


class DeletePod(ChangeAction):
    action_class = ActionClass.DELETE_POD


class Scale(ChangeAction):
    """`replicas` is the absolute number wanted; None is filled in from the live object before anybody signs."""

    replicas: Annotated[int, Field(ge=0, le=10_000)] | None = None


class ScaleUp(Scale):
    action_class = ActionClass.SCALE_UP


class ScaleDown(Scale):
    action_class = ActionClass.SCALE_DOWN


class Rollback(ChangeAction):
    """To `revision`, whose template has `template_hash`; None means the last good one, filled in before anybody signs."""

    action_class = ActionClass.ROLLBACK
    revision: Annotated[int, Field(ge=1)] | None = None
    template_hash: Word | None = None


class AdjustResources(ChangeAction):
    """New limits (and requests no larger) of one container; None is filled in from the live object."""

    action_class = ActionClass.ADJUST_RESOURCES
    container: Word | None = None
    memory: Quantity | None = None
    cpu: Quantity | None = None


class CordonDrainNode(ChangeAction):
    action_class = ActionClass.CORDON_DRAIN_NODE


class RerunJob(ChangeAction):
    action_class = ActionClass.RERUN_JOB


class RestartServiceHost(ChangeAction):
    """`unit` of the target names the systemd unit, or the container where `manager` is docker."""

    action_class = ActionClass.RESTART_SERVICE_HOST
    manager: Literal["systemd", "docker"] = "systemd"

    @property
    def pattern(self) -> str:
        """One service of one machine: what restarting another service there has shown says nothing about this one."""
        return f"{self.verb}:{self.target.name}/{self.target.unit or '*'}"


class CleanDisk(ChangeAction):
    """Removes what the host's own list of paths allows under `path`; data mounts make it destructive."""

    action_class = ActionClass.CLEAN_DISK
    path: AbsolutePath | None = None

    @property
    def data_impact(self) -> DataImpact:
        disposable = self.path is None or any(PurePosixPath(self.path).is_relative_to(path) for path in DISPOSABLE_PATHS)
        return DataImpact.WRITE if disposable else DataImpact.DESTRUCTIVE


class ExpandStorage(ChangeAction):
    action_class = ActionClass.EXPAND_STORAGE
    size: Quantity | None = None


class RenewCertificate(ChangeAction):
    action_class = ActionClass.RENEW_CERTIFICATE


class Failover(ChangeAction):
    """Done by the webhook job named `job`, where one is configured for it."""

    action_class = ActionClass.FAILOVER
    job: Word | None = None


class ClearCache(ChangeAction):
    """By the webhook job named `job`; on a machine without one, the files under `path` of its own list of caches."""

    action_class = ActionClass.CLEAR_CACHE
    job: Word | None = None
    path: AbsolutePath | None = None


class RunWebhookJob(Action):
    """`declared_risk` and `declared_data` are what the job's own set-up says; whatever anybody else writes there is
    replaced by it before it is judged or signed.
    """

    action_class = ActionClass.RUN_WEBHOOK_JOB
    job: Word
    arguments: dict[Word, Annotated[str, StringConstraints(max_length=500)]] = Field(default_factory=dict)
    declared_risk: Risk | None = None
    declared_data: DataImpact | None = None

    @property
    def own_risk(self) -> Risk:
        return self.declared_risk or self.spec.risk

    @property
    def data_impact(self) -> DataImpact:
        return self.declared_data or self.spec.data_impact

    @property
    def verb(self) -> str:
        return self.job


class NotifyOnly(Action):
    action_class = ActionClass.NOTIFY_ONLY


class CreateTicket(Action):
    action_class = ActionClass.CREATE_TICKET


class Silence(Action):
    """Stop telling people for `for_s` seconds."""

    action_class = ActionClass.SILENCE
    for_s: Annotated[int, Field(ge=60, le=30 * 86_400)] = 3600


ACTIONS: Mapping[ActionClass, type[Action]] = {
    model.action_class: model
    for model in (
        RestartWorkload, DeletePod, ScaleUp, ScaleDown, Rollback, AdjustResources, CordonDrainNode, RerunJob,
        RestartServiceHost, CleanDisk, ExpandStorage, RenewCertificate, Failover, ClearCache, RunWebhookJob,
        NotifyOnly, CreateTicket, Silence,
    )
}  # fmt: skip


def build(action_class: str, target: Target | None, **parameters: JsonValue) -> Action:
    """The typed action of that class, or Invalid with the field that is wrong."""
    try:
        model = ACTIONS[ActionClass(action_class)]
    except ValueError:
        raise Invalid(f"there is no action class {action_class!r}", loc=("action", "class")) from None
    try:
        action = model.model_validate({"target": target, **parameters})
    except ValidationError as error:
        first = error.errors()[0]
        place = first["loc"] if first["loc"][:1] == ("target",) else ("parameters", *first["loc"])
        raise Invalid(f"{action_class}: {first['msg']}", loc=("action", *place)) from None
    kinds = action.spec.kinds
    if kinds and action.target is not None and action.target.kind not in kinds:
        wanted = ", ".join(sorted(kinds))
        raise Invalid(f"{action_class} acts on {wanted}, not on {action.target.kind}", loc=("action", "target", "kind"))
    return action


def dump(action: Action) -> dict[str, JsonValue]:
    """`{"class", "target", "parameters"}`, as it is stored, signed and shown."""
    target = action.target.model_dump(mode="json", exclude_none=False) if action.target else None
    if target and target.get("unit") is None:
        target.pop("unit")
    return {"class": action.action_class.value, "target": target, "parameters": action.parameters}


def load(data: Mapping[str, JsonValue]) -> Action:
    """The action that `dump` wrote, or that a client sent; Invalid with the field where it cannot be one."""
    parameters, target = data.get("parameters") or {}, data.get("target")
    if not isinstance(parameters, dict):
        raise Invalid("parameters is an object", loc=("action", "parameters"))
    try:
        aimed = Target.model_validate(target) if target is not None else None
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(f"target: {first['msg']}", loc=("action", "target", *first["loc"])) from None
    return build(str(data.get("class", "")), aimed, **parameters)
