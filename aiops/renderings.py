"""What was loaded and rendered lately in this process, shared by all viewers who may see the same.

A value is good for whoever asks if it began to be loaded after the moment that they ask for: a change is heard of first, and
what is loaded after that contains it. Everything here is bounded; what falls out is only rendered again.
"""

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, NamedTuple, TypeVar

from aiops.live import Context, Fragment
from aiops.topics import Part

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FACTS_KEPT = 300
HTML_KEPT = 1_000

# Times that tick in the browser by themselves: their text alone is no reason to send a part again.
_TICKING = re.compile(r"(<time [^>]*data-(?:until|since|ago)[^>]*>)[^<]*")


class Timed(NamedTuple, Generic[V]):
    began: float
    value: V


class Rendered(NamedTuple):
    """A part as it is sent, and by what to know whether it looks other than what was sent before."""

    html: str
    mark: bytes


class _Slot(Generic[V]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.timed: Timed[V] | None = None


class Lately(Generic[K, V]):
    """The newest value of each key, made by the first who asks and waited for by the others; the oldest keys fall out."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._slots: OrderedDict[K, _Slot[V]] = OrderedDict()

    def get(self, key: K, not_before: float, make: Callable[[], Timed[V]]) -> Timed[V]:
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > self._limit:
                self._slots.popitem(last=False)
        with slot.lock:
            if slot.timed is None or slot.timed.began < not_before:
                slot.timed = make()
            return slot.timed

    def __len__(self) -> int:
        return len(self._slots)


def rendered(html: str) -> Rendered:
    """Equal marks for parts that look the same but for ticking times."""
    return Rendered(html, hashlib.blake2b(_TICKING.sub(r"\1", html).encode(), digest_size=16).digest())


NOTHING = rendered("")


class Renderings:
    """Facts once a change, HTML once a change and right. `now` is monotonic."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._facts: Lately[tuple[Callable[[str], Context | None], str], Context | None] = Lately(FACTS_KEPT)
        self._html: Lately[tuple[Fragment, str, Hashable], Rendered] = Lately(HTML_KEPT)

    def for_viewer(self, parts: Iterable[Part], viewer: object, not_before: float) -> dict[str, Rendered]:
        """Each part as `viewer` may see it, ready to be swapped in; an element without content where there is nothing."""
        return {part.fragment.name: self._one(part, viewer, not_before) for part in parts}

    def _one(self, part: Part, viewer: object, not_before: float) -> Rendered:
        fragment, key = part.fragment, part.key
        facts = self._facts.get((fragment.load, key), not_before, lambda: self._load(fragment, key))
        if facts.value is None or (may := fragment.may(facts.value, viewer)) is None:
            return NOTHING
        return self._html.get((fragment, key, may), facts.began, lambda: self._render(fragment, facts, may)).value

    def _load(self, fragment: Fragment, key: str) -> Timed[Context | None]:
        began = self._now()
        return Timed(began, fragment.load(key))

    def _render(self, fragment: Fragment, facts: Timed[Context | None], may: Hashable) -> Timed[Rendered]:
        """As old as its facts: rendering later makes it no newer."""
        assert facts.value is not None
        return Timed(facts.began, rendered(fragment.render(facts.value, may, oob=True)))


# One per process: what it shares are this process's viewers.
SHARED = Renderings()
