"""What the cluster itself noted about the target, its pods and its revisions."""

from datetime import datetime

from aiops.connectors.kubernetes_objects import KubeObject
from incidents.collectors.finding import Finding
from incidents.collectors.scene import Scene, ago

READ_MOST, SHOWN = 500, 30
RECENT_S = 900  # what was noted before that may be over
REPEATED = 2  # a mount fails once while a pod starts and then works


async def events(scene: Scene) -> list[Finding]:
    target = scene.patient.target
    if target is None or target.kind not in _KINDS:
        return []
    if target.kind == "Node":
        fields = f"involvedObject.kind=Node,involvedObject.name={target.name}"
        found = await scene.reads.find("Event", fields=fields, most=READ_MOST)
    else:
        names = {target.name, *(pod.name for pod in await scene.pods()), *(rs.name for rs in await scene.replica_sets())}
        if (workload := await scene.workload()) is not None:
            names.add(workload.name)
        listed = await scene.reads.find("Event", target.namespace, most=READ_MOST)
        found = [event for event in listed if event.text("involvedObject", "name") in names]
    found.sort(key=lambda event: seen_at(event) or scene.now, reverse=True)
    if not found:
        return []
    reasons = sorted({event.text("reason") for event in found if _bears(event, scene.now)})
    warnings = sum(event.text("type") == "Warning" for event in found)
    title = f"{len(found)} events, {warnings} of them warnings"
    return [Finding("events", title, [_line(event, scene.now) for event in found[:SHOWN]], {"reasons": [*reasons]})]


_KINDS = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod", "Service", "Node", "PersistentVolumeClaim", "Certificate"}
)


def seen_at(event: KubeObject) -> datetime | None:
    """When it was last seen; `eventTime` and `series` are of the newer form."""
    places = (("series", "lastObservedTime"), ("lastTimestamp",), ("eventTime",), ("metadata", "creationTimestamp"))
    return next((at for place in places if (at := event.time(*place)) is not None), None)


def _bears(event: KubeObject, now: datetime) -> bool:
    at = seen_at(event)
    recent = at is not None and (now - at).total_seconds() < RECENT_S
    count = max(event.number("count"), event.number("series", "count"))
    return event.text("type") == "Warning" and recent and count >= REPEATED


def _line(event: KubeObject, now: datetime) -> str:
    about = f"{event.text('involvedObject', 'kind')} {event.text('involvedObject', 'name')}"
    count = max(event.number("count"), 1)
    times = f", {count} times" if count > 1 else ""
    said = " ".join(event.text("message").split())[:300]
    return f"{event.text('type')} {event.text('reason')} of {about} {ago(seen_at(event), now)}{times}: {said}"
