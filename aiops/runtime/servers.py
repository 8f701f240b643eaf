"""The embedded servers together: started before everything else, stopped after it, brought back when one dies."""

import time
from collections.abc import Callable

from aiops.runtime.faults import RuntimeFault
from aiops.runtime.paths import RuntimePaths
from aiops.runtime.postgres import Postgres
from aiops.runtime.redis import Redis

__all__ = ["Postgres", "Redis", "RuntimeFault", "Servers"]

PAUSE_S = 5.0  # after a start that failed
DEAF_LIMIT = 3  # questions without an answer in a row before a Redis that still lives is replaced


class Servers:
    """Those of PostgreSQL and Redis that no URL is set for."""

    def __init__(self, paths: RuntimePaths, *, postgres: bool, redis: bool, tell: Callable[[str], None]) -> None:
        self.postgres = Postgres(paths, tell=tell) if postgres else None
        self.redis = Redis(paths) if redis else None
        self._tell = tell
        self._deaf = 0
        self._again_at = 0.0
        self._told: set[str] = set()

    @property
    def names(self) -> str:
        return " and ".join(name for name, it in (("PostgreSQL", self.postgres), ("Redis", self.redis)) if it)

    def start(self) -> None:
        for server in (self.postgres, self.redis):
            if server is not None:
                server.start()

    def stop(self) -> None:
        for server in (self.redis, self.postgres):
            if server is not None:
                server.stop()

    def keep_running(self) -> None:
        """Start again what has died. A full disk, or another reason not to start, is told once and tried again later."""
        if time.monotonic() < self._again_at:
            return
        if self.postgres is not None and not self.postgres.is_running():
            self._again("PostgreSQL", self.postgres)
        if self.redis is not None:
            self._deaf = 0 if self.redis.is_running() else self._deaf + 1
            if self._deaf >= DEAF_LIMIT or (self._deaf and not self.redis.is_alive()):
                self._again("Redis", self.redis)
                self._deaf = 0

    def _again(self, name: str, server: Postgres | Redis) -> None:
        try:
            server.start()
        except (RuntimeFault, OSError) as fault:
            if name not in self._told:
                self._tell(f"{name} ended and cannot be started yet: {fault}")
            self._told.add(name)
            self._again_at = time.monotonic() + PAUSE_S
        else:
            self._tell(f"{name} ended and runs again")
            self._told.discard(name)
