"""The workload itself and how it came to be what it is: counts, owner, revisions, the last release."""

from datetime import datetime
from itertools import pairwise

from pydantic import JsonValue

from aiops.connectors.kubernetes_objects import KubeObject, label_query
from aiops.connectors.kubernetes_workloads import (
    DEPENDS_ON,
    TEMPLATE_HASH,
    gitops_owner,
    images,
    ready,
    replicas,
    revision_of,
)
from incidents.collectors.finding import Finding
from incidents.collectors.scene import Scene, ago, owned

CHANGE_CAUSE = "kubernetes.io/change-cause"
# Annotations that a restart leaves in a template: it releases nothing.
RESTART_NOTES = frozenset({"kubectl.kubernetes.io/restartedAt", "aiops.dev/execution"})
STUCK_AFTER_S = 60  # new pods that are not ready for this long are not merely starting
SHOWN = 6
AUTOSCALERS_MOST = 500


async def workload(scene: Scene) -> list[Finding]:
    """Its counts and who owns it; and that it is the owner, where the alert names something below it."""
    found = await scene.workload()
    if found is None:
        return []
    own = f"{found.kind} {found.namespace}/{found.name}"
    target = scene.patient.target
    facts: dict[str, JsonValue] = {"managed_by": gitops_owner(found)}
    lines = [own]
    if found.kind not in ("Job", "CronJob"):
        facts |= {"replicas": replicas(found), "ready": ready(found), "hpa": await _autoscaler(scene, found)}
        lines += [f"{ready(found)} of {replicas(found)} pods ready", *_progress(found)]
    lines += [f"Image {image}" for image in images(found)]
    lines += [f"Written by {facts['managed_by']}"] if facts["managed_by"] else []
    lines += [f"Scaled by the autoscaler {facts['hpa']}"] if facts.get("hpa") else []
    lines += [f"Needs {found.annotations[DEPENDS_ON]}"] if DEPENDS_ON in found.annotations else []
    findings = [Finding("workload", f"{own}: {lines[1] if len(lines) > 1 else 'exists'}", lines, facts)]
    if target is None or (target.kind, target.name) != (found.kind, found.name):
        place: dict[str, JsonValue] = {"kind": found.kind, "namespace": found.namespace, "name": found.name}
        findings.append(Finding("owner", f"The alert is about {own}", [f"Owner in the live cluster: {own}"], place))
    return findings


async def _autoscaler(scene: Scene, found: KubeObject) -> str:
    """The name of the HorizontalPodAutoscaler that sets its replicas, or empty."""
    if found.kind not in ("Deployment", "StatefulSet"):
        return ""
    aim = ("spec", "scaleTargetRef")
    listed = await scene.reads.find("HorizontalPodAutoscaler", found.namespace, most=AUTOSCALERS_MOST)
    return next((h.name for h in listed if (h.text(*aim, "kind"), h.text(*aim, "name")) == (found.kind, found.name)), "")


def _progress(found: KubeObject) -> list[str]:
    seen, generation = found.number("status", "observedGeneration"), found.generation
    lines = [f"Generation {generation}; its controller has seen {seen}"]
    for condition in found.each("status", "conditions"):
        said = condition.text("message") or condition.text("reason")
        lines.append(f"{condition.text('type')} is {condition.text('status')}: {said}")
    return lines


async def rollouts(scene: Scene) -> list[Finding]:
    """The last release, when it was, what was before it, and whether its pods get ready."""
    found = await scene.workload()
    if found is None:
        return []
    revisions = await scene.replica_sets() if found.kind == "Deployment" else await _controller_revisions(scene, found)
    if not revisions:
        return []
    last, before = _last_release(revisions)
    at = last.time("metadata", "creationTimestamp")
    facts: dict[str, JsonValue] = {"revision": _number(last), "stuck": _is_stuck(found, revisions[0], scene.now)}
    if at is not None:
        facts["age_s"] = int((scene.now - at).total_seconds())
        if scene.patient.began_at is not None:
            facts["before_alert_s"] = int((scene.patient.began_at - at).total_seconds())
    if before is not None:
        facts |= {"previous_revision": _number(before), "previous_images": list(images(before))}
    lines = [_line(revision, scene.now) for revision in revisions[:SHOWN]]
    lines += ["The new pods do not get ready"] if facts["stuck"] else []
    return [Finding("rollouts", f"Last release of {found.name} {ago(at, scene.now)}", lines, facts)]


async def _controller_revisions(scene: Scene, found: KubeObject) -> list[KubeObject]:
    if found.kind not in ("StatefulSet", "DaemonSet"):
        return []
    listed = await scene.reads.find("ControllerRevision", found.namespace, labels=label_query(found.at("spec", "selector")))
    return sorted(owned(listed, found), key=_number, reverse=True)


def _number(revision: KubeObject) -> int:
    return revision_of(revision) or revision.number("revision")


def _last_release(revisions: list[KubeObject]) -> tuple[KubeObject, KubeObject | None]:
    """The newest revision that runs something else than the one before it, and that one. A restart is no release."""
    for newer, older in pairwise(revisions):
        if _runs(newer) != _runs(older):
            return newer, older
    return revisions[-1], None


def _runs(revision: KubeObject) -> JsonValue:
    """What its pods run: the template without the controller's hash and without what a restart notes."""
    template = revision.at("spec", "template") or revision.at("data", "spec", "template")
    if not isinstance(template, dict):
        return None
    bare = KubeObject(template)
    labels: JsonValue = {key: value for key, value in bare.labels.items() if key != TEMPLATE_HASH}
    notes: JsonValue = {key: value for key, value in bare.annotations.items() if key not in RESTART_NOTES}
    return [labels, notes, template.get("spec")]


def _is_stuck(found: KubeObject, newest: KubeObject, now: datetime) -> bool:
    """The controller gave up on the rollout, or none of the new pods is ready after a while."""
    progressing = found.condition("Progressing")
    if progressing is not None and progressing.text("reason") == "ProgressDeadlineExceeded":
        return True
    at = newest.time("metadata", "creationTimestamp")
    if newest.kind != "ReplicaSet" or at is None or (now - at).total_seconds() <= STUCK_AFTER_S:
        return False
    return newest.number("spec", "replicas") > 0 and newest.number("status", "readyReplicas") == 0


def _line(revision: KubeObject, now: datetime) -> str:
    run = ", ".join(images(revision)) or revision.name
    counts = f", {revision.number('status', 'readyReplicas')} of {revision.number('spec', 'replicas')} ready"
    cause = f" ({revision.annotations[CHANGE_CAUSE]})" if CHANGE_CAUSE in revision.annotations else ""
    made = ago(revision.time("metadata", "creationTimestamp"), now)
    return f"Revision {_number(revision)}, made {made}: {run}{counts if revision.kind == 'ReplicaSet' else ''}{cause}"
