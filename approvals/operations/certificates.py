"""Renew a certificate of cert-manager, as `cmctl renew` does: the condition `Issuing` in its status."""

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api, Patch, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.core.actions import Action, ChangeAction
from aiops.core.errors import Conflict
from approvals.conf import ApprovalsConf
from approvals.operations.marks import Mark
from approvals.operations.operation import Bound, Progress

BOUND = Bound.VERSION
ISSUING = "Issuing"


def subject(action: Action) -> Ref:
    assert isinstance(action, ChangeAction)
    return Ref.to(action.target)


def touched(subject: KubeObject) -> JsonValue:
    """What is ordered, which issue of it is there now and when one failed: an issue by anybody else ends ours."""
    return {
        "spec": subject.at("spec"),
        "revision": subject.number("status", "revision"),
        "failed": subject.text("status", "lastFailureTime"),
    }


def concretise(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> Action:
    return action


def refuse(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> None:
    if subject.kind != "Certificate":
        raise Conflict(f"{subject.kind} {subject.name} has no certificate of cert-manager; name the Certificate", code="kind")
    issuing = subject.condition(ISSUING)
    if issuing is not None and issuing.text("status") == "True":
        raise Conflict(f"certificate {subject.name} is being issued already", code="nothing_to_do", state="issuing")


def request(action: Action, subject: KubeObject, api: Api, mark: Mark) -> Request:
    condition: JsonValue = {
        "type": ISSUING,
        "status": "True",
        "reason": "ManuallyTriggered",
        "message": f"Renewal asked for by execution {mark.id}",
        "lastTransitionTime": mark.time,
        "observedGeneration": subject.generation,
    }
    others: list[JsonValue] = [c.raw for c in subject.each("status", "conditions") if c.text("type") != ISSUING]
    body: JsonValue = {
        "metadata": {"resourceVersion": subject.resource_version},
        "status": {"conditions": [*others, condition]},
    }
    return Request(Ref(subject.kind, subject.namespace, subject.name), body, Patch.MERGE, "status")


def proof(action: Action, mark: Mark) -> Ref:
    return subject(action)


def has_landed(proof: KubeObject | None, uid: str, before: KubeObject, mark: Mark) -> bool:
    """The id in the condition, or a newer issue: cert-manager takes the condition away when it is done."""
    if proof is None:
        return False
    issuing = proof.condition(ISSUING)
    issued = bool(before.raw) and proof.number("status", "revision") > before.number("status", "revision")
    return issued or (issuing is not None and mark.id in issuing.text("message"))


def progress(action: Action, subject: KubeObject | None, api: Api, before: KubeObject) -> Progress:
    if subject is None:
        return Progress(done=False, words="the certificate is gone", failed="the certificate is gone")
    issuing, ready = subject.condition(ISSUING), subject.condition("Ready")
    old, now = before.number("status", "revision"), subject.number("status", "revision")
    if issuing is not None and issuing.text("status") == "False" and issuing.text("reason") == "Failed":
        return Progress(done=False, words=issuing.text("message"), failed=issuing.text("message") or "issuing failed")
    done = now > old and ready is not None and ready.text("status") == "True"
    return Progress(done=done, words=f"issue {now}, was {old}", ready_at=subject.time("status", "notBefore"))
