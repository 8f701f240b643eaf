"""Reading the signs of an incident. Evidence of the live system goes before labels, and labels before words.

What the collectors have to write into `EvidenceFacts.facts`, by the item's `kind`; every key may be missing:

| kind       | facts                                                                                              |
|------------|----------------------------------------------------------------------------------------------------|
| `owner`    | `kind`, `namespace`, `name`: the controller at the top of the object's owners                       |
| `workload` | `replicas`, `ready`; `managed_by` (`argocd`, `flux`; empty: nobody)                                   |
| `pods`     | `reasons`: waiting and terminated reasons of all containers, such as `OOMKilled`                    |
| `events`   | `reasons`: reasons of recent events, such as `FailedMount`                                          |
| `rollouts` | `age_s` since the last one, `stuck` (bool): its new pods do not get ready                           |
| `metrics`  | `cpu_ratio` (used / limit, 0..1), `rps`, `rps_before`                                               |
| `nodes`    | `not_ready`: how many nodes of the cluster are not ready                                            |
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
from incidents.proposals import Facts
from incidents.tampering import is_tampered
from incidents.targets import namespace_of, pod_of
from incidents.vocabulary import text_words, words_of

RECENT_S = 3600  # a rollout this old can still be the cause
EVIDENCE_KINDS = frozenset({"owner", "workload", "pods", "events", "rollouts", "metrics", "nodes"})

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
    target, pod = _owner(facts) or facts.target, pod_of(facts.root.labels)
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
    yield from _reason_signs(facts)
    for values in _values(facts, "rollouts"):
        if (age := _number(values, "age_s")) is not None:
            yield Sign.RELEASED if age <= RECENT_S else Sign.NOT_RELEASED
        if values.get("stuck") is True:
            yield Sign.NEVER_READY
    for values in _values(facts, "metrics"):
        cpu, now, before = (_number(values, key) for key in ("cpu_ratio", "rps", "rps_before"))
        if cpu is not None and (cpu >= 0.85 or cpu <= 0.35):
            yield Sign.CPU_BOUND if cpu >= 0.85 else Sign.IDLE
        if now and before and now >= 1.5 * before:
            yield Sign.SURGE
    for values in _values(facts, "workload"):
        if values.get("managed_by"):
            yield Sign.GITOPS
        if (_number(values, "replicas") or 0) - (_number(values, "ready") or 0) > 1:
            yield Sign.SEVERAL_PODS
    if any((_number(values, "not_ready") or 0) > 1 for values in _values(facts, "nodes")):
        yield Sign.MANY_NODES


def _reason_signs(facts: Facts) -> Iterator[Sign]:
    """Of the live containers where they were asked, else of the label `reason`, else of the alert's name."""
    seen = [values["reasons"] for kind in ("pods", "events") for values in _values(facts, kind) if "reasons" in values]
    reasons = [str(reason) for listed in seen if isinstance(listed, list) for reason in listed]
    label = facts.root.labels.get("reason", "")
    found = {_REASONS[reason] for reason in reasons or [label] if reason in _REASONS}
    yield from found
    if not found:
        words = words_of(facts.alert_name)
        yield from (sign for sign, pattern in _REASONS_IN_WORDS if pattern.search(words))
