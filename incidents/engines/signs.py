"""Reading the signs of an incident. Evidence of the live system goes before labels, and labels before words.

What the collectors have to write into `EvidenceFacts.facts`, by the item's `kind`; every key may be missing:

| kind           | facts                                                                                          |
|----------------|------------------------------------------------------------------------------------------------|
| `owner`        | `kind`, `namespace`, `name`: the controller at the top of the object's owners                   |
| `workload`     | `replicas`, `ready`; `managed_by` (`argocd`, `flux`; empty: nobody); `hpa`: its autoscaler      |
| `pods`         | `reasons`: waiting and terminated reasons of all containers, such as `OOMKilled`                |
| `events`       | `reasons`: reasons of recent events, such as `FailedMount`                                      |
| `rollouts`     | `age_s` since the last release, `before_alert_s` from it to the first alert (below 0: it came   |
|                | after), `stuck` (bool): its new pods do not get ready                                           |
| `nodes`        | `not_ready`: how many nodes of the cluster are not ready; `unsteady`: those under the workload  |
|                | that come and go; `pinned`: pods that cannot leave the node that it is about                    |
| `metrics`      | `cpu_ratio`, `memory_ratio` (used / limit, 0..1; of memory the fullest container),              |
|                | `cpu_requested` (used / requested); `rps`, `rps_before` (requests a second), `done`,            |
|                | `done_before` (work from a queue a second); `outlier`: the one pod whose requests fail while    |
|                | the others answer                                                                               |
| `dependencies` | `failing`: what it depends on and fails; `connections_ratio`: used / most, of its fullest store |
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from aiops.core.categories import Category
from aiops.core.scales import Severity
from aiops.core.targets import Target, is_name, is_namespace
from incidents.classification import is_deadman
from incidents.engines.natures import natures
from incidents.engines.sign import Sign
from incidents.engines.statements import statements
from incidents.labels import Labels
from incidents.proposals import EvidenceFacts, Facts
from incidents.tampering import is_tampered
from incidents.targets import namespace_of, pod_of
from incidents.vocabulary import text_words, words_of

RECENT_S = 3600  # a rollout this old can still be the cause
EVIDENCE_KINDS = frozenset({"owner", "workload", "pods", "events", "rollouts", "metrics", "nodes", "dependencies"})
BUSY, IDLE = 0.85, 0.35  # of its CPU
FULL = 0.85  # of its memory limit
GREW = 1.5  # times as many requests as before
STOPPED = 0.1  # of the work that it did before
CROWDED = 0.7  # of the connections that a store takes

_INFORMATIONAL = frozenset({"info", "information", "informational", "notice", "none", "low", "ticket", "debug"})
_CRITICAL = frozenset({"critical", "crit", "page", "emergency", "disaster", "p0", "p1"})
_REASONS: Mapping[str, Sign] = {
    "OOMKilled": Sign.OOM_KILLED,
    "ImagePullBackOff": Sign.IMAGE_MISSING,
    "ErrImagePull": Sign.IMAGE_MISSING,
    "ErrImageNeverPull": Sign.IMAGE_MISSING,
    "InvalidImageName": Sign.IMAGE_MISSING,
    "CreateContainerConfigError": Sign.CONFIG_MISSING,
    "CreateContainerError": Sign.CONFIG_MISSING,
    "RunContainerError": Sign.CONFIG_MISSING,
    "FailedMount": Sign.CONFIG_MISSING,
    "CrashLoopBackOff": Sign.CRASHING,
    "Evicted": Sign.EVICTED,
}
_REASONS_IN_WORDS = tuple(
    (sign, re.compile(pattern))
    for sign, pattern in (
        (Sign.OOM_KILLED, r" oom ?kill\w* "),
        (Sign.IMAGE_MISSING, r" (?:image pull\w*|err image\w*) "),
        (Sign.CONFIG_MISSING, r" (?:create container config error|config error|failed mount) "),
        (Sign.EVICTED, r" pods? evict\w* | evicted pods? "),
    )
)


@dataclass(frozen=True, slots=True)
class Case:
    """Facts with everything that rules ask about read out of them once."""

    facts: Facts
    target: Target | None
    pod: Target | None
    words: str
    signs: frozenset[Sign]

    @property
    def category(self) -> Category:
        return self.facts.category

    @property
    def labels(self) -> Labels:
        return self.facts.root.labels

    @property
    def name(self) -> str:
        return self.target.name if self.target else self.facts.alert_name or "this alert"


def case_of(facts: Facts) -> Case:
    target, pod = _owner(facts) or facts.target, pod_of(facts.root.labels) or _outlier(facts)
    labels, name = facts.root.labels, words_of(facts.alert_name)
    text = text_words(" ".join(value for key, value in facts.root.annotations.items() if not key.endswith("url")))
    signs = {*_alert_signs(facts), *natures(target, pod, labels, text), *_evidence_signs(facts), *statements(name, text, labels)}
    if Sign.NOT_RELEASED in signs:
        signs.discard(Sign.RELEASED)
    return Case(facts=facts, target=target, pod=pod, words=name, signs=frozenset(signs))


def _values(facts: Facts, kind: str) -> Iterator[Mapping[str, JsonValue]]:
    return (item.facts for item in facts.evidence if item.kind == kind)


def _number(values: Mapping[str, JsonValue], key: str) -> float | None:
    value = values.get(key)
    return float(value) if isinstance(value, int | float) else None


def _owner(facts: Facts) -> Target | None:
    """What the live cluster says owns the target. It has to lie in the alert's own namespace to be believed."""
    for owner in _values(facts, "owner"):
        kind, namespace, name = owner.get("kind"), owner.get("namespace"), owner.get("name")
        if not (isinstance(kind, str) and isinstance(name, str) and isinstance(namespace, str) and is_namespace(namespace)):
            continue
        believed = facts.target.namespace if facts.target else namespace_of(facts.root.labels)
        if namespace == believed and re.fullmatch(r"[A-Z][A-Za-z]{1,62}", kind) and is_name(name):
            return Target(kind=kind, namespace=namespace, name=name)
    return None


