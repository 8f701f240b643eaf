"""What the sweeper looks after in this app. Each duty finds its rows in the database and moves them; ids may be handed
to Celery, but nothing depends on its answering (`reliability.md` §3).
"""

import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from aiops import events
from aiops.access.principals import SYSTEM
from aiops.live import publish
from incidents import decision_state, decisions, finishing, incident_state, merging, ownership, thawing
from incidents.models import Alert, Decision, Incident, PendingMerge, SeenRequest, TimelineEvent
from incidents.tasks import decide

S = Decision.State
UNCLAIMED = timedelta(seconds=2)
BATCH = 200  # a round stays far below the watchdog's patience
AT_ONCE_S = 1.5  # of one duty
FORGOTTEN_AT_ONCE = 5_000
HAND_OVER_AGES_S = ((4, 6.5), (9, 11.5))  # each waiting decision is handed over again about twice, never every round


def _older_than(seconds: float) -> Q:
    return Q(received_at__lt=Now() - timedelta(seconds=seconds))


def _most_urgent(rows: Q) -> list[Decision]:
    return list(Decision.objects.filter(rows).order_by("incident__severity", "received_at")[:BATCH])


def _finish(rows: Q, *, reason: str, among: Q) -> int:
    """Batch after batch, the most urgent first, for as long as the other duties can wait."""
    until, finished = time.monotonic() + AT_ONCE_S, 0
    while waiting := _most_urgent(rows & among):
        finished += finishing.finish(waiting, reason=reason, among=among)
        if len(waiting) < BATCH or time.monotonic() >= until:
            break
    return finished


def is_storm() -> bool:
    """More new decisions wait than are made one by one."""
    return Decision.objects.filter(finishing.UNBEGUN).count() > settings.AIOPS.incidents.storm_waiting


def decide_late() -> int:
    """Whatever its analysis is doing: at this age a decision becomes READY with the best there is."""
    return _finish(_older_than(settings.AIOPS.incidents.sweep_ready_after_s), reason="late", among=finishing.UNREADY)


def decide_without_broker() -> int:
    """No broker: INIT rows are decided here at once, by rules. In a storm: the ones that wait too long, in batches."""
    if not events.broker_answers():
        return _finish(Q(), reason="broker_down", among=finishing.UNBEGUN)
    if not is_storm():
        return 0
    return _finish(_older_than(settings.AIOPS.incidents.storm_age_s), reason="storm", among=finishing.UNBEGUN)


def hand_over() -> int:
    """Decisions whose message was lost are sent again; a second message finds them claimed and does nothing."""
    ages = Q()
    for youngest, oldest in HAND_OVER_AGES_S:
        ages |= _older_than(youngest) & ~_older_than(oldest)
    lost = Decision.objects.filter(ages, state=S.INIT).values_list("pk", flat=True)[:BATCH]
    for pk in lost:
        events.enqueue(decide, pk)
    return len(lost)


def expire() -> int:
    """READY and unanswered until its end. An approval that is being signed now has its row locked and is not found."""
    over = Decision.objects.filter(state=S.READY, expires_at__lte=Now())[:BATCH]
    return sum(decision_state.advance(decision, S.EXPIRED, actor=SYSTEM) for decision in over)


def carry_out_merges() -> int:
    """Merges that correlation found and nobody has carried out."""
    waiting = PendingMerge.objects.filter(found_at__lt=Now() - UNCLAIMED).order_by("pk")
    return sum(merging.carry_out(incident) for incident in list(waiting.values_list("incident", flat=True)[:BATCH]))


def follow_roots() -> int:
    """Decisions that are READY about an alert that is not the root any more."""
    moved = Decision.objects.filter(state=S.READY, about_alert__isnull=False, incident__root_alert__isnull=False)
    moved = moved.exclude(about_alert=F("incident__root_alert"))
    return sum(decisions.follow_root(decision) for decision in moved[:BATCH])


def turn_stale() -> int:
    """Open alerts that nobody repeats any more: still open, but no proof that they still fire."""
    silent = Alert.objects.filter(
        status=Alert.Status.FIRING, last_seen__lt=Now() - timedelta(seconds=settings.AIOPS.incidents.stale_after_s)
    )
    with transaction.atomic():
        rows = list(silent.select_for_update(skip_locked=True).values_list("pk", "incident_id", "name")[:BATCH])
        Alert.objects.filter(pk__in=[pk for pk, _, _ in rows]).update(status=Alert.Status.STALE)
        for _, incident, name in rows:
            if incident is not None:
                TimelineEvent.record(incident, "alert.stale", f"{name} is not heard any more", status="wait")
                publish(f"incident.{incident}")
    return len(rows)


def end_ownership() -> int:
    """ "I have it" ends at its time."""
    return ownership.end_overdue()


def forget_requests() -> int:
    """Requests that are too old to be known when they come again."""
    age = timedelta(seconds=settings.AIOPS.incidents.replay_window_s)
    old = SeenRequest.objects.filter(received_at__lt=Now() - age).order_by("received_at").values("pk")[:FORGOTTEN_AT_ONCE]
    return SeenRequest.objects.filter(pk__in=old).delete()[0]


def close_resolved() -> int:
    """Resolved long enough ago that nothing more is expected."""
    age = timedelta(seconds=settings.AIOPS.incidents.close_after_s)
    over = Incident.objects.filter(status=Incident.Status.RESOLVED, resolved_at__lt=Now() - age)[:BATCH]
    return sum(incident_state.advance(incident, Incident.Status.CLOSED, actor=SYSTEM) for incident in over)


def follow_ended_holds() -> int:
    """What still fires when a `decide` or `act` hold ends is decided again."""
    return thawing.decide_again()
