"""A browser's websocket to the ASGI application, without a server between. (Channels' own needs daphne to be imported.)"""

import asyncio
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.conf import settings

from aiops.asgi import application

WAIT_S = 5
HOST = b"localhost"
ORIGIN = b"http://localhost"


class Socket:
    """`session` is the key of somebody's dashboard session; `origin` of the page that opens the socket."""

    def __init__(self, session: str | None, query: str, *, origin: bytes | None = ORIGIN) -> None:
        headers = [(b"host", HOST)]
        if origin is not None:
            headers.append((b"origin", origin))
        if session:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode()))
        self.scope = {
            "type": "websocket", "path": "/ws/live", "query_string": query.encode(), "headers": headers, "subprotocols": [],
            "client": ["127.0.0.1", 5],
        }  # fmt: skip
        self._wire = ApplicationCommunicator(application, self.scope)

    async def is_accepted(self) -> bool:
        await self._wire.send_input({"type": "websocket.connect"})
        answer = await self._wire.receive_output(WAIT_S)
        if answer["type"] == "websocket.accept":
            return True
        await self.close()
        return False

    async def open(self) -> str:
        """Connect, and give what is sent first."""
        assert await self.is_accepted()
        return await self.receive()

    async def receive(self) -> str:
        message = await self.message()
        assert message["type"] == "websocket.send", message
        return str(message["text"])

    async def message(self) -> dict[str, Any]:
        answer: dict[str, Any] = await self._wire.receive_output(WAIT_S)
        return answer

    async def until(self, text: str) -> str:
        """The first message that says `text`."""
        while text not in (said := await self.receive()):
            pass
        return said

    async def hears_nothing(self, for_s: float = 0.4) -> bool:
        return bool(await self._wire.receive_nothing(for_s))

    async def say(self, text: str) -> None:
        await self._wire.send_input({"type": "websocket.receive", "text": text})

    async def close(self) -> None:
        await self._wire.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._wire.wait(WAIT_S)


class Deaf:
    """A browser that reads nothing once it is connected: sending to it never ends."""

    def __init__(self, socket: Socket) -> None:
        self._scope = socket.scope
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.closed = asyncio.Event()

    async def run(self) -> None:
        """Until it was closed by the server."""
        await self._inbox.put({"type": "websocket.connect"})
        running = asyncio.create_task(application(self._scope, self._inbox.get, self._send))
        async with asyncio.timeout(WAIT_S):
            await self.closed.wait()
        await self._inbox.put({"type": "websocket.disconnect", "code": 1013})
        await running

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            await asyncio.Event().wait()
        if message["type"] == "websocket.close":
            self.closed.set()