def _outlier(facts: Facts) -> Target | None:
    """The pod that stands out among its siblings, as metrics show."""
    named = next((name for values in _values(facts, "metrics") if isinstance(name := values.get("outlier"), str)), "")
    place = facts.target.namespace if facts.target else None
    return Target(kind="Pod", namespace=place, name=named) if place and is_name(named) else None


def _alert_signs(facts: Facts) -> Iterator[Sign]:
    labels = facts.root.labels
    if all(alert.status == "resolved" for alert in facts.alerts):
        yield Sign.RESOLVED
    if is_deadman(labels, facts.root.annotations):
        yield Sign.DEADMAN
    if facts.is_test:
        yield Sign.TEST
    if any(is_tampered(alert.labels, alert.annotations) for alert in facts.alerts):
        yield Sign.TAMPERED
    word = (labels.get("sloth_severity") or labels.get("severity") or labels.get("priority") or "").lower()
    if facts.severity is Severity.P3 or word in _INFORMATIONAL:
        yield Sign.INFORMATIONAL
    if facts.severity is Severity.P0 or word in _CRITICAL:
        yield Sign.CRITICAL
    nodes = {alert.target.name for alert in facts.alerts if alert.target and alert.target.kind == "Node"}
    if len(nodes) > 1:
        yield Sign.MANY_NODES
    if len({pod for alert in facts.alerts if (pod := pod_of(alert.labels))}) > 1:
        yield Sign.SEVERAL_PODS


def _evidence_signs(facts: Facts) -> Iterator[Sign]:
    found = {sign for item in facts.evidence for sign in signs_of(item, facts)}
    yield from found
    if found.isdisjoint(_REASONS.values()):
        yield from _told_reasons(facts)


