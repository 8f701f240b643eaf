"""F23: a provider that is away, and one that takes messages and says nothing. Every one arrives, and few of them twice."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F

from aiops.outbox import delivery
from aiops.outbox.models import Channel, Notification
from aiops.outbox.posting import post
from tests.faults.conftest import times
from tests.outbox.receiver import receiving

pytestmark = pytest.mark.django_db
S = Notification.Status
AWAY_S, LOOKS_EVERY_S = 600, 5
NOWHERE = "http://127.0.0.1:1/hook"
SILENCE = 0  # it reads a message, keeps it, and closes the connection


def deliver_for(seconds: int, number: int) -> None:
    """The sweeper's looks of so long; what is written down lies further back after each."""
    for _ in range(seconds // LOOKS_EVERY_S):
        delivery.deliver_due(limit=number)
        back = timedelta(seconds=LOOKS_EVERY_S)
        Notification.objects.update(due_at=F("due_at") - back, created_at=F("created_at") - back)


def test_f23_no_message_is_lost_while_the_provider_is_away_or_silent(settings, figure):
    settings.AIOPS = settings.AIOPS.model_copy(update={"egress_hosts": ("127.0.0.1",)})
    number = times(20, full=100)
    silent = number // 4
    Channel.objects.create(name="on-call", address=NOWHERE, secret="shared")
    with transaction.atomic():
        for n in range(number):
            post(f"x:{n}", "test", {"n": n})

    deliver_for(AWAY_S, number)
    assert set(Notification.objects.values_list("status", flat=True)) == {S.QUEUED}
    tries = min(Notification.objects.values_list("attempts", flat=True))

    with receiving() as provider:
        provider.answers = [SILENCE] * silent
        Channel.objects.update(address=provider.url)
        deliver_for(AWAY_S, number)
    heard = Counter(body["payload"]["n"] for _, body in provider.got)
    assert sorted(heard) == list(range(number))
    assert sum(heard.values()) - number == silent, "one repeat for each that nobody knew of, and no other"
    assert all(body["may_be_a_repeat"] for _, body in provider.got[number:])
    assert set(Notification.objects.values_list("status", flat=True)) == {S.SENT}
    figure(f"{number} messages, each tried {tries} times in 10 min away, {silent} unclear sends, {silent} repeats", rounds=number)
