"""Look at what an act has come to: the target, the incident's own alert, and the neighbours."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite

from django.db.models import Q
from pydantic import JsonValue

from aiops.connectors.errors import Permanent, Transient
from aiops.connectors.kubernetes import Api
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.connectors.prometheus import Prometheus
from aiops.connectors.ssh import FILES, SERVICE
from aiops.core.actions import ChangeAction
from approvals import baseline, metric_band
from approvals.conf import ApprovalsConf
from approvals.judgement import AlertIs, Metric, Signals
from approvals.models import Execution
from approvals.operations import operation_for, workloads
from approvals.operations.marks import Mark
from approvals.operations.webhook_jobs import CALL
from incidents.models import Alert

LOOKED_AT, SHOWN = 50, 10  # new alerts, of those that people see as harm
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_FOR = ("for", "alert_for", "for_duration")  # where rules write down their own `for`


@dataclass(frozen=True, slots=True)
class Memory:
    """What one look hands on to the next."""

    converged_at: datetime | None = None
    restarts: int = 0
    quiet_since: datetime | None = None
    harmed_since: datetime | None = None

    def dump(self) -> dict[str, JsonValue]:
        def text(at: datetime | None) -> str | None:
            return at.isoformat() if at else None

        return {
            "converged_at": text(self.converged_at),
            "restarts": self.restarts,
            "quiet_since": text(self.quiet_since),
            "harmed_since": text(self.harmed_since),
        }

    @classmethod
    def load(cls, data: JsonValue) -> "Memory":
        kept = KubeObject(data if isinstance(data, dict) else {})
        return cls(kept.time("converged_at"), kept.number("restarts"), kept.time("quiet_since"), kept.time("harmed_since"))


@dataclass(frozen=True, slots=True)
class Sight:
    """One look: what to judge by, what to remember, and the target as it is now for people to see."""

    signals: Signals
    memory: Memory
    after: Mapping[str, JsonValue]


def look(execution: Execution, api: Api | None, prometheus: Prometheus | None, *, now: datetime, conf: ApprovalsConf) -> Sight:
    """Everything that can be seen of `execution` now. What cannot be read is said so, and never raises."""
    memory = Memory.load(execution.verification.get("memory"))
    before = KubeObject(execution.before).at("subject")
    was = KubeObject(before if isinstance(before, dict) else {})
    operation, action = operation_for(execution.action), execution.action
    try:
        if api is None:
            raise Permanent(f"open cluster {execution.cluster}", "it is not configured here", code="cluster_unknown")
        subject = api.get(operation.proof(action, Mark(execution.mark, execution.planned_at)))
        progress = operation.progress(action, subject, api, was)
        is_ours = _is_ours(execution, subject)
        harmed = (*_lost_pods(execution, api), *new_alerts(execution, conf)) if progress.done else ()
        unread = ""
    except (Transient, Permanent) as error:
        subject, progress, is_ours, harmed, unread = None, None, True, (), error.detail
    memory = _remember(memory, progress.done if progress else None, progress.restarts if progress else None, bool(harmed), now)
    own = _own_alerts(execution)
    alert, cleared_at = _state_of(own)
    sent_at = execution.started_at or now
    for_s = _for_s(own, prometheus)
    signals = Signals(
        sent_at=sent_at,
        converge_by=execution.verify_until or sent_at + timedelta(seconds=conf.verify_within_s),
        progress=progress,
        unread=unread,
        is_ours=is_ours,
        converged_at=memory.converged_at,
        quiet_since=memory.quiet_since,
        alert=alert,
        cleared_at=cleared_at,
        alert_for_s=for_s,
        metric=_metric(execution, own, prometheus, sent_at, now, for_s) if progress and progress.done else None,
        harmed=harmed,
        harmed_since=memory.harmed_since,
        is_last=execution.is_last_step,
        is_undoing=execution.direction == Execution.Direction.ROLLBACK,
        stopped=(execution.stop_reason or "Stopped by a person") if execution.stop_requested else "",
    )
    return Sight(signals, memory, summary(subject, alert))


def _remember(memory: Memory, done: bool | None, restarts: int | None, is_harmed: bool, now: datetime) -> Memory:
    """What could not be read leaves the memory as it is, but for what has to be seen without a gap."""
    if done is None or restarts is None:
        return memory
    return Memory(
        converged_at=(memory.converged_at or now) if done else None,
        restarts=restarts,
        quiet_since=memory.quiet_since if memory.quiet_since and restarts <= memory.restarts else now,
        harmed_since=(memory.harmed_since or now) if is_harmed else None,
    )


def _is_ours(execution: Execution, subject: KubeObject | None) -> bool:
    """Whether the touched spec is still the one that the act made. What ends or is created stays ours."""
    made = execution.made.get("touched")
    if made is None or subject is None:
        return True
    return bool(operation_for(execution.action).touched(subject) == made)


# The incident's own alert


def _own_alerts(execution: Execution) -> Sequence[Alert]:
    """Those that the incident is named for; all of its alerts where none is."""
    incident = execution.incident
    alerts = list(incident.alerts.filter(is_test=False))
    return [alert for alert in alerts if alert.name == incident.alert_name] or alerts


def _state_of(own: Sequence[Alert]) -> tuple[AlertIs, datetime | None]:
    """How they stand, the worst first, and when they cleared."""
    states = {alert.status for alert in own}
    if not states:
        return AlertIs.UNKNOWN, None
    if Alert.Status.FIRING in states:
        return AlertIs.FIRING, None
    if Alert.Status.STALE in states:
        return AlertIs.STALE, None
    return AlertIs.CLEARED, max((alert.ended_at for alert in own if alert.ended_at), default=None)


def _for_s(own: Sequence[Alert], prometheus: Prometheus | None) -> float:
    """Their own `for` in seconds: before that is over they could not fire again. From the rule, else as they say."""
    said = max((_for_of(alert) for alert in own), default=0.0)
    if said or prometheus is None or not own:
        return said
    try:
        return prometheus.alert_for_s(own[0].name) or 0.0
    except (Transient, Permanent):
        return 0.0


def _for_of(alert: Alert) -> float:
    for name in _FOR:
        said = str(alert.annotations.get(name) or alert.labels.get(name) or "")
        if said and (match := _DURATION.fullmatch(said)):
            days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
            return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    return 0.0


def _metric(
    execution: Execution, own: Sequence[Alert], prometheus: Prometheus | None, sent_at: datetime, now: datetime, for_s: float
) -> Metric | None:
    if prometheus is None or not own:
        return None
    return metric_band.read(own[0], prometheus, opened_at=execution.incident.opened_at, sent_at=sent_at, now=now, for_s=for_s)


# Neighbours


def _lost_pods(execution: Execution, api: Api) -> Sequence[str]:
    """Workloads near the target with fewer ready pods than before the act, and fewer than they want."""
    before = execution.before.get("neighbours")
    if not isinstance(before, dict) or not before:
        return ()
    now = baseline.ready_pods(api, sorted({name.partition("/")[0] for name in before}))
    lost: list[str] = []
    for name, had in before.items():
        has = now.get(name, 0)
        if isinstance(had, int) and has < had and _wants_more(name, has, api):
            lost.append(f"{name} has {has} of {had} ready pods")
    return lost


def _wants_more(name: str, has: int, api: Api) -> bool:
    """Whether a neighbour lacks pods, rather than having been scaled down or removed by somebody."""
    namespace, kind, plain = name.split("/", 2)
    if kind not in ("Deployment", "StatefulSet", "DaemonSet"):
        return False  # jobs end, and nobody makes a bare pod again
    found = api.get(Ref(kind, namespace, plain))
    return found is not None and workloads.replicas(found) > has


def new_alerts(execution: Execution, conf: ApprovalsConf) -> Sequence[str]:
    """Alerts that began to fire after the act, within the window: of its namespace, and of the workloads counted as near.

    Those that joined its incident count too: they are told as effects of what was there before, which they need not be.
    Whatever was in trouble when the act began is not harmed by it, however many more alerts it raises.
    """
    if execution.started_at is None:
        return ()
    before = execution.before.get("neighbours")
    near = {(name.split("/")[0], name.split("/")[-1]) for name in (before if isinstance(before, dict) else ())}
    until = execution.started_at + timedelta(seconds=conf.neighbour_window_s)
    around = Alert.objects.filter(
        cluster=execution.cluster,
        is_test=False,
        is_deadman=False,
        target__namespace__in=sorted({execution.namespace, *(namespace for namespace, _ in near)}),
    )
    began = around.filter(status=Alert.Status.FIRING, first_seen__gt=execution.started_at, first_seen__lte=until)
    earlier = around.filter(Q(ended_at=None) | Q(ended_at__gt=execution.started_at), first_seen__lte=execution.started_at)
    ill = {(target["namespace"], target["name"]) for target in earlier.values_list("target", flat=True)[:LOOKED_AT] if target}
    action = execution.action
    own = action.target.resource if isinstance(action, ChangeAction) else ""
    places = [(alert.name, alert.target["namespace"], alert.target["name"]) for alert in began[:LOOKED_AT] if alert.target]
    return [
        f"{alert} fires for {name}"
        for alert, namespace, name in places
        if (namespace, name) not in ill
        and ((namespace == execution.namespace and not name.startswith(own)) or (namespace, name) in near)
    ][:SHOWN]


def before_of(execution: Execution) -> dict[str, JsonValue]:
    """The target as it was when it was acted on, and the alert, which fired then."""
    before = KubeObject(execution.before).at("subject")
    return summary(KubeObject(before) if isinstance(before, dict) else None, AlertIs.FIRING)


def checks_of(signals: Signals) -> list[JsonValue]:
    """What was looked at, `met` or not, None where it cannot be told."""
    progress, metric = signals.progress, signals.metric
    alert = {AlertIs.CLEARED: True, AlertIs.FIRING: False}.get(signals.alert)
    rows: list[tuple[str, bool | None, str]] = [
        ("Target still as the act left it", signals.is_ours, ""),
        ("Converged", None if progress is None else progress.done, progress.words if progress else signals.unread),
        ("New pods stay up", None if progress is None else not progress.crashing, progress.crashing if progress else ""),
        ("The alert cleared", alert, signals.alert.value),
    ]
    if metric is not None:
        rows.append((metric.name, metric.is_back, metric.words))
    rows.append(("Neighbours unharmed", None if progress is None else not signals.harmed, ", ".join(signals.harmed)))
    return [{"name": name, "met": met, "detail": detail} for name, met, detail in rows]


def metric_of(signals: Signals) -> JsonValue:
    """The alert's own metric as people see it: its curve as [seconds, value], its band from before; None if not read."""
    metric = signals.metric
    if metric is None:
        return None
    curve: list[JsonValue] = [[at, value] for at, value in metric.curve if isfinite(value)]
    return {"name": metric.name, "low": metric.low, "high": metric.high, "words": metric.words, "curve": curve}


def summary(subject: KubeObject | None, alert: AlertIs) -> dict[str, JsonValue]:
    """A target in the few values that people compare before and after."""
    if subject is None:
        return {"Alert": alert.value}
    shown: dict[str, JsonValue] = {"Alert": alert.value}
    if subject.kind in ("Deployment", "StatefulSet", "DaemonSet"):
        shown["Ready pods"] = f"{workloads.ready(subject)} of {workloads.replicas(subject)}"
        if revision := workloads.revision_of(subject):
            shown["Revision"] = revision
        images = [c.text("image") for c in subject.each("spec", "template", "spec", "containers")]
        shown["Image"] = ", ".join(image.rpartition("/")[2] for image in images)
    elif subject.kind in (SERVICE, CALL):
        words = (subject.text("status", "state"), subject.text("status", "detail"))
        shown["Service" if subject.kind == SERVICE else "Job"] = ", ".join(word for word in words if word)
    elif subject.kind == FILES:
        shown["Files to remove"] = subject.number("status", "files")
    return shown
