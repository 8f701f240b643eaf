"""A request through the application as the server calls it: its answer is whole, and nothing of it stays open."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.core.signals import request_finished

from aiops.asgi import application
from tests.product import HOME

pytestmark = pytest.mark.django_db(transaction=True)
WAIT_S = 10.0
WHOLE: Mapping[str, Any] = {"type": "http.request", "body": b"", "more_body": False}
GONE: Mapping[str, Any] = {"type": "http.disconnect"}


def scope(path: str, method: str = "GET") -> dict[str, Any]:
    return {
        "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "scheme": "http", "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 5),
        "server": ("localhost", 80),
    }  # fmt: skip


def said(path: str, *messages: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the application sends back for these messages of the server."""

    async def exchange() -> list[dict[str, Any]]:
        wire = ApplicationCommunicator(application, scope(path))
        for message in messages:
            await wire.send_input(message)
        await wire.wait(WAIT_S)
        return [wire.output_queue.get_nowait() for _ in range(wire.output_queue.qsize())]

    return async_to_sync(exchange)()


def test_a_page_comes_with_its_headers_and_cookies():
    start, body = said("/login", WHOLE)
    assert start["status"] == 200
    assert any(name == b"Set-Cookie" and value.startswith(b"csrftoken=") for name, value in start["headers"])
    assert b"</html>" in body["body"]
    assert not body.get("more_body")


def test_a_file_comes_whole():
    file = next((HOME / "static").rglob("*.svg"))
    start, body = said(f"/static/{file.relative_to(HOME / 'static')}", WHOLE)
    assert start["status"] == 200
    assert body["body"] == file.read_bytes()


def test_every_request_is_finished_in_its_own_thread_where_its_connection_is():
    threads: list[str] = []

    def finished(**_: object) -> None:
        threads.append(threading.current_thread().name)

    request_finished.connect(finished)
    try:
        for path in ("/login", "/api/v1/health", "/nothing"):
            said(path, WHOLE)
    finally:
        request_finished.disconnect(finished)
    assert len(threads) == 3
    assert all(name.startswith("request") for name in threads), threads


def test_a_client_that_leaves_before_its_request_is_whole_gets_nothing_done():
    assert said("/login", {"type": "http.request", "body": b"user", "more_body": True}, GONE) == []
