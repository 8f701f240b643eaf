"""Run a Job again, or a CronJob now, as a new Job named by the execution: a name is created once."""

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.core.actions import Action, ChangeAction
from aiops.core.errors import Conflict
from approvals.conf import ApprovalsConf
from approvals.operations import marks
from approvals.operations.marks import Mark
from approvals.operations.operation import Bound, Progress

BOUND = Bound.NAME
# A job that removes itself at once could be created a second time by a late request.
KEPT_FOR_S = 86_400
# What the controller adds to a job that was created: not to be carried over to the next.
_CONTROLLER_LABELS = frozenset(
    {"controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"}
)


def subject(action: Action) -> Ref:
    assert isinstance(action, ChangeAction)
    return Ref.to(action.target)


def touched(subject: KubeObject) -> JsonValue:
    return {"spec": _spec(subject)}


def concretise(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> Action:
    return action


def refuse(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> None:
    if subject.kind == "Job" and subject.number("status", "active") > 0:
        raise Conflict(f"job {subject.name} is still running", code="nothing_to_do", state="active")


def request(action: Action, subject: KubeObject, api: Api, mark: Mark) -> Request:
    name = name_for(subject.name, mark)
    labels: JsonValue = {marks.EXECUTION: mark.id}
    notes: JsonValue = {marks.EXECUTION: mark.id, marks.EXECUTIONS: mark.id}
    body: JsonValue = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": subject.namespace, "labels": labels, "annotations": notes},
        "spec": _spec(subject),
    }
    return Request(Ref("Job", subject.namespace, name), body)


def name_for(job: str, mark: Mark) -> str:
    """At most 63 characters, the limit of a job's name."""
    return f"{job[:42].rstrip('-.')}-{mark.id.replace('-', '')[:20]}"


def proof(action: Action, mark: Mark) -> Ref:
    """The new job."""
    job = subject(action)
    return Ref("Job", job.namespace, name_for(job.name, mark))


def has_landed(proof: KubeObject | None, uid: str, before: KubeObject, mark: Mark) -> bool:
    return proof is not None and proof.labels.get(marks.EXECUTION) == mark.id


def progress(action: Action, subject: KubeObject | None, api: Api, before: KubeObject) -> Progress:
    """Of the new job."""
    if subject is None:
        return Progress(done=False, words="the job is gone", failed="the job is gone")
    if (done := subject.condition("Complete")) is not None and done.text("status") == "True":
        return Progress(done=True, words="the job completed", ready_at=subject.time("status", "completionTime"))
    if (failed := subject.condition("Failed")) is not None and failed.text("status") == "True":
        reason = failed.text("message") or failed.text("reason") or "the job failed"
        return Progress(done=False, words=reason, failed=reason)
    return Progress(done=False, words=f"{subject.number('status', 'active')} pods of the job running")


def _spec(job: KubeObject) -> JsonValue:
    """The spec of a job that can be created: without selector, without labels of the run before."""
    found = job.at("spec", "jobTemplate", "spec") if job.kind == "CronJob" else job.at("spec")
    spec: dict[str, JsonValue] = dict(found) if isinstance(found, dict) else {}
    for name in ("selector", "manualSelector", "suspend"):
        spec.pop(name, None)
    template = KubeObject(spec).at("template")
    if isinstance(template, dict):
        inherited = template.get("metadata")
        metadata: dict[str, JsonValue] = dict(inherited) if isinstance(inherited, dict) else {}
        labels = KubeObject(template).labels
        metadata["labels"] = {key: value for key, value in labels.items() if key not in _CONTROLLER_LABELS}
        metadata.pop("creationTimestamp", None)
        spec["template"] = {**template, "metadata": metadata}
    spec["ttlSecondsAfterFinished"] = max(KEPT_FOR_S, KubeObject(spec).number("ttlSecondsAfterFinished"))
    return spec
