"""Background work of this app: an id in, nothing out, harmless when run twice."""

import structlog
from celery import shared_task

from incidents import analysis
from incidents.models import Decision


@shared_task
def decide(decision_id: int) -> None:
    with structlog.contextvars.bound_contextvars(decision_id=decision_id):
        try:
            analysis.decide(decision_id)
        except Decision.DoesNotExist:
            return  # rolled back or removed after the message was sent
