"""Load, errors and use of resources of the workload, now and before: what a person looks up first on a dashboard."""

import statistics
from collections.abc import Mapping, Sequence
from datetime import timedelta

from pydantic import JsonValue

from aiops.connectors.kubernetes_objects import KubeObject
from aiops.connectors.prometheus import Series
from aiops.core.errors import Invalid
from aiops.core.quantities import parse
from incidents.collectors.finding import Finding
from incidents.collectors.queries import Asked, by_label, counters_of, cpu, memory, only, rate, selector_of
from incidents.collectors.scene import Scene

# Moments before the alert at which things were normal: not just before it, for the trouble had begun by then.
NORMAL_AT = (timedelta(minutes=12), timedelta(minutes=25), timedelta(minutes=55))
SICK_SHARE, WELL_SHARE = 0.5, 0.05  # of a pod's requests that fail, where one pod stands out among well ones


async def metrics(scene: Scene) -> list[Finding]:
    facts = await scene.once("metrics", lambda: read(scene))
    lines = list(_lines(facts))
    return [Finding("metrics", "; ".join(lines[:2]), lines, facts)] if lines else []


async def read(scene: Scene) -> dict[str, JsonValue]:
    """The numbers of `incidents/engines/signs.py`, as far as somebody measures them."""
    pods = await selector_of(scene)
    if not pods:
        return {}
    known = await counters_of(scene)
    live = await scene.pods()
    asked = Asked(scene)
    used, held = asked.now(cpu(pods)), asked.now(memory(pods))
    pairs = []
    for name, counter in (("rps", known.requests), ("done", known.work)):
        if counter:
            pairs.append((name, asked.now(rate(counter, pods)), [asked.then(rate(counter, pods), ago) for ago in NORMAL_AT]))
    answered = []
    if known.requests and known.outcome:
        bad = rate(known.requests, pods, by="pod", outcome=known.outcome)
        answered = [asked.now(rate(known.requests, pods, by="pod")), asked.now(bad)]
    await asked.all()
    facts: dict[str, JsonValue] = {**_cpu(used.result(), live), **_memory(held.result(), live)}
    for name, now, before in pairs:
        facts |= _pair(name, now.result(), [one.result() for one in before])
    if answered:
        facts |= _errors(by_label(answered[0].result(), "pod"), by_label(answered[1].result(), "pod"), live)
    return facts


def _pair(name: str, now: Sequence[Series], before: Sequence[Sequence[Series]]) -> dict[str, JsonValue]:
    value, normal = only(now), [one for found in before if (one := only(found)) is not None]
    facts: dict[str, JsonValue] = {name: round(value, 3)} if value is not None else {}
    if normal:
        facts[f"{name}_before"] = round(statistics.median(normal), 3)
    return facts


def _cpu(found: Sequence[Series], pods: Sequence[KubeObject]) -> dict[str, JsonValue]:
    """Used of the limits and of what was requested, over all its pods."""
    used = by_label(found, "pod")
    facts: dict[str, JsonValue] = {}
    for fact, kind in (("cpu_ratio", "limits"), ("cpu_requested", "requests")):
        known = [(used[pod.name], whole) for pod in pods if pod.name in used and (whole := _of_pod(pod, kind, "cpu"))]
        if known:
            facts[fact] = round(sum(one for one, _ in known) / sum(whole for _, whole in known), 3)
    return facts


def _memory(found: Sequence[Series], pods: Sequence[KubeObject]) -> dict[str, JsonValue]:
    """The fullest container: used of its limit."""
    limits = {
        (pod.name, container.text("name")): limit
        for pod in pods
        for container in pod.each("spec", "containers")
        if (limit := quantity(container, "limits", "memory"))
    }
    ratios = [
        series.points[-1][1] / limits[key]
        for series in found
        if series.points and (key := (series.labels.get("pod", ""), series.labels.get("container", ""))) in limits
    ]
    return {"memory_ratio": round(max(ratios), 3)} if ratios else {}


def _of_pod(pod: KubeObject, kind: str, resource: str) -> float | None:
    """The sum over its containers; None where one of them says nothing."""
    each = [quantity(container, kind, resource) for container in pod.each("spec", "containers")]
    return sum(one for one in each if one) if each and all(each) else None


def quantity(container: KubeObject, kind: str, resource: str) -> float | None:
    try:
        return float(parse(container.text("resources", kind, resource)))
    except Invalid:
        return None


def _errors(total: Mapping[str, float], bad: Mapping[str, float], pods: Sequence[KubeObject]) -> dict[str, JsonValue]:
    """The share of requests that fail, and the one pod that fails while all the others answer."""
    answered = sum(total.values())
    facts: dict[str, JsonValue] = {"error_ratio": round(sum(bad.values()) / answered, 3)} if answered else {}
    shares = {pod.name: bad.get(pod.name, 0.0) / total[pod.name] for pod in pods if total.get(pod.name)}
    sick = [name for name, share in shares.items() if share >= SICK_SHARE]
    if len(sick) != 1 or len(shares) < 2 or any(share > WELL_SHARE for name, share in shares.items() if name not in sick):
        return facts
    place = next(pod.namespace for pod in pods if pod.name == sick[0])
    target: JsonValue = {"kind": "Pod", "namespace": place, "name": sick[0]}
    return facts | {"outlier": sick[0], "targets": [target]}


def _lines(facts: Mapping[str, JsonValue]) -> list[str]:
    lines: list[str] = []
    if (pod := facts.get("outlier")) is not None:
        lines.append(f"{pod} answers with errors, the other pods do not")
    if (errors := _number(facts, "error_ratio")) is not None:
        lines.append(f"{errors:.1%} of the requests to it fail")
    for name, words in (("rps", "Requests"), ("done", "Work from the queue")):
        if (now := _number(facts, name)) is not None:
            before = _number(facts, f"{name}_before")
            lines.append(f"{words} {now:.3g} a second{f', normally {before:.3g}' if before is not None else ''}")
    for name, words in (
        ("cpu_ratio", "of the CPU limit of its pods is used"),
        ("cpu_requested", "of the CPU that its pods request is used"),
        ("memory_ratio", "of its memory limit is used by the fullest container"),
    ):
        if (share := _number(facts, name)) is not None:
            lines.append(f"{share:.0%} {words}")
    return lines


def _number(facts: Mapping[str, JsonValue], name: str) -> float | None:
    value = facts.get(name)
    return float(value) if isinstance(value, int | float) else None
