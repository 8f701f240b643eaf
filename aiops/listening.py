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
            wanted = set(topics)
            if self._hearing is None or self._hearing.done():
                self._channel = await self._layer.new_channel()
                self._hearing = asyncio.create_task(self._hear(self._channel))
                wanted |= self._following.keys()
            for topic in wanted:
                await self._layer.group_add(GROUP.format(topic), self._channel)
            for topic in topics:
                self._following.setdefault(topic, set()).add(listener)

    async def leave(self, topics: Iterable[str], listener: Listener) -> None:
        async with self._lock:
            for topic in topics:
                followers = self._following.get(topic, set())
                followers.discard(listener)
                if not followers and self._following.pop(topic, None) is not None:
                    await self._unsubscribe(topic)

    async def _unsubscribe(self, topic: str) -> None:
        try:
            await self._layer.group_discard(GROUP.format(topic), self._channel)
        except (RedisError, OSError) as error:  # it is heard in vain until Redis is back
            log.warning("live.not_unsubscribed", topic=topic, error=str(error))

    async def _hear(self, channel: str) -> None:
        while True:
            message = await self._layer.receive(channel)
            at, topic = time.monotonic(), message["topic"]
            for listener in tuple(self._following.get(topic, ())):
                listener.changed(topic, at)


_SWITCHBOARDS: WeakKeyDictionary[asyncio.AbstractEventLoop, Switchboard] = WeakKeyDictionary()


def switchboard() -> Switchboard:
    """The one of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _SWITCHBOARDS:
        _SWITCHBOARDS[loop] = Switchboard()
    return _SWITCHBOARDS[loop]
