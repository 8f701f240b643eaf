"""Delivery in the background; the sweeper does the same from the rows alone."""

from celery import shared_task

from aiops.outbox import delivery


@shared_task
def deliver(fact: str) -> None:
    """Send what is due, this fact's messages among it."""
    delivery.deliver_due()
