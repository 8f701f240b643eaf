"""A Redis whose line can be cut, or go silent, under the product that uses it."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aiops.runtime.servers import Redis
from tests.product import separate_redis, wait_for


class Line:
    """A port that leads to Redis. `cut`: nobody answers there; `silence`: taken, and never answered; `mend`: as before."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._to = str(redis.paths.redis_socket)
        self._listener = self._listen(0)
        self.port = self._listener.getsockname()[1]
        self._is_silent = False
        self._open: set[socket.socket] = set()
        self._ends = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def _listen(port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(256)
        return listener

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        self._listener.close()
        self._hang_up()

    def silence(self) -> None:
        """Open connections stay, and nothing is heard on them any more."""
        self._is_silent = True

    def mend(self) -> None:
        self._hang_up()
        self._is_silent = False
        if self._listener.fileno() < 0:
            self._listener = wait_for(self._again, why=f"port {self.port} is free again")

    def _again(self) -> socket.socket | None:
        try:
            return self._listen(self.port)
        except OSError:  # what was cut a moment ago is not let go of yet
            return None

    def flush(self) -> None:
        """Everything that Redis knew is gone."""
        with socket.socket(socket.AF_UNIX) as direct:
            direct.connect(self._to)
            direct.sendall(b"FLUSHALL\r\n")
            assert direct.recv(64).startswith(b"+OK")

    def close(self) -> None:
        self._ends.set()
        self.cut()

    def _hang_up(self) -> None:
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._ends.is_set():
            try:
                ready, _, _ = select.select([self._listener], [], [], 0.1)
                caller = self._listener.accept()[0] if ready else None
            except (OSError, ValueError):  # cut
                self._ends.wait(0.1)
                continue
            if caller is not None:
                threading.Thread(target=self._carry, args=(caller,), daemon=True).start()

    def _carry(self, caller: socket.socket) -> None:
        far = socket.socket(socket.AF_UNIX)
        self._open.add(caller)
        try:
            far.connect(self._to)
            while True:
                ready, _, _ = select.select([caller, far], [], [], 1.0)
                for end in ready:
                    said = end.recv(65536)
                    if not said:
                        return
                    if not self._is_silent:
                        (far if end is caller else caller).sendall(said)
        except (OSError, ValueError):
            return
        finally:
            self._open.discard(caller)
            caller.close()
            far.close()


@contextmanager
def redis_on_a_line() -> Iterator[Line]:
    with separate_redis() as (redis, _):
        line = Line(redis)
        try:
            yield line
        finally:
            line.close()
