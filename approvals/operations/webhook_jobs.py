"""Run a webhook job: its receiver remembers the key, tells how it goes, or calls back."""

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.core.actions import Action, ClearCache, Failover, RunWebhookJob, Undo, dump
from aiops.core.errors import Conflict
from aiops.core.scales import DataImpact, Risk
from approvals.conf import ApprovalsConf
from approvals.operations.marks import Mark
from approvals.operations.operation import Bound, Progress

BOUND = Bound.KEY
JOB, CALL = "WebhookJob", "JobCall"
ANY = "/"  # before a class: the one job that is set up for it


def subject(action: Action) -> Ref:
    assert isinstance(action, RunWebhookJob | Failover | ClearCache)
    return Ref(JOB, None, action.job or f"{ANY}{action.action_class}")


def touched(subject: KubeObject) -> JsonValue:
    """What the job is set up to do: a signature holds for that and nothing else."""
    return subject.at("spec")


def concretise(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> Action:
    """The job by its name, with the risk and data impact that its set-up says, whatever was written there."""
    if not isinstance(action, RunWebhookJob):
        return action.model_copy(update={"job": subject.name})
    declared = {
        "declared_risk": Risk(subject.text("spec", "risk")),
        "declared_data": DataImpact(subject.text("spec", "data_impact")),
    }
    return action.model_copy(update=declared)


def refuse(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> None:
    if subject.text("spec", "carries") != action.action_class:
        raise Conflict(f"job {subject.name} is set up for {subject.text('spec', 'carries')}", code="job_class")
    listed = subject.at("spec", "arguments")
    known = {str(name) for name in listed} if isinstance(listed, list) else set()
    given = action.arguments if isinstance(action, RunWebhookJob) else {}
    if unknown := sorted(set(given) - known):
        raise Conflict(f"job {subject.name} takes no argument {', '.join(unknown)}", code="arguments")


def request(action: Action, subject: KubeObject, api: Api, mark: Mark) -> Request:
    arguments: JsonValue = dict(action.arguments) if isinstance(action, RunWebhookJob) else {}
    body: dict[str, JsonValue] = {
        "job": subject.name,
        "mark": mark.id,
        "direction": "forward",
        "target": dump(action)["target"],
        "arguments": arguments,
    }
    return Request(Ref(JOB, None, subject.name), body)


def proof(action: Action, mark: Mark) -> Ref:
    """The run with our key."""
    return Ref(CALL, None, mark.id)


def has_landed(proof: KubeObject | None, uid: str, before: KubeObject, mark: Mark) -> bool:
    """The receiver has spoken of it; that a request was sent says nothing."""
    return proof is not None and proof.text("status", "state") in ("running", "succeeded", "failed")


def inverse(action: Action, before: KubeObject) -> Action | None:
    """The same job, asked to put it back; where it says that it can."""
    return action if before.text("spec", "undo") == Undo.INVERSE else None


def restore(before: JsonValue, subject: KubeObject, mark: Mark) -> Request:
    body: dict[str, JsonValue] = {"job": subject.name, "mark": mark.id, "direction": "rollback"}
    return Request(Ref(JOB, None, subject.name), body)


def progress(action: Action, subject: KubeObject | None, api: Api, before: KubeObject) -> Progress:
    if subject is None:
        return Progress(done=False, words="nothing is known of the run", failed="nothing is known of the run")
    state, detail = subject.text("status", "state"), subject.text("status", "detail")
    words = f"the job has {state}" if state in ("succeeded", "failed") else "the job runs"
    words = f"{words}: {detail}" if detail else words
    return Progress(done=state == "succeeded", words=words, failed=words if state == "failed" else "")
