"""The pods of the workload, why some of them do not run, and the end of their logs."""

from collections.abc import Iterator
from datetime import datetime

from pydantic import JsonValue

from aiops.connectors.errors import Permanent
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.connectors.kubernetes_workloads import is_ready, restarts
from incidents.collectors.finding import Finding
from incidents.collectors.scene import Scene, ago

SHOWN = 40
ENDED_RECENTLY_S = 3600  # why a container ended before that says nothing about now
LOGS = 2  # pods whose logs are read
LOG_LINES, LOG_BYTES = 60, 16_000


async def pods(scene: Scene) -> list[Finding]:
    found = await scene.pods()
    if not found:
        return []
    sick = [pod for pod in found if not is_ready(pod)]
    reasons = sorted({reason for pod in found for _, reason in reasons_of(pod, scene.now)})
    facts: dict[str, JsonValue] = {
        "reasons": [*reasons],
        "restarts": sum(restarts(pod) for pod in found),
        "not_ready": [pod.name for pod in sick[:SHOWN]],
        "count": len(found),
    }
    words = f": {', '.join(reasons)}" if reasons else ""
    title = f"{len(found) - len(sick)} of {len(found)} pods ready{words}"
    return [Finding("pods", title, [_line(pod, scene.now) for pod in [*sick, *_well(found)][:SHOWN]], facts)]


def _well(found: list[KubeObject]) -> list[KubeObject]:
    return [pod for pod in found if is_ready(pod)]


def reasons_of(pod: KubeObject, now: datetime) -> Iterator[tuple[str, str]]:
    """(container, reason) of everything that waits, or ended a short time ago."""
    if reason := pod.text("status", "reason"):
        yield "", reason
    for listed in ("initContainerStatuses", "containerStatuses"):
        for status in pod.each("status", listed):
            if (waiting := status.text("state", "waiting", "reason")) and waiting not in ("ContainerCreating", "PodInitializing"):
                yield status.text("name"), waiting
            for state in ("state", "lastState"):
                ended, at = status.text(state, "terminated", "reason"), status.time(state, "terminated", "finishedAt")
                if ended and ended != "Completed" and (at is None or (now - at).total_seconds() < ENDED_RECENTLY_S):
                    yield status.text("name"), ended


def _line(pod: KubeObject, now: datetime) -> str:
    why = ", ".join(dict.fromkeys(reason for _, reason in reasons_of(pod, now)))
    state = "ready" if is_ready(pod) else "not ready"
    parts = [pod.name, pod.text("status", "phase"), state, f"{restarts(pod)} restarts", why, pod.text("spec", "nodeName")]
    made = pod.time("metadata", "creationTimestamp")
    return ", ".join(part for part in parts if part) + f", made {ago(made, now)}"


async def logs(scene: Scene) -> list[Finding]:
    """The end of the log of the pod that the alert names, else of those that are worst off."""
    found = await scene.pods()
    named = await scene.pod()
    worst = sorted(found, key=lambda pod: (is_ready(pod), -restarts(pod), -_born(pod)))
    chosen = [named] if named is not None else worst[: LOGS if worst and not is_ready(worst[0]) else 1]
    return [finding for pod in chosen for finding in await log_of(scene, pod)]


def _born(pod: KubeObject) -> float:
    at = pod.time("metadata", "creationTimestamp")
    return at.timestamp() if at else 0.0


async def log_of(scene: Scene, pod: KubeObject) -> list[Finding]:
    """Of a container that ended, the log of the run that ended."""
    ended = {name for name, _ in reasons_of(pod, scene.now)}
    statuses = list(pod.each("status", "containerStatuses"))
    if not statuses or not any(status.at("containerID") or status.at("state", "running") for status in statuses):
        return []  # nothing has run yet
    status = next((status for status in statuses if status.text("name") in ended), statuses[0])
    previous = bool(status.at("lastState", "terminated")) and not status.at("state", "running")
    name = status.text("name")
    try:
        text = await scene.reads.log(
            Ref("Pod", pod.namespace, pod.name), container=name, tail=LOG_LINES, previous=previous, max_bytes=LOG_BYTES
        )
    except Permanent as error:
        if error.code in ("invalid", "not_found"):
            return []  # the container waits to be made, or is gone already
        raise
    run = ", the run that ended" if previous else ""
    title = f"End of the log of {pod.name}, container {name}{run}"
    return [Finding("logs", title, text.splitlines(), keeps_end=True)] if text.strip() else []
