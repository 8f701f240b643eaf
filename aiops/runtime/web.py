"""The web process: `python -m aiops.runtime.web --host 0.0.0.0 --port 8000`, or on a socket that is already open."""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import uvicorn
from django.urls import get_resolver
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

from aiops.telling import teller

# Requests under way get this long to answer, and then as long as their statements may take to end: the supervisor and
# Kubernetes wait longer.
STOP_WITHIN_S = 10


class Sockets(WebSocketsSansIOProtocol):
    """What 200 open pages are sent is packed 200 times: quickly, for a third more on the wire."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        packing = {"level": 1, "memLevel": 5}
        self.conn.available_extensions = [
            ServerPerMessageDeflateFactory(server_max_window_bits=12, client_max_window_bits=12, compress_settings=packing)
        ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m aiops.runtime.web", description=__doc__)
    parser.add_argument("--fd", type=int, help="serve on this open socket")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args(arguments)
    os.environ.setdefault("AIOPS_PROCESS", "web")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiops.settings")
    application = import_module("aiops.asgi").application  # once the environment is complete
    get_resolver().url_patterns  # noqa: B018  (reads all pages in, so that the first visitor does not wait for it)
    # What is loaded stays for good: looking through it for garbage stops all requests for some tenths of a second.
    gc.collect()
    gc.freeze()
    teller.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # uvicorn gives it back once it has finished what is under way
    try:
        serve(application, given)
    finally:
        teller.stop()


def serve(application: Any, given: argparse.Namespace) -> None:
    uvicorn.run(
        application,
        fd=given.fd,
        host=given.host,
        port=given.port,
        loop="uvloop",
        http="httptools",
        ws=Sockets,
        lifespan="off",
        log_config=None,  # Django's JSON lines, as everywhere
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )


if __name__ == "__main__":
    main()
