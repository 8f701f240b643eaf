"""What a hold held back is decided again when it ends, if it still fires (`domain.md` §2)."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from aiops.access.principals import SYSTEM
from incidents import decision_state, decisions, holds
from incidents.holds import Period
from incidents.models import Alert, Decision, Hold, Incident

S = Decision.State
BATCH = 200  # a round stays far below the sweeper's patience
STOPS = (Hold.Stops.DECIDE, Hold.Stops.ACT)
# Policy wrote that only the hold stood against it.
HELD_BACK = Q(decision_reasons__contains=[{"code": "hold", "met": False}])


def decide_again() -> int:
    """Decide again what the occurrences that are over by now have held back; returns how many decisions began."""
    now, begun = timezone.now(), 0
    unfollowed = Q(ended_at=None) | Q(last_ended_at=None) | Q(last_ended_at__lt=F("ended_at"))
    started = Hold.objects.filter(unfollowed, stops__overlap=[stop.value for stop in STOPS], starts_at__lte=now)
    for hold in started.order_by("pk"):
        period = holds.last_over(hold, now)
        is_new = period is not None and (hold.last_ended_at is None or hold.last_ended_at < period.ends_at)
        again = _after(hold, period) if period is not None and is_new else 0
        begun += again
        if again < BATCH:  # else the rest follows in the next round
            _followed(hold, period, now)
    return begun


def _followed(hold: Hold, period: Period | None, now: datetime) -> None:
    """Remember how far this hold was followed; one that never comes again is over."""
    until = hold.ended_at or (period.ends_at if period is not None else None)
    over = None if holds.comes_again(hold, now) else until or now
    if (until, over) != (hold.last_ended_at, hold.ended_at):
        Hold.objects.filter(pk=hold.pk).update(last_ended_at=until, ended_at=over)


@transaction.atomic
def _after(hold: Hold, period: Period) -> int:
    begun, now = 0, timezone.now()
    others = [other for stop in STOPS if stop in hold.stops for other in holds.in_force(now, stop) if other.pk != hold.pk]
    for incident in _held_back(period):
        words = holds.words_of_incident(incident)
        # One that another hold still stops is decided when that one ends.
        if holds.fits(hold, words) and holds.first_fitting(others, words) is None:
            begun += _begin(incident)
            if begun == BATCH:
                break
    return begun


def _held_back(period: Period) -> QuerySet[Incident]:
    """Live incidents that fire and whose newest decision was frozen, waited for the end, or ran out meanwhile."""
    newest = Decision.objects.filter(incident=OuterRef("pk")).order_by("-pk")
    firing = Alert.objects.filter(incident=OuterRef("pk"), status=Alert.Status.FIRING)
    frozen = Q(decision_state=S.WITHDRAWN, decision_reason=Decision.Reason.FROZEN)
    waiting = Q(decision_state=S.READY) & HELD_BACK
    ran_out = Q(decision_state=S.EXPIRED, decision_since__gte=period.starts_at)
    return (
        Incident.objects.live()
        .annotate(
            fires=Subquery(firing.values("pk")[:1]),
            decision_state=Subquery(newest.values("state")[:1]),
            decision_reason=Subquery(newest.values("reason")[:1]),
            decision_since=Subquery(newest.values("state_since")[:1]),
            decision_reasons=Subquery(newest.values("assessment__reasons")[:1]),
        )
        .filter(frozen | waiting | ran_out, fires__isnull=False)
        .select_related("root_alert")
        .order_by("severity", "pk")
    )


def _begin(incident: Incident) -> bool:
    """A new decision; one that waits for people ends for it, unless somebody acts on it at this moment."""
    Incident.objects.select_for_update(no_key=True).only("pk").get(pk=incident.pk)
    live = Decision.objects.filter(incident=incident, state__in=Decision.LIVE).first()
    if live is not None and not (
        live.state == S.READY
        and decision_state.withdraw(live, Decision.Reason.REANALYSED, actor=SYSTEM, detail="The hold is over")
    ):
        return False
    decisions.begin(incident, cause="hold_ended")
    return True
