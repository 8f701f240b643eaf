"""Facts that one app announces and later apps react to, and the one way to enqueue a task.

A reaction is a hint: it runs after the commit, carries an id, and may be lost. Whatever it would have started, the
sweeper finds in the database (`reliability.md` §1). So nothing here ever fails its caller.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import redis
import structlog
from celery import current_app, shared_task
from django.conf import settings
from django.db import transaction
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from aiops.telling import teller

FEW = 3  # messages that are sent one by one; each costs about a millisecond

Id = int | str

log = structlog.get_logger(__name__)


class Task(Protocol):
    """The part of a Celery task that is used here."""

    name: str

    def apply_async(self, args: tuple[Id, ...], *, queue: str | None, retry: bool, ignore_result: bool) -> object: ...


class Breaker:
    """Stops asking a broker that does not answer: open for `rest_s` after `limit` failures in a row."""

    def __init__(self, *, limit: int, rest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._rest_s, self._clock = limit, rest_s, clock
        self._failures, self._closed_at = 0, 0.0

    @property
    def is_open(self) -> bool:
        return self._clock() < self._closed_at

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= self._limit:
            self._closed_at = self._clock() + self._rest_s


# One per process, because what it remembers is this process's connection to the broker.
broker = Breaker(limit=2, rest_s=5.0)


def broker_answers() -> bool:
    """Ask the broker itself, for at most a second; a silent one counts as down."""
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
    try:
        answers = bool(client.ping())
    except (RedisError, OSError):
        answers = False
    finally:
        client.close()
    if answers:
        broker.succeeded()
    else:
        broker.failed()
    return answers


def enqueue(task: Task, pk: Id) -> None:
    """Send `task` the id after the surrounding transaction commits. Never raises: a lost message is the sweeper's."""
    enqueue_all(task, [pk])


def enqueue_all(task: Task, pks: Sequence[Id]) -> None:
    """Send `task` each of the ids; many of them as one message, which a worker sends on one by one."""

    def send() -> None:  # a function with a name: Django reports by it what a callback raises
        teller.tell(_send_all, [(task, pk) for pk in pks])

    if pks:
        transaction.on_commit(send, robust=True)


@shared_task(name="aiops.fan_out")
def fan_out(name: str, *pks: Id) -> None:
    task = current_app.tasks[name]
    for pk in pks:
        _send(task, (pk,))


def _send_all(calls: Sequence[tuple[Task, Id]]) -> None:
    by_task: dict[str, list[tuple[Task, Id]]] = {}
    for task, pk in calls:
        by_task.setdefault(task.name, []).append((task, pk))
    for name, same in by_task.items():
        if len(same) <= FEW:
            for task, pk in same:
                _send(task, (pk,))
        else:
            _send(fan_out, (name, *(pk for _, pk in same)), queue=_queue_of(name))


def _queue_of(name: str) -> str:
    """Acts never wait behind decisions, also where many are sent at once."""
    queue: str = current_app.conf.task_routes.get(name, {}).get("queue", current_app.conf.task_default_queue)
    return queue


def _send(task: Task, ids: tuple[Id, ...], *, queue: str | None = None) -> None:
    """`queue`: another one than the task's own."""
    if broker.is_open:
        return
    try:
        task.apply_async(ids, queue=queue, retry=False, ignore_result=True)
    except (KombuError, RedisError, OSError) as error:
        broker.failed()
        log.warning("task.not_enqueued", task=task.name, ids=ids, error=str(error))
    else:
        broker.succeeded()


class Fact:
    """Something that happened, announced with the id of its row. `aiops/reactions.py` says what follows from it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._tasks: list[Task] = []

    def react(self, task: Task) -> None:
        if task not in self._tasks:
            self._tasks.append(task)

    def announce(self, pk: Id) -> None:
        for task in self._tasks:
            enqueue(task, pk)

    def announce_all(self, pks: Sequence[int]) -> None:
        for task in self._tasks:
            enqueue_all(task, pks)
