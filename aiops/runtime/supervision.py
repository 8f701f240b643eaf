"""The supervisor of `up`: the package `supervisor`, told to never give up, and saying on the terminal what happens.

Run as `python -m aiops.runtime.supervision CONFIG`; it knows nothing of Django and stays small.
"""

import contextlib
import math
import os
import signal
import sys
import time

from supervisor import events
from supervisor.medusa.asyncore_25 import ExitNow
from supervisor.options import ServerOptions
from supervisor.process import FastCGIProcessGroup, Subprocess
from supervisor.supervisord import Supervisor

from aiops.runtime import stopping
from aiops.runtime.digest import Digest
from aiops.runtime.processes import LONGEST_PAUSE_S, WORKER_QUIT_AFTER_S
from aiops.runtime.terminal import say

WEB, WORKER = "web", "worker"
WEB_LISTENS = b"Uvicorn running"
WEB_FIRST_S = 15.0  # the others wait for web to come up, so that it has the machine for itself, but not longer
LOOK_EVERY_S = 0.2  # the package's own second is long for a sweeper that is gone


class Keeper(Supervisor):
    """Starts again whatever ends, with its orphans ended first."""

    def __init__(self, options: ServerOptions) -> None:
        super().__init__(options)
        self._digest = Digest(say)
        self._worker_quits_at: float | None = None
        self._others_start_at = time.monotonic() + WEB_FIRST_S

    def runforever(self) -> None:
        # While one reference is held, the socket stays open over restarts, and who connects waits instead of being refused.
        held = [
            group.socket_manager.get_socket() for group in self.process_groups.values() if isinstance(group, FastCGIProcessGroup)
        ]
        events.subscribe(events.ProcessStateExitedEvent, self._on_end)
        events.subscribe(events.ProcessStateBackoffEvent, self._on_end)
        events.subscribe(events.ProcessStateStoppingEvent, self._on_stopping)
        events.subscribe(events.ProcessLogStdoutEvent, self._on_output)
        poll = self.options.poller.poll
        self.options.poller.poll = lambda timeout: poll(min(timeout, LOOK_EVERY_S))
        stopping.adopt_orphans()  # it waits for any child, so it buries them as well
        for process in self._after_web():
            process.config.autostart = False
        try:
            super().runforever()
        finally:
            held.clear()

    def tick(self, now: float | None = None) -> None:
        super().tick(now)
        self._digest.flush()
        if time.monotonic() >= self._others_start_at:
            self._others_start_at = math.inf
            for process in self._after_web():
                process.config.autostart = True
        if self._worker_quits_at is not None and time.monotonic() >= self._worker_quits_at:
            self._worker_quits_at = None
            for process in self._processes():
                if process.config.name == WORKER and process.pid:
                    process.signal(signal.SIGQUIT)

    def _processes(self) -> list[Subprocess]:
        return [process for group in self.process_groups.values() for process in group.processes.values()]

    def _after_web(self) -> list[Subprocess]:
        web = next(process for process in self._processes() if process.config.name == WEB)
        return [process for process in self._processes() if process.config.priority > web.config.priority]

    def _on_end(self, event: events.ProcessStateEvent) -> None:
        process = event.process
        if process.pid:
            # Children of a killed process would live on, and two of a kind work side by side.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        if isinstance(event, events.ProcessStateBackoffEvent):
            process.backoff = min(process.backoff, LONGEST_PAUSE_S)
            process.delay = time.time() + process.backoff
        say(f"{process.config.name} ended and is started again; its log: {process.config.stdout_logfile}")

    def _on_stopping(self, event: events.ProcessStateEvent) -> None:
        if event.process.config.name == WORKER and self._worker_quits_at is None:
            self._worker_quits_at = time.monotonic() + WORKER_QUIT_AFTER_S

    def _on_output(self, event: events.ProcessLogEvent) -> None:
        name, data = event.process.config.name, event.data
        if name == WEB and WEB_LISTENS in data:
            self._others_start_at = min(self._others_start_at, time.monotonic())
        self._digest.take(name, data)


def main(config: str) -> int:
    options = ServerOptions()
    options.realize(["-c", config])
    options.first = True
    options.test = False
    try:
        Keeper(options).main()
    except ExitNow:
        return 0
    except ValueError as error:  # a socket that was taken since `up` looked
        say(f"The processes cannot be started: {error}")
        return 3
    finally:
        options.close_httpservers()
        options.close_logger()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
