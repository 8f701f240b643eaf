"""What runs after a commit never reaches the caller, whose work is done."""

import pytest
from django.db import transaction

from aiops import live
from aiops.events import enqueue
from tests.threads import together


class BrokenTask:
    """A task whose broker client fails in a way that nobody foresaw."""

    name = "broken"

    def apply_async(self, args, *, retry, ignore_result):
        raise ValueError("I/O operation on closed file")


@pytest.mark.django_db(transaction=True)
def test_a_message_that_cannot_be_sent_is_not_the_callers_failure():
    with transaction.atomic():
        enqueue(BrokenTask(), 1)


def test_threads_that_publish_for_the_first_time_together_all_get_through(db):
    live._redis.cache_clear()
    assert together([lambda: live._send(("overview",))] * 8) == [None] * 8