def signs_of(item: EvidenceFacts, facts: Facts) -> Iterator[Sign]:
    """What one piece of evidence shows."""
    values = item.facts
    match item.kind:
        case "pods" | "events":
            reasons = values.get("reasons")
            yield from (_REASONS[str(reason)] for reason in (reasons if isinstance(reasons, list) else ()) if reason in _REASONS)
        case "rollouts":
            yield from _of_rollout(values)
        case "metrics":
            yield from _of_metrics(values, facts)
        case "workload":
            if values.get("managed_by"):
                yield Sign.GITOPS
            if values.get("hpa"):
                yield Sign.AUTOSCALED
            if (_number(values, "replicas") or 0) - (_number(values, "ready") or 0) > 1:
                yield Sign.SEVERAL_PODS
        case "nodes":
            yield from _of_nodes(values, facts)
        case "dependencies":
            if values.get("failing"):
                yield Sign.ELSEWHERE
            if (_number(values, "connections_ratio") or 0) >= CROWDED:
                yield Sign.NO_ROOM


def _of_rollout(values: Mapping[str, JsonValue]) -> Iterator[Sign]:
    age, before = _number(values, "age_s"), _number(values, "before_alert_s")
    if before is not None:  # what came after the first alert did not cause it
        yield Sign.RELEASED if 0 <= before <= RECENT_S else Sign.NOT_RELEASED
    elif age is not None:
        yield Sign.RELEASED if age <= RECENT_S else Sign.NOT_RELEASED
    if values.get("stuck") is True:
        yield Sign.NEVER_READY


def _of_metrics(values: Mapping[str, JsonValue], facts: Facts) -> Iterator[Sign]:
    cpu, asked = _number(values, "cpu_ratio"), _number(values, "cpu_requested")
    now, before = _number(values, "rps"), _number(values, "rps_before")
    surges = bool(now and before and now >= GREW * before)
    if surges:
        yield Sign.SURGE
    # More than a program asked for is no news by itself; under more traffic than usual it is what an autoscaler acts on.
    if (cpu or 0) >= BUSY or (surges and (asked or 0) >= BUSY):
        yield Sign.CPU_BOUND
    elif cpu is not None and max(cpu, asked or 0) <= IDLE:
        yield Sign.IDLE
    # Full memory is normal for many programs: it counts where the alert is about memory.
    if facts.category is Category.SATURATION_MEMORY and (_number(values, "memory_ratio") or 0) >= FULL:
        yield Sign.LIMIT_TOO_TIGHT
    done, usual = _number(values, "done"), _number(values, "done_before")
    if facts.category is Category.QUEUE and done is not None and usual and done <= STOPPED * usual:
        yield Sign.STALLED
    named = pod_of(facts.root.labels)
    if (outlier := values.get("outlier")) and (named is None or named.name == outlier):
        yield Sign.ONE_OF_MANY


def _of_nodes(values: Mapping[str, JsonValue], facts: Facts) -> Iterator[Sign]:
    if (_number(values, "not_ready") or 0) > 1:
        yield Sign.MANY_NODES
    if values.get("unsteady") and (facts.target is None or facts.target.kind != "Node"):
        yield Sign.ELSEWHERE
    if values.get("pinned"):
        yield Sign.PINNED


def _told_reasons(facts: Facts) -> Iterator[Sign]:
    """Why containers do not run, as the alert says: the label `reason` where no live ones were read, else its name."""
    live = any(item.facts.get("reasons") for item in facts.evidence if item.kind in ("pods", "events"))
    if not live and (label := facts.root.labels.get("reason", "")) in _REASONS:
        yield _REASONS[label]
        return
    words = words_of(facts.alert_name)
    yield from (sign for sign, pattern in _REASONS_IN_WORDS if pattern.search(words))
