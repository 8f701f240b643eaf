"""The life of an approval. Nothing else writes `Approval.status`."""

from django.db import transaction
from django.utils import timezone

from aiops.access.principals import Principal
from aiops.events import Fact
from aiops.live import publish
from aiops.states import Machine
from approvals.models import Approval
from incidents.models import TimelineEvent

S = Approval.Status
MACHINE = Machine(
    "status",
    {S.PENDING: frozenset({S.APPROVED, S.REJECTED, S.OVERRIDDEN, S.EXPIRED, S.WITHDRAWN}), S.APPROVED: frozenset({S.WITHDRAWN})},
)

approval_opened = Fact("approval.opened")
approval_ended = Fact("approval.ended")

TITLES = {
    S.APPROVED: ("Approved", "ok"),
    S.REJECTED: ("Rejected", "bad"),
    S.OVERRIDDEN: ("Overridden by another proposal", ""),
    S.EXPIRED: ("Approval expired unanswered", ""),
    S.WITHDRAWN: ("Approval withdrawn", ""),
}


@transaction.atomic
def advance(approval: Approval, to: Approval.Status, *, actor: Principal, detail: str = "", **fields: object) -> bool:
    """Move `approval` to `to`, with its timeline row and live pages; True for the one caller that did it."""
    if not MACHINE.move(approval, to, decided_at=timezone.now(), reason=detail[:500], **fields):
        return False
    title, status = TITLES[to]
    TimelineEvent.record(approval.incident_id, f"approval.{to}", title, detail=detail, actor=actor.name, status=status)
    publish("overview", "approvals", f"incident.{approval.incident_id}")
    approval_ended.announce(approval.pk)
    return True


def announce_signature(approval: Approval, by: Principal, comment: str) -> None:
    """Pages and the timeline show who signed, the last one too; what follows of it is another row."""
    title = f"{by.user or by.name} signed"
    TimelineEvent.record(approval.incident_id, "approval.signed", title, detail=comment[:1000], actor=by.name, status="ok")
    publish("overview", "approvals", f"incident.{approval.incident_id}")
