"""One subscription a topic and process, however many pages follow it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from redis import Redis

from aiops.listening import Switchboard
from aiops.live import GROUP, PREFIX, _send

WITHIN_S = 10


class Ear:
    """A page that notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, float]] = []
        self._more = asyncio.Event()

    def changed(self, topic: str, at: float) -> None:
        self.heard.append((topic, at))
        self._more.set()

    async def hears(self, *topics: str) -> None:
        async with asyncio.timeout(WITHIN_S):
            while [topic for topic, _ in self.heard] != list(topics):
                await self._more.wait()
                self._more.clear()


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async_to_sync(scenario)()


async def tell_nonsense() -> None:
    layer = get_channel_layer()
    await layer.group_send(GROUP.format("listening.e"), {"no": "topic"})


async def tell(*topics: str) -> None:
    await sync_to_async(_send)(topics)


def subscribers(topic: str) -> int:
    name = f"{PREFIX}__group__{GROUP.format(topic)}"
    with Redis.from_url(settings.REDIS_URL) as client:
        return int(client.pubsub_numsub(name)[0][1])


def test_a_change_is_one_message_to_all_who_follow():
    async def scenario() -> None:
        board, one, other, stranger = Switchboard(), Ear(), Ear(), Ear()
        await board.join(["listening.a", "listening.b"], one)
        await board.join(["listening.a"], other)
        await board.join(["listening.c"], stranger)
        assert await sync_to_async(subscribers)("listening.a") == 1
        await tell("listening.a", "listening.b")
        await one.hears("listening.a", "listening.b")
        await other.hears("listening.a")
        assert one.heard[0] == other.heard[0], "they heard of it at the same moment, so they share what is rendered then"
        assert stranger.heard == []

    run(scenario)


def test_the_last_who_leaves_ends_the_subscription():
    async def scenario() -> None:
        board, one, other = Switchboard(), Ear(), Ear()
        for ear in (one, other):
            await board.join(["listening.d"], ear)
        await board.leave(["listening.d"], one)
        await tell("listening.d")
        await other.hears("listening.d")
        assert one.heard == []
        await board.leave(["listening.d"], other)
        await board.leave(["listening.d"], other)  # twice is once
        assert await sync_to_async(subscribers)("listening.d") == 0

    run(scenario)


def test_a_board_that_stopped_hearing_hears_again_for_all_when_the_next_page_opens():
    async def scenario() -> None:
        board, old, new = Switchboard(), Ear(), Ear()
        await board.join(["listening.e"], old)
        assert board._hearing is not None
        board._hearing.cancel()
        await asyncio.wait([board._hearing])
        await board.join(["listening.f"], new)
        await tell_nonsense()
        await tell("listening.e", "listening.f")
        await old.hears("listening.e")
        await new.hears("listening.f")

    run(scenario)
