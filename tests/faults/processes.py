"""Workers that are killed for real: forked from the test, with connections of their own."""

import os
import signal
import ssl
import traceback
from collections.abc import Callable

import httpx2
from django.db import connections


class Child:
    """A process in a group of its own that does `work` and ends. `kill` is `kill -9` of the group."""

    def __init__(self, work: Callable[[], object]) -> None:
        connections.close_all()  # nothing may be shared with the parent
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            try:
                work()
            except BaseException:  # noqa: BLE001  (the end of the process)
                traceback.print_exc()
                os._exit(1)
            os._exit(0)

    def kill(self) -> None:
        os.killpg(self.pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """How it ended: an exit code, negative for a signal."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def die() -> None:
    """`kill -9` of the process that says so."""
    os.kill(os.getpid(), signal.SIGKILL)


class DyingTransport(httpx2.AsyncHTTPTransport):
    """Ends its process at the first request that `fits`, before it leaves or after its answer came."""

    def __init__(self, fits: Callable[[httpx2.Request], bool], *, after: bool, verify: ssl.SSLContext | None) -> None:
        super().__init__(verify=verify if verify is not None else False)
        self._fits, self._after = fits, after

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._fits(request) and not self._after:
            die()
        response = await super().handle_async_request(request)
        if self._fits(request):
            await response.aread()
            die()
        return response
