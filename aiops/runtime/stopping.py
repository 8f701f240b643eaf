"""How a run ends: the first Ctrl-C, SIGTERM or closed terminal asks for an orderly stop, the second ends at once; no orphans."""

import contextlib
import ctypes
import os
import signal
import sys
from types import FrameType

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


class StopRequestedError(BaseException):
    """Raised in the main thread, wherever it is; like KeyboardInterrupt no handler of ordinary errors sees it."""


class StopSignals:
    """Installed once; `in_a_hurry` is True from the second signal on."""

    def __init__(self) -> None:
        self.in_a_hurry = False
        self._signals = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
            self._signals.append(signal.SIGHUP)
        for number in self._signals:
            signal.signal(number, self._first)

    def _first(self, number: int, frame: FrameType | None) -> None:
        for each in self._signals:
            signal.signal(each, self._again)
        raise StopRequestedError

    def _again(self, number: int, frame: FrameType | None) -> None:
        self.in_a_hurry = True


def end_with_make() -> None:
    """Under `make`, be asked to stop when make is killed, which cannot pass that on. Linux only; elsewhere nothing happens."""
    if "MAKELEVEL" not in os.environ or sys.platform != "linux":
        return
    parent = os.getppid()
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it was killed before we asked
        os.kill(os.getpid(), signal.SIGTERM)


def adopt_orphans() -> None:
    """Be the parent of whatever loses its own below this process, so that it can be buried here. Linux only."""
    if sys.platform == "linux":
        _prctl(PR_SET_CHILD_SUBREAPER, 1)


def bury_orphans() -> None:
    """Take leave of all that has ended: not every container's first process does. Only when no child is waited for any more."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value)
