"""What webhook jobs call back: `POST /webhooks/job`, signed with that job's secret.

It says how a run went as its receiver sees it. Whether it has helped is found out by verification, as for every act.
"""

from typing import Any, Literal
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import ValidationError

from aiops.core.errors import Invalid, TooLarge
from aiops.live import publish
from approvals.means import JobCall
from approvals.models import Execution
from incidents.intake import refusals
from incidents.intake.signing import is_signed
from incidents.models import TimelineEvent

log = structlog.get_logger(__name__)
router = Router(tags=["webhooks"])
MOST_BYTES = 64 * 1024
SOURCE = "job"


class CallbackIn(Schema):
    idempotency_key: UUID
    status: Literal["running", "succeeded", "failed"]
    detail: str = ""


class CallbackOut(Schema):
    status: str


def signed_by_its_job(request: HttpRequest) -> JobCall | None:
    """The run that the body names, if the raw body is signed with its job's secret; nobody learns which of it was wrong."""
    if len(request.body) > MOST_BYTES:
        raise TooLarge(f"a callback has at most {MOST_BYTES} bytes")
    given = request.headers.get("X-Aiops-Signature", "").strip()
    call = _named(request.body)
    # Without a run there is a secret to compare with, too, so that the time it takes tells nothing.
    secret = call.job.secret if call else "nobody knows this secret"
    if not given.startswith("sha256=") or not is_signed(secret, request.body, given.removeprefix("sha256=")) or call is None:
        refusals.count(SOURCE, 401, "no such run, or not signed with its job's secret")
        return None
    return call


def _named(body: bytes) -> JobCall | None:
    try:
        key = CallbackIn.model_validate_json(body).idempotency_key
    except ValidationError:
        return None
    return JobCall.objects.select_related("job").filter(pk=key).first()


@router.post("/job", response=CallbackOut, auth=signed_by_its_job)
def webhook_job(request: HttpRequest, body: CallbackIn) -> Any:
    """How a run goes. The first end counts; whatever comes after it changes nothing."""
    call = JobCall.objects.select_related("job").filter(pk=body.idempotency_key).first()
    if call is None:
        raise Invalid("no such run", loc=("idempotency_key",))
    return {"status": "accepted" if note(call, body.status, body.detail) else "ignored"}


@transaction.atomic
def note(call: JobCall, state: str, detail: str) -> bool:
    """Keep it, and have whatever waits for it look now; False where the run is over already."""
    was = call.state
    if not call.learn(state, detail=detail, called_back_at=Now()):
        return False
    log.info("job.called_back", job=call.job.name, key=str(call.key), state=state)
    waiting = Execution.objects.filter(pk=call.key)
    waiting.filter(status=Execution.Status.AMBIGUOUS).update(due_at=Now())
    waiting.filter(status=Execution.Status.SUCCEEDED, verified_at=None).update(verify_due_at=Now())
    execution = waiting.select_related("incident").first()
    if execution is not None and state != was:
        _tell(execution, call, state, detail)
    return True


def _tell(execution: Execution, call: JobCall, state: str, detail: str) -> None:
    """On the timeline; loud where it contradicts what was taken to be settled."""
    settled = execution.status in (Execution.Status.FAILED, Execution.Status.CANCELLED)
    title = f"Job {call.job.name}: {state}"
    if settled:
        title = f"{title}, though the act counts as {execution.status}; look at what it did"
    status = "bad" if state == "failed" or settled else "work"
    TimelineEvent.record(execution.incident_id, "execution.job", title, detail=detail, actor=call.job.name, status=status)
    publish(execution.incident.topic)
