"""Who in this process follows which topic: one subscription for all of them, however many pages are open.

A change is one message to a process, and then one call a page: in a storm of changes that is what the pages cost.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Protocol
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from aiops.live import GROUP

log = structlog.get_logger(__name__)


class Listener(Protocol):
    def changed(self, topic: str, at: float) -> None:
        """`topic` changed; this process heard of it at `at` (monotonic). Must only note it."""


class Switchboard:
    """Of one event loop. What it misses while Redis is away, pages see at their next tick."""

    def __init__(self) -> None:
        self._layer = get_channel_layer()
        self._following: dict[str, set[Listener]] = {}
        self._lock = asyncio.Lock()  # a topic is not left while somebody joins it
        self._channel = ""
        self._hearing: asyncio.Task[None] | None = None

    async def join(self, topics: Iterable[str], listener: Listener) -> None:
        """From the return on, `listener` hears of every change. RedisError or OSError where nothing can be heard now."""
        async with self._lock:
            hears = self._hearing is not None and not self._hearing.done()
            channel = self._channel if hears else await self._layer.new_channel()
            for topic in {*topics, *(() if hears else self._following)}:
                await self._layer.group_add(GROUP.format(topic), channel)
            if not hears:
                self._channel, self._hearing = channel, asyncio.create_task(self._hear(channel))
                self._hearing.add_done_callback(_ended)
            for topic in topics:
                self._following.setdefault(topic, set()).add(listener)

    async def leave(self, topics: Iterable[str], listener: Listener) -> None:
        """At once it hears no more, also where this is cancelled while it waits."""
        for topic in topics:
            self._following.get(topic, set()).discard(listener)
        async with self._lock:
            for topic in topics:
                if topic in self._following and not self._following[topic]:
                    del self._following[topic]
                    await self._unsubscribe(topic)

    async def _unsubscribe(self, topic: str) -> None:
        try:
            await self._layer.group_discard(GROUP.format(topic), self._channel)
        except (RedisError, OSError) as error:  # it is heard in vain until Redis is back
            log.warning("live.not_unsubscribed", topic=topic, error=str(error))

    async def _hear(self, channel: str) -> None:
        while True:
            try:
                topic = str((await self._layer.receive(channel))["topic"])
            except (ValueError, TypeError, KeyError) as error:
                log.warning("live.not_understood", error=str(error))
                continue
            at = time.monotonic()
            for listener in tuple(self._following.get(topic, ())):
                listener.changed(topic, at)


def _ended(hearing: "asyncio.Task[None]") -> None:
    """The next page that opens begins it anew; until then the others are looked at every few seconds."""
    if not hearing.cancelled():
        log.error("live.deaf", exc_info=hearing.exception())


_SWITCHBOARDS: WeakKeyDictionary[asyncio.AbstractEventLoop, Switchboard] = WeakKeyDictionary()


def switchboard() -> Switchboard:
    """The one of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _SWITCHBOARDS:
        _SWITCHBOARDS[loop] = Switchboard()
    return _SWITCHBOARDS[loop]
