"""Two times: the wall's, which stamps objects and alerts, and the simulated one, in which everything develops.

`speed` simulated seconds pass in one of the wall. Stamps stay at the wall's time, so clients see no future; durations
(`for`, rollouts, `rate(x[5m])`) are simulated ones. Without a wall, stamps follow the simulated time.
"""

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Wall = Callable[[], datetime]

# Where simulated stamps begin when there is no wall: any fixed moment will do.
EPOCH = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def wall_now() -> datetime:
    return datetime.now(UTC)


class Clock:
    """`elapsed` is the simulated time in seconds since the world began."""

    def __init__(self, wall: Wall | None = None) -> None:
        self.elapsed = 0.0
        self.behind = timedelta(0)  # while a world is made, its stamps lie in the past
        self._wall = wall
        self._speed = 1.0
        self._anchors: list[tuple[float, float]] = []  # wall seconds and elapsed, where the speed changed

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> datetime:
        """What a stamp written now says."""
        return (self._wall() if self._wall else EPOCH + timedelta(seconds=self.elapsed)) + self.behind

    def set_speed(self, speed: float) -> None:
        self.anchor()
        self._speed = speed

    def anchor(self) -> None:
        """From here on, wall and simulated time run together at the current speed."""
        self._anchors.append((self.now().timestamp(), self.elapsed))

    def due(self) -> float:
        """Simulated seconds that the wall is ahead."""
        if not self._anchors:
            self.anchor()
        wall, elapsed = self._anchors[-1]
        return max(0.0, elapsed + (self.now().timestamp() - wall) * self._speed - self.elapsed)

    def elapsed_at(self, wall_s: float) -> float:
        """The simulated time at a moment of the wall; before the first anchor both ran at the same speed."""
        if self._wall is None:
            return wall_s - EPOCH.timestamp()
        if not self._anchors or wall_s < self._anchors[0][0]:
            first_wall, first = self._anchors[0] if self._anchors else (self.now().timestamp(), self.elapsed)
            return first - (first_wall - wall_s)
        place = bisect_right(self._anchors, (wall_s, float("inf"))) - 1
        wall, elapsed = self._anchors[place]
        if place + 1 < len(self._anchors):
            next_wall, next_elapsed = self._anchors[place + 1]
            share = (wall_s - wall) / (next_wall - wall) if next_wall > wall else 1.0
            return elapsed + share * (next_elapsed - elapsed)
        return elapsed + (wall_s - wall) * self._speed
