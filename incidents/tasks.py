"""Background work of this app: an id in, nothing out, harmless when run twice."""

import structlog
from celery import shared_task

from incidents import analysis, decisions, merging
from incidents.models import Decision


@shared_task
def decide(decision_id: int) -> None:
    with structlog.contextvars.bound_contextvars(decision_id=decision_id):
        try:
            analysis.decide(decision_id)
        except Decision.DoesNotExist:
            return  # rolled back or removed after the message was sent


@shared_task
def follow_root(incident_id: int) -> None:
    """Its root is another alert now."""
    for decision in Decision.objects.filter(incident=incident_id, state=Decision.State.READY):
        decisions.follow_root(decision)


@shared_task
def merge(incident_id: int) -> None:
    """Correlation found that it is a part of another incident."""
    merging.carry_out(incident_id)
