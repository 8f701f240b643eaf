"""What the overview and the approvals page show: what waits, what ran alone, and how safe that was."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count, F, Q
from django.db.models.functions import TruncHour
from django.utils import timezone
from pydantic import JsonValue

from aiops.charts import columns
from aiops.core.actions import Action
from aiops.keyset import PageQuery, page
from approvals import escalation, steps
from approvals.escalation import Next
from approvals.models import Approval, Attempt, Contact, Execution, Signature
from approvals.page import Verdict, Wording, assessed
from approvals.waiting import Waiting
from incidents.hearing import engine_words
from incidents.models import Decision, Incident
from incidents.proposals import Proposal
from learning.models import Outcome

CARDS_SHOWN = 30
ENDED_SHOWN = 50
RECENT_SHOWN = 8
ALONE_SHOWN = 4
HOURS_SHOWN = 24
SAFETY_DAYS = 30
ANSWERED = (Approval.Status.APPROVED, Approval.Status.REJECTED, Approval.Status.OVERRIDDEN)
UNANSWERED = (Approval.Status.EXPIRED, Approval.Status.WITHDRAWN)


class Card(NamedTuple):
    """One pending approval with what a person reads before signing."""

    approval: Approval
    incident: Incident
    proposal: Proposal | None
    source: str
    action: Action
    signatures: Sequence[Signature]
    waits: Waiting
    blast: Mapping[str, JsonValue]
    verdict: Verdict | None
    words: Wording | None
    asks_next: Next | None
    steps: Sequence[steps.Progress]

    @property
    def missing(self) -> range:
        return range(max(0, self.approval.required_signatures - len(self.signatures)))


def waiting_cards(key: str) -> dict[str, object]:
    """Pending approvals, most urgent first: by severity, then by how soon they expire."""
    rows = (
        Approval.objects.filter(status=Approval.Status.PENDING)
        .select_related("incident", "decision", "author")
        .prefetch_related("signatures__user")
        .order_by("incident__severity", "expires_at")[: CARDS_SHOWN + 1]
    )
    contacts = escalation.contact_list()
    cards = [_card(row, contacts) for row in rows]
    return {"cards": cards[:CARDS_SHOWN], "more": len(cards) > CARDS_SHOWN}


def _card(approval: Approval, contacts: Sequence[Contact]) -> Card:
    shown = assessed(approval.decision, approval)
    signatures = list(approval.signatures.all())
    return Card(
        approval=approval,
        incident=approval.incident,
        proposal=approval.decision.proposal,
        source=engine_words(approval.decision.proposal.source)[0].lower() if approval.decision.proposal else "",
        action=approval.action,
        signatures=signatures,
        waits=Waiting.of(approval, signatures),
        blast=shown.blast,
        verdict=shown.verdict,
        words=shown.words,
        asks_next=escalation.following(approval, contacts),
        steps=steps.progress(approval, ()),
    )


def recent(key: str) -> dict[str, object]:
    """What was decided lately, newest first."""
    rows = (
        Approval.objects.exclude(status=Approval.Status.PENDING)
        .filter(decided_at__isnull=False)
        .select_related("incident", "decision")
        .prefetch_related("signatures")
        .order_by("-id")[:RECENT_SHOWN]
    )
    return {"decided": list(rows)}


def ended(show: str, cursor: str | None) -> tuple[list[Approval], str | None]:
    """Approvals that are over, newest first: those that nobody answered (`expired`), or those that were decided."""
    rows = Approval.objects.select_related("incident", "decision").defer("plan").prefetch_related("signatures")
    rows = rows.filter(status__in=UNANSWERED if show == "expired" else ANSWERED)
    return page(rows, PageQuery(limit=ENDED_SHOWN, cursor=cursor))


def acted_alone(key: str) -> dict[str, object]:
    rows = Execution.objects.filter(autonomous=True).select_related("incident", "decision").order_by("-planned_at")[:ALONE_SHOWN]
    return {"runs": list(rows)}


def safety(key: str) -> dict[str, object]:
    """Wrong and needless autonomous acts, late decisions and doubled executions of the last 30 days."""
    since = timezone.now() - timedelta(days=SAFETY_DAYS)
    alone = Outcome.objects.filter(at__gt=since, autonomous=True).aggregate(
        all=Count("id"),
        wrong=Count("id", filter=Q(result=Outcome.Result.FAILED) | Q(rolled_back=True)),
        needless=Count("id", filter=Q(needless=True)),
    )
    limit = timedelta(seconds=settings.AIOPS.incidents.ready_within_s)
    late = Decision.objects.filter(ready_at__gt=since).filter(ready_at__gt=F("received_at") + limit).count()
    applied = Attempt.objects.filter(started_at__gt=since, outcome=Attempt.Outcome.APPLIED)
    doubled = applied.values("execution").annotate(times=Count("id")).filter(times__gt=1).count()
    right = alone["all"] - alone["wrong"] - alone["needless"]
    return {
        **alone,
        "late": late,
        "doubled": doubled,
        "days": SAFETY_DAYS,
        "share": right / alone["all"] if alone["all"] else None,
    }


def hours(key: str) -> dict[str, object]:
    """Acts of the last 24 hours by hour: alone, with a person, failed."""
    now = timezone.now()
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS_SHOWN - 1)
    failed = Q(status=Execution.Status.FAILED) | Q(verification_result=Execution.Verdict.FAILED)
    counted = (
        Execution.objects.filter(planned_at__gte=first)
        .annotate(hour=TruncHour("planned_at"))
        .values("hour")
        .annotate(
            failed=Count("id", filter=failed),
            alone=Count("id", filter=~failed & Q(autonomous=True)),
            signed=Count("id", filter=~failed & Q(autonomous=False)),
        )
        .order_by("hour")
    )
    by_hour = {row["hour"]: (row["alone"], row["signed"], row["failed"]) for row in counted}
    rows = [by_hour.get(first + timedelta(hours=n), (0, 0, 0)) for n in range(HOURS_SHOWN)]
    alone, signed, bad = (sum(row[n] for row in rows) for n in range(3))
    label = f"Acts per hour over 24 hours: {alone} alone, {signed} with a person, {bad} failed"
    ends = ((0.0, f"{first:%H:%M}"), (50.0, f"{first + timedelta(hours=HOURS_SHOWN // 2):%H:%M}"), (100.0, "now"))
    chart = columns(rows, ("accent", "muted", "bad"), label, height=104, x=ends)
    return {"chart": chart, "alone": alone, "signed": signed, "bad": bad}
