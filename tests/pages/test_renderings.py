"""What viewers share: loaded once a change, rendered once a right, never older than what is asked for."""

import threading
import time
from dataclasses import dataclass, field

from aiops.live import Fragment
from aiops.renderings import HTML_KEPT, Lately, Renderings, Timed, rendered
from aiops.topics import Part


@dataclass
class Counter:
    """A part of a page that counts how often it is loaded."""

    loads: list[str] = field(default_factory=list)

    def load(self, key: str) -> dict[str, object]:
        self.loads.append(key)
        return {"alarms": [], "n": len(self.loads)}

    def part(self, key: str = "1", topic: str = "overview") -> Part:
        return Part(Fragment("banners", "layout/_banners.html", self.load, lambda facts, viewer: str(viewer)), key, topic)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


def test_two_hundred_viewers_of_one_change_load_once():
    counter, shared = Counter(), Renderings()
    part = counter.part()
    heard_at = time.monotonic()
    for _ in range(200):
        assert shared.for_viewer([part], "lead", heard_at)
    assert counter.loads == ["1"]


def test_a_later_change_is_loaded_again():
    counter, clock = Counter(), Clock()
    shared = Renderings(clock)
    for _ in ("a", "b", "c"):
        heard_at = clock()
        for _ in ("one viewer", "another"):
            shared.for_viewer([counter.part()], "lead", heard_at)
    assert len(counter.loads) == 3


def test_what_was_rendered_from_older_facts_does_not_pass_for_new():
    counter, clock = Counter(), Clock()
    shared = Renderings(clock)
    first = clock()
    shared.for_viewer([counter.part()], "viewer", first)
    second = clock()
    shared.for_viewer([counter.part()], "lead", first)  # rendered now, from the facts of the first change
    shared.for_viewer([counter.part()], "lead", second)
    assert len(counter.loads) == 2


def test_each_right_is_rendered_from_the_same_facts():
    counter, shared = Counter(), Renderings()
    at = time.monotonic()
    for viewer in ("lead", "viewer", "lead"):
        shared.for_viewer([counter.part()], viewer, at)
    assert counter.loads == ["1"]


def test_viewers_in_other_threads_wait_for_the_first():
    counter, shared = Counter(), Renderings()
    at, barrier = time.monotonic(), threading.Barrier(8)

    def look() -> None:
        barrier.wait()
        shared.for_viewer([counter.part()], "lead", at)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.loads == ["1"]


def test_what_is_kept_is_bounded():
    kept: Lately[int, str] = Lately(HTML_KEPT)
    for n in range(HTML_KEPT * 3):
        kept.get(n, 0.0, lambda: Timed(1.0, "x"))
    assert len(kept) == HTML_KEPT


def test_a_failed_load_is_not_kept():
    kept: Lately[int, str] = Lately(10)

    def broken() -> Timed[str]:
        raise OSError

    for make in (broken, lambda: Timed(1.0, "fine")):
        try:
            value = kept.get(1, 0.5, make)
        except OSError:
            continue
    assert value.value == "fine"


def test_a_ticking_time_alone_is_no_difference():
    first = '<p><time class="countdown" datetime="2026-01-01T00:00:00Z" data-until>5:00</time> left</p>'
    assert rendered(first).mark == rendered(first.replace("5:00", "4:59")).mark
    assert rendered(first).mark != rendered(first.replace("00:00:00Z", "00:01:00Z")).mark
    assert rendered(first).mark != rendered(first.replace("left", "late")).mark
