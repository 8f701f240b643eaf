"""What each engine said, kept as it arrives and shown beside the others."""

from collections.abc import Sequence

from django.db import transaction

from aiops.live import publish
from incidents.models import Decision, Opinion
from incidents.proposals import EngineAnswer

S = Opinion.Status
FIELDS = ("status", "ms", "proposal_data", "weight", "vote", "record", "points", "reasoning", "prompt")


def keep(decision: Decision, answers: Sequence[EngineAnswer]) -> None:
    """Store what is said of a decision under analysis; a later answer of the same engine takes the place of its earlier one."""
    keep_all([(decision, answers)])


@transaction.atomic
def keep_all(said: Sequence[tuple[Decision, Sequence[EngineAnswer]]]) -> None:
    """The same for many, in one statement."""
    rows = [_row(decision, answer) for decision, answers in said for answer in answers]
    Opinion.objects.bulk_create(rows, update_conflicts=True, unique_fields=["decision", "engine"], update_fields=FIELDS)
    publish(*(f"incident.{decision.incident_id}" for decision, _ in said))


@transaction.atomic
def keep_late(decision: Decision, answers: Sequence[EngineAnswer]) -> None:
    """Store what nobody waited for. What was said in time stays as it was."""
    rows = [_row(decision, answer) for answer in answers]
    for row in rows:
        if row.status == S.ANSWERED:
            row.status, row.vote = S.LATE, ""
    Opinion.objects.bulk_create(rows, ignore_conflicts=True)
    publish(f"incident.{decision.incident_id}")


def _row(decision: Decision, answer: EngineAnswer) -> Opinion:
    return Opinion(
        decision=decision,
        engine=answer.engine,
        status=answer.status,
        ms=answer.ms,
        proposal_data=answer.proposal.to_json() if answer.proposal else None,
        weight=answer.weight,
        vote=answer.vote,
        record=answer.record[:120],
        points=[point.model_dump() for point in answer.points],
        reasoning=answer.reasoning,
        prompt=answer.prompt,
    )
