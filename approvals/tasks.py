"""Background work of this app: an id in, nothing out, harmless when run twice."""

import socket
from uuid import UUID

from celery import shared_task

from approvals import aftermath, assessment, execution, verification


@shared_task
def assess(decision_id: int) -> None:
    assessment.assess(decision_id)


@shared_task
def execute(execution_id: str) -> None:
    execution.execute(UUID(execution_id), who=f"worker {socket.gethostname()}")


@shared_task
def verify(execution_id: str) -> None:
    verification.verify(UUID(execution_id))


@shared_task
def follow(execution_id: str) -> None:
    aftermath.follow(UUID(execution_id))


@shared_task
def begin_again(decision_id: int) -> None:
    aftermath.begin_after_drift(decision_id)
