"""What a request has to say once its transaction is committed, said by one thread of the process: no sender waits for it.

While the thread speaks, more comes in, and that goes out together: the more requests there are, the less each costs. Web has
such a thread. Anywhere else, or without it, everything is said at once by whoever has it to say.
"""

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

END_WITHIN_S = 2.0

Say = Callable[[Sequence[Any]], None]


class Teller:
    """Holds nothing that may not be lost: all of it are hints, and the sweeper finds in the database what they are about."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[tuple[Say, Sequence[Any]] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """From now on by a thread. One that broke is replaced here; what it was saying is lost, and in the log."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._speak, daemon=True, name="teller")
                self._thread.start()

    def stop(self) -> None:
        """Say what is left; from now on without a thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._waiting.put(None)
            thread.join(END_WITHIN_S)

    def tell(self, say: Say, items: Sequence[Any]) -> None:
        """Have `say` called with `items`, and with those of others who say something by it at the same time."""
        thread = self._thread
        if thread is None:
            say(items)
            return
        self._waiting.put((say, items))
        if not thread.is_alive():
            self.start()

    def _speak(self) -> None:
        while (first := self._waiting.get()) is not None:
            together = {first[0]: list(first[1])}
            try:
                while (more := self._waiting.get_nowait()) is not None:
                    together.setdefault(more[0], []).extend(more[1])
            except Empty:
                more = first
            for say, items in together.items():
                say(items)
            if more is None:
                return


# One per process, because a thread is a process's own.
teller = Teller()
