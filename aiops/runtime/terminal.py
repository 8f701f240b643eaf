"""What `up` says on the terminal: plain lines, each at once, and never a reason to stop."""

import contextlib
import sys
import time


def say(text: str = "") -> None:
    """One line. A terminal that is gone is no failure: what matters is also in the logs."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


class Steps:
    """What is being done, then how long it took."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def done(self, text: str) -> None:
        now = time.monotonic()
        say(f"{text:<66} {now - self._last:5.1f} s")
        self._last = now
