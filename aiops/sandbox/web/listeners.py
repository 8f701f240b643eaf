"""Sockets that can be shut and opened again, and connections that can be cut in the middle of a request."""

import asyncio
import socket
import ssl
import struct
from contextlib import suppress

from starlette.requests import Request
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

# Closing a socket that lingers for zero seconds sends a reset instead of an orderly end.
_RESET = struct.pack("ii", 1, 0)


class _Protocol(HttpToolsProtocol):
    """Lets the application reach the connection of a request."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport


def cut(request: Request) -> None:
    """Reset the connection of `request`: the client sees neither an answer nor an end of one."""
    _reset(request.state.transport)


def _reset(transport: asyncio.Transport) -> None:
    found = transport.get_extra_info("socket")
    if found is not None:
        with suppress(OSError):  # the client may have gone already
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


class Listener:
    """One port of an application. Closed, connecting to it is refused; the port stays ours and opens again."""

    def __init__(self, app: ASGIApp, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._config = Config(app, http=_Protocol, ws="none", lifespan="off", log_config=None, access_log=False)
        self._config.load()
        self._state = ServerState()
        self._host = host
        self._tls = tls
        self._server: asyncio.Server | None = None
        self.port = port

    @property
    def is_open(self) -> bool:
        return self._server is not None

    async def open(self) -> None:
        """Listen. OSError where the port is taken; port 0 takes a free one and keeps it."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        # Simulated clusters come and go on the same port, so a port in TIME_WAIT is no obstacle.
        with socket.socket(socket.AF_INET) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            raw.bind((self._host, self.port))
            self.port = raw.getsockname()[1]
            self._server = await loop.create_server(self._protocol, sock=raw.dup(), ssl=self._tls, backlog=512)

    def _protocol(self) -> asyncio.Protocol:
        return _Protocol(config=self._config, server_state=self._state, app_state={})

    async def close(self) -> None:
        """Refuse new connections and cut those that are open."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for protocol in list(self._state.connections):
            _reset(protocol.transport)
