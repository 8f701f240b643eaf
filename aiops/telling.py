"""What a request has to say once its transaction is committed, said by one thread of the process: no sender waits for it.

While the thread speaks, more comes in, and that goes out together: the more requests there are, the less each costs. Web has
such a thread. Anywhere else, or without it, everything is said at once by whoever has it to say.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

import structlog

Say = Callable[[Sequence[Any]], None]

log = structlog.get_logger(__name__)


class Teller:
    """Holds nothing that may not be lost: all of it are hints, and the sweeper finds in the database what they are about."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[Say, list[Any]] = {}
        self._thread: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """From now on by a thread."""
        with self._lock:
            self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="teller")

    def stop(self) -> None:
        """Say what is left; from now on without a thread."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown()

    def tell(self, say: Say, items: Sequence[Any]) -> None:
        """Have `say` called with `items`, and with those of others who say something by it at the same time."""
        with self._lock:
            thread = self._thread
            if thread is not None:
                self._waiting.setdefault(say, []).extend(items)
                thread.submit(self._say_all, say).add_done_callback(_report)
        if thread is None:
            say(items)

    def _say_all(self, say: Say) -> None:
        """What waits to be said by it; nothing, where it went out with an earlier one."""
        with self._lock:
            items = self._waiting.pop(say, [])
        if items:
            say(items)


def _report(done: Future[None]) -> None:
    if (error := done.exception()) is not None:
        log.error("hints.not_sent", error=type(error).__name__, exc_info=error)


# One per process, because a thread is a process's own.
teller = Teller()
