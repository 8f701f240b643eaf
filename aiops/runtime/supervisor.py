"""The supervisor as a child process: started, watched, stopped with everything that it runs."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from aiops.runtime import leftovers
from aiops.runtime.faults import RuntimeFault
from aiops.runtime.paths import RuntimePaths
from aiops.runtime.processes import STOP_WITHIN_S
from aiops.runtime.stopping import StopSignals
from aiops.runtime.terminal import say

SOON_S = 10.0  # ended earlier than this after its start, it did not really run
SOON_LIMIT = 3
NOT_STARTABLE = 3  # its exit code when it has said itself what is wrong


class SupervisorProcess:
    """Runs while this program does: killed, it is started again, after what it left behind has been ended."""

    def __init__(self, paths: RuntimePaths, config: str, environment: Mapping[str, str]) -> None:
        self.paths = paths
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._ended_soon = 0
        _write_private(paths.supervisor_config, config)

    def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  (our own module)
            [sys.executable, "-m", "aiops.runtime.supervision", str(self.paths.supervisor_config)],
            env=dict(self._environment),
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal reaches `up` alone, which passes it on in order
        )
        self._started_at = time.monotonic()

    def wait(self, timeout_s: float) -> None:
        """Look after it for that long. RuntimeFault when it cannot be kept running."""
        if self._process is None:
            return
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return
        self._ended_soon = self._ended_soon + 1 if time.monotonic() - self._started_at < SOON_S else 0
        leftovers.end(self.paths.tag)
        if code == NOT_STARTABLE or self._ended_soon >= SOON_LIMIT:
            raise RuntimeFault(f"the supervisor does not stay up; see {self.paths.logs / 'supervisor.log'}")
        say("The supervisor ended and is started again, with all processes")
        self.start()

    def stop(self, signals: StopSignals) -> None:
        """All processes have ended when this returns; in a hurry they are killed."""
        if self._process is None:
            return
        self._process.terminate()
        deadline = time.monotonic() + STOP_WITHIN_S + 10
        while self._process.poll() is None and not signals.in_a_hurry and time.monotonic() < deadline:
            time.sleep(0.05)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        leftovers.end(self.paths.tag, grace_s=0 if signals.in_a_hurry else leftovers.GRACE_S)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
