"""What follows from an act for decisions: when a new analysis begins by itself, and when a person has to ask for one.

Everything here finds its work in the database, so a lost message only makes it later.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now

from aiops.access.principals import SYSTEM
from approvals import stepping
from approvals.models import Approval, Execution
from incidents import decision_state, decisions
from incidents.models import Alert, Decision, Incident, TimelineEvent
from learning import hindsight
from learning.models import Outcome

BATCH = 50
RECENT = timedelta(hours=1)
S = Decision.State


def follow(execution_id: UUID) -> None:
    """After a verdict: others who wanted to act on the same target look again, and a first failure is thought over."""
    execution = Execution.objects.select_related("incident").get(pk=execution_id)
    if execution.verified_at is None:
        return
    analyse_others_again(execution)
    think_over(execution)


def analyse_others_again(execution: Execution) -> int:
    """Pending approvals for the same target saw it as it was before this act: withdrawn, and analysed again."""
    stale = Approval.objects.filter(
        status=Approval.Status.PENDING, target_key=execution.target_key, created_at__lt=execution.verified_at
    ).select_related("decision", "incident")
    moved = 0
    for approval in stale:
        with transaction.atomic():
            detail = "Another act on the same target was verified"
            if decision_state.withdraw(approval.decision, Decision.Reason.REANALYSED, actor=SYSTEM, detail=detail):
                decisions.begin(approval.incident, cause="target_changed")
                moved += 1
    return moved


def think_over(execution: Execution) -> bool:
    """A first act that was verified as failed leads to one more analysis, once it is undone; a second does not."""
    incident = execution.incident
    acts = Execution.objects.filter(incident=incident, direction=Execution.Direction.FORWARD)
    failed = acts.filter(verification_result=Execution.Verdict.FAILED)
    deciding = Decision.objects.filter(incident=incident, state__in=Decision.LIVE)
    if failed.count() != 1 or not incident.is_live or deciding.exists():
        return False
    first = failed.get()
    if stepping.is_unwinding(first.approval):
        return False
    begun_since = Decision.objects.filter(incident=incident, created_at__gt=first.verified_at).exists()
    if begun_since:
        return False
    decisions.begin(incident, cause="act_failed")
    return True


def begin_after_drift(decision_id: int) -> bool:
    """A target that moved between proposal and act: a new decision, three an hour, then a person."""
    decision = Decision.objects.select_related("incident").get(pk=decision_id)
    incident = decision.incident
    if decision.reason != Decision.Reason.DRIFTED or not incident.is_live or _has_newer(decision):
        return False
    drifted = Decision.objects.filter(
        incident=incident, state=S.WITHDRAWN, reason=Decision.Reason.DRIFTED, state_since__gt=Now() - RECENT
    )
    if drifted.count() > settings.AIOPS.incidents.drifts_per_hour:
        told = incident.timeline.filter(kind="decision.drifts", at__gt=decision.state_since).exists()
        if not told:
            TimelineEvent.record(
                incident,
                "decision.drifts",
                "The target keeps changing; a person decides when to look again",
                detail=f"{drifted.count()} times within an hour",
                status="wait",
            )
        return False
    decisions.begin(incident, cause="drifted")
    return True


def _has_newer(decision: Decision) -> bool:
    return Decision.objects.filter(incident=decision.incident_id, pk__gt=decision.pk).exists()


def sweep() -> int:
    """The same, for what nobody was told of."""
    newer = Decision.objects.filter(incident=OuterRef("incident"), pk__gt=OuterRef("pk"))
    drifted = Decision.objects.filter(
        ~Exists(newer),
        state=S.WITHDRAWN,
        reason=Decision.Reason.DRIFTED,
        state_since__gt=Now() - RECENT,
        incident__status__in=Incident.LIVE,
    )
    moved = sum(begin_after_drift(pk) for pk in list(drifted.values_list("pk", flat=True)[:BATCH]))
    later = Decision.objects.filter(incident=OuterRef("incident"), created_at__gt=OuterRef("verified_at"))
    failed = Execution.objects.filter(
        ~Exists(later),
        verification_result=Execution.Verdict.FAILED,
        verified_at__gt=Now() - RECENT,
        incident__status__in=Incident.LIVE,
    ).select_related("incident")
    return moved + sum(think_over(execution) for execution in failed[:BATCH])


def note_recurrences() -> int:
    """Anomalies that fire again soon after they seemed cured: the run that had counted as a success did not cure."""
    window = timedelta(seconds=settings.AIOPS.learning.recurrence_s)
    again = Alert.objects.filter(
        anomaly_key=OuterRef("anomaly_key"), first_seen__gt=OuterRef("at"), first_seen__lte=OuterRef("at") + window
    )
    cured = Outcome.objects.filter(Exists(again), at__gt=Now() - 2 * window, successes__gt=0.0)
    moved = 0
    for key, at in cured.values_list("anomaly_key", F("at"))[:BATCH]:
        fired = Alert.objects.filter(anomaly_key=key, first_seen__gt=at).order_by("first_seen")
        moved += len(hindsight.recurred(key, at=fired[0].first_seen))
    return moved
