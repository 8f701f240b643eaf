"""What becomes known about a run after it was verified, and how that rewrites what the run counts (`trust-model.md` §2).

A correcting line moves a run from what it counts now to what it should count and carries the run's own time, so a run
never weighs more than one, whatever is said about it, how often and in which order. Where nothing moves, no line.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from aiops.access.principals import SYSTEM
from aiops.core.errors import Conflict, Invalid
from learning import evidence, ledger, playbook_record
from learning.conf import LearningConf
from learning.models import Hindsight, Outcome, TrustEvent

Kind = Hindsight.Kind
_LINE = {
    Kind.RATING: TrustEvent.Kind.RATING,
    Kind.REVIEW: TrustEvent.Kind.REVIEW,
    Kind.RECURRENCE: TrustEvent.Kind.RECURRENCE,
    Kind.UNDONE: TrustEvent.Kind.OUTCOME,
}


@transaction.atomic
def rate(execution: UUID, *, score: int, actor: str, at: datetime, notes: str = "") -> TrustEvent | None:
    """A person rates a run 1–5; rating again replaces what they said before. None where that moves nothing.

    Raises Conflict (`not_verified`) while the run has no outcome, Invalid for another score.
    """
    if not 1 <= score <= 5:
        raise Invalid(f"a rating is 1 to 5, not {score}", loc=("score",))
    outcome = _outcome(execution)
    before = outcome.hindsight.filter(kind=Kind.RATING, actor=actor).values_list("value", flat=True).first()
    event = _learn(outcome, Kind.RATING, score, actor=actor, at=at, note=notes, reason=f"rated {score} of 5")
    if outcome.playbook is not None and before != score:
        playbook_record.rated(outcome.playbook, before=before, now=score, conf=_conf())
    return event


@transaction.atomic
def review(execution: UUID, *, right: bool, actor: str, at: datetime, note: str = "") -> TrustEvent | None:
    """A person answers whether an act was right; the latest answer about a run counts, whoever gave it."""
    outcome = _outcome(execution)
    reason = f"reviewed as {'right' if right else 'wrong'}"
    return _learn(outcome, Kind.REVIEW, int(right), actor=actor, at=at, note=note, reason=reason)


def recurred(anomaly_key: str, *, at: datetime) -> list[TrustEvent]:
    """The anomaly fires again at `at`: what had seemed to cure it shortly before did not."""
    since = at - timedelta(seconds=_conf().recurrence_s)
    cured = Outcome.objects.filter(anomaly_key=anomaly_key, at__gte=since, at__lte=at, successes__gt=0.0).order_by("id")
    events = []
    for execution in cured.values_list("execution", flat=True):
        with transaction.atomic():
            outcome = _outcome(execution)
            reason = f"firing again after {int((at - outcome.at).total_seconds() // 60)} min"
            events.append(_learn(outcome, Kind.RECURRENCE, 1, actor=SYSTEM.name, at=at, note="", reason=reason))
    return [event for event in events if event is not None]


def rolled_back(execution: UUID, *, actor: str, at: datetime, reason: str = "") -> TrustEvent | None:
    """A verified run was put back: it counts as a failure."""
    return _undone(execution, "rolled back", actor=actor, at=at, reason=reason)


def stopped(execution: UUID, *, actor: str, at: datetime, reason: str = "") -> TrustEvent | None:
    """A person stopped a run whose outcome was recorded meanwhile: it counts as a failure."""
    return _undone(execution, "stopped", actor=actor, at=at, reason=reason)


@transaction.atomic
def _undone(execution: UUID, how: str, *, actor: str, at: datetime, reason: str) -> TrustEvent | None:
    outcome = _outcome(execution)
    said = f"{how}: {reason}" if reason else how
    event = _learn(outcome, Kind.UNDONE, 1, actor=actor, at=at, note=reason, reason=said)
    if how == "rolled back" and not outcome.rolled_back:
        outcome.rolled_back = True
        outcome.save(update_fields=["rolled_back"])
    return event


def _outcome(execution: UUID) -> Outcome:
    """The outcome under the lock of its trust row, under which all that is said of its run is weighed."""
    outcome = Outcome.objects.filter(execution=execution).first()
    if outcome is None:
        raise Conflict("this run is not verified yet; say so once it is", code="not_verified")
    ledger.lock(outcome.scope)
    outcome.refresh_from_db()
    return outcome


def _learn(
    outcome: Outcome, kind: Hindsight.Kind, value: int, *, actor: str, at: datetime, note: str, reason: str
) -> TrustEvent | None:
    Hindsight.objects.update_or_create(outcome=outcome, kind=kind, actor=actor, defaults={"value": value, "note": note, "at": at})
    known = _known(outcome.hindsight.order_by("at", "id"), undone=outcome.rolled_back)
    should = evidence.worth(outcome.result, known, _conf())
    counts = ledger.counts_of(outcome.execution)
    change = should - counts
    if not change:
        return None
    line = _LINE[kind]
    event = ledger.append(
        outcome.scope,
        line,
        ds=change.ds,
        df=change.df,
        dscore=change.dscore,
        at=outcome.at,
        actor=actor,
        reason=reason,
        execution=outcome.execution,
        decision=outcome.decision,
        revision=TrustEvent.objects.filter(execution=outcome.execution, kind=line, actor=actor).count(),
        signers=outcome.signers,
    )
    outcome.successes, outcome.failures = should.ds, should.df
    outcome.save(update_fields=["successes", "failures"])
    if outcome.playbook is not None:
        playbook_record.rewritten(outcome.playbook, counts, should, _conf())
    return event


def _known(said: Iterable[Hindsight], *, undone: bool) -> evidence.Hindsight:
    """What all of it comes to. `said` is in the order of time."""
    said = list(said)
    reviews = [one.value for one in said if one.kind == Kind.REVIEW]
    return evidence.Hindsight(
        ratings=[one.value for one in said if one.kind == Kind.RATING],
        is_wrong=bool(reviews) and reviews[-1] == 0,
        recurred=any(one.kind == Kind.RECURRENCE for one in said),
        undone=undone or any(one.kind == Kind.UNDONE for one in said),
    )


def _conf() -> LearningConf:
    conf: LearningConf = settings.AIOPS.learning
    return conf
