"""How many webhook posts are handled at once. More is answered 503, which senders repeat; waiting would time them out."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aiops.core.errors import Unavailable


class Admission:
    """Places for posts in flight in this process, some of them kept for a sender that never asks again."""

    def __init__(self, places: int, reserved: int) -> None:
        self._places, self._reserved = places, reserved
        self._taken = 0
        self._lock = threading.Lock()

    @contextmanager
    def place(self, *, reserved: bool = False) -> Iterator[None]:
        """Hold a place, or Unavailable at once. Only senders that never ask again may take the reserved ones."""
        limit = self._places if reserved else self._places - self._reserved
        with self._lock:
            if self._taken >= limit:
                raise Unavailable("too many posts at once; the sender repeats this one", retry_after_s=1)
            self._taken += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken -= 1
