"""What runs after a commit never reaches the caller, whose work is done."""

import threading

import pytest
from django.db import transaction

from aiops import events, live
from aiops.events import enqueue
from aiops.telling import Teller
from approvals.tasks import execute
from incidents.tasks import decide
from tests.threads import together


class BrokenTask:
    """A task whose broker client fails in a way that nobody foresaw."""

    name = "broken"

    def apply_async(self, args, **options):
        raise ValueError("I/O operation on closed file")


@pytest.mark.django_db(transaction=True)
def test_a_message_that_cannot_be_sent_is_not_the_callers_failure():
    with transaction.atomic():
        enqueue(BrokenTask(), 1)


def test_threads_that_publish_for_the_first_time_together_all_get_through(db):
    live._redis.cache_clear()
    assert together([lambda: live._send(("overview",))] * 8) == [None] * 8


class Ear:
    """Hears what is said to it; the first time only once it is let go on."""

    def __init__(self):
        self.heard, self.begun, self.go_on = [], threading.Event(), threading.Event()

    def listen(self, items):
        self.heard.append(list(items))
        if len(self.heard) == 1:
            self.begun.set()
            assert self.go_on.wait(10)


@pytest.fixture
def teller():
    made = Teller()
    yield made
    made.stop()


def test_what_comes_while_the_teller_speaks_goes_out_together(teller):
    ear = Ear()
    teller.start()
    teller.tell(ear.listen, ["a"])
    assert ear.begun.wait(10)
    for word in "bcd":
        teller.tell(ear.listen, [word])
    ear.go_on.set()
    teller.stop()
    assert ear.heard == [["a"], ["b", "c", "d"]]
    teller.tell(ear.listen, ["e"])
    assert ear.heard[-1] == ["e"], "without its thread it speaks at once"


def test_what_breaks_for_the_teller_is_told_and_keeps_nothing_else_back(teller, caplog):
    ear = Ear()

    def breaks(items):
        raise ValueError("I/O operation on closed file")

    teller.start()
    teller.tell(ear.listen, ["a"])
    assert ear.begun.wait(10)
    teller.tell(breaks, ["b"])
    teller.tell(ear.listen, ["c"])
    ear.go_on.set()
    teller.stop()
    assert ear.heard == [["a"], ["c"]]
    assert "hints.not_sent" in caplog.text


def test_many_ids_of_a_task_are_one_message(monkeypatch):
    sent = []
    monkeypatch.setattr(events, "_send", lambda task, ids, queue=None: sent.append((task.name, ids, queue)))
    events._send_all([(BrokenTask(), pk) for pk in range(3)])
    assert sent == [("broken", (0,), None), ("broken", (1,), None), ("broken", (2,), None)]
    sent.clear()
    events._send_all([(BrokenTask(), pk) for pk in range(4)])
    assert sent == [("aiops.fan_out", ("broken", 0, 1, 2, 3), "default")]


def test_many_acts_go_out_by_the_queue_of_acts(monkeypatch):
    sent = []
    monkeypatch.setattr(events.fan_out, "apply_async", lambda ids, **options: sent.append(options["queue"]))
    events._send_all([(execute, f"e{n}") for n in range(4)])
    events._send_all([(decide, n) for n in range(4)])
    assert sent == ["act", "decide"]
