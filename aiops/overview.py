"""The head of the overview: what needs somebody now, in one sentence, and the urgent incident being analyzed."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from aiops.access.principals import Principal
from aiops.core.wording import counted
from aiops.live import Context, Fragment
from approvals.models import Execution
from approvals.waiting import Waiting, waiting
from incidents.fragments import everybody
from incidents.models import Decision, Delivery, Incident

S = Decision.State


@dataclass(frozen=True, slots=True)
class MayAnswer:
    """How many decisions wait for this viewer, and how many for others only."""

    mine: int
    others: int


def headline(key: str) -> Context:
    running = Execution.objects.filter(status__in=Execution.ACTIVE)
    urgent = Decision.objects.filter(state__in=(S.INIT, S.ANALYZING), incident__severity="P0").count()
    unclear = running.filter(status=Execution.Status.AMBIGUOUS).count()
    parts = [
        f"{urgent} P0 being analyzed" if urgent else "",
        f"{counted(running.filter(autonomous=True).count(), 'action')} alone under way",
        f"{counted(running.filter(autonomous=False).count(), 'signed action')} under way",
        f"{unclear} unclear, with a person" if unclear else "",
    ]
    return {
        "waiting": waiting(),
        "line": ", ".join(part for part in parts if part and not part.startswith("0 ")),
        "open": Incident.objects.live().count(),
        "heard": Delivery.objects.exists(),
        "now": timezone.now(),
    }


def may_answer(facts: Context, viewer: Principal) -> MayAnswer:
    rows: Sequence[Waiting] = facts["waiting"]
    mine = sum(row.for_person(viewer) for row in rows)
    return MayAnswer(mine=mine, others=len(rows) - mine)


def analyzing(key: str) -> Context:
    """The P0 that is being analyzed, if there is one: the one thing that cannot wait for the list."""
    decision = (
        Decision.objects.filter(state__in=(S.INIT, S.ANALYZING), incident__severity="P0")
        .select_related("incident")
        .order_by("received_at")
        .first()
    )
    return {"decision": decision}


HEADLINE = Fragment("headline", "aiops/_headline.html", headline, may_answer)
ANALYZING = Fragment("analyzing", "incidents/_analyzing_banner.html", analyzing, everybody)
