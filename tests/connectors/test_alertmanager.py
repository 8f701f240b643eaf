"""Alertmanager's own API, over a socket: what each way of failing is called."""

import json
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest
import respx

from aiops.connectors import alertmanager
from aiops.connectors.alertmanager import Alertmanager, SilenceMatcher
from aiops.connectors.errors import Ambiguous, ConnectorError, Permanent, Transient

URL = "http://alertmanager.test/am"
ONE = {
    "labels": {"alertname": "x"}, "annotations": {}, "startsAt": "2026-03-09T20:05:57.988Z", "endsAt": "2026-03-09T20:10:57.988Z",
    "updatedAt": "2026-03-09T20:05:57.988Z", "fingerprint": "19104afffe9f5f57", "receivers": [{"name": "aiops"}],
    "status": {"state": "suppressed", "silencedBy": ["1"], "inhibitedBy": []},
}  # fmt: skip


@pytest.fixture
def router():
    with respx.mock(assert_all_called=False) as router:
        yield router


def test_the_list_is_asked_for_whole_with_the_token(router):
    asked = router.get(f"{URL}/api/v2/alerts").respond(json=[ONE])
    (alert,) = Alertmanager(f"{URL}/", "secret").alerts()
    assert (alert.fingerprint, alert.is_active, alert.receivers[0].name) == ("19104afffe9f5f57", False, "aiops")
    request = asked.calls.last.request
    assert request.headers["Authorization"] == "Bearer secret"
    assert dict(request.url.params) == {"active": "true", "silenced": "true", "inhibited": "true", "unprocessed": "true"}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(500), Transient),
        (httpx.Response(429), Transient),
        (httpx.Response(404), Permanent),
        (httpx.Response(401), Permanent),
        (httpx.Response(302, headers={"Location": "http://elsewhere.test"}), Permanent),
        (httpx.Response(200, text="not JSON"), Permanent),
        (httpx.Response(200, json={"alerts": []}), Permanent),
        (httpx.ConnectError("refused"), Transient),
        (httpx.ReadTimeout("slow"), Transient),
        (httpx.RemoteProtocolError("cut"), Transient),
    ],
)
def test_a_read_that_fails_says_whether_asking_again_helps(router, answer, kind):
    router.get(f"{URL}/api/v2/alerts").mock(side_effect=[answer])
    with pytest.raises(ConnectorError) as failed:
        Alertmanager(URL).alerts()
    assert type(failed.value) is kind
    assert URL in str(failed.value)


def test_a_change_without_a_clear_answer_is_ambiguous(router):
    router.post(f"{URL}/api/v2/silences").mock(side_effect=httpx.ReadTimeout("slow"))
    router.delete(f"{URL}/api/v2/silence/1").respond(500)
    with pytest.raises(Ambiguous):
        Alertmanager(URL).end_silence("1")


def test_too_long_a_list_is_not_read_to_its_end(router, monkeypatch):
    monkeypatch.setattr(alertmanager, "MAX_BYTES", 1000)
    router.get(f"{URL}/api/v2/alerts").respond(json=[ONE] * 50)
    with pytest.raises(Permanent, match="more than"):
        Alertmanager(URL).alerts()


@pytest.mark.parametrize("url", ["alertmanager:9093", "ftp://alertmanager", "http://", "http://[::1"])
def test_what_is_no_address_is_said_so(url):
    with pytest.raises(ConnectorError):
        Alertmanager(url, deadline_s=1).alerts()


@contextmanager
def dripping():
    """A server that sends one byte of its answer at a time, for ever."""
    stop, server = threading.Event(), socket.create_server(("127.0.0.1", 0))

    def serve():
        client, _ = server.accept()
        with client:
            client.recv(4096)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n[")
            while not stop.wait(0.05):
                try:
                    client.sendall(b" ")
                except OSError:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        stop.set()
        thread.join(timeout=10)
        server.close()


def test_an_answer_that_drips_ends_at_the_deadline():
    with dripping() as url, pytest.raises(Transient, match="too long"):
        Alertmanager(url, deadline_s=0.5).alerts()


def test_a_silence_is_made_with_its_matchers(router):
    made = router.post(f"{URL}/api/v2/silences").respond(json={"silenceID": "s-1"})
    at = datetime(2026, 3, 9, tzinfo=UTC)
    matcher = SilenceMatcher(name="alertname", value="x", isEqual=True)
    assert Alertmanager(URL).silence([matcher], starts_at=at, ends_at=at, created_by="mira", comment="upgrade") == "s-1"
    assert json.loads(made.calls.last.request.content)["matchers"] == [
        {"name": "alertname", "value": "x", "isRegex": False, "isEqual": True}
    ]
