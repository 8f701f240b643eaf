"""A receiver of webhook jobs on loopback that answers as it is told and remembers what it was asked for."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """`answers` says what happens to the next requests, the last one to all that follow:

    `ok` · `done` (it is over at once) · `500` · `500 after` (it runs all the same) · `409` · `404` · `garbage` · `never`
    (it is taken and not answered) · `drip` · `redirect`. `before_answer` runs while the request is being answered.
    """

    answers: list[str] = field(default_factory=lambda: ["ok"])
    before_answer: Callable[[str], None] | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)  # by idempotency key: what really ran
    repeats: int = 0  # requests with a key that ran already
    port: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/jobs"

    @property
    def effects(self) -> list[str]:
        return list(self.runs)

    def finish(self, key: str, status: str) -> None:
        self.runs[key]["status"] = status

    def asked(self, handler: BaseHTTPRequestHandler) -> None:
        raw = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.requests.append({"headers": dict(handler.headers), "raw": raw, "body": json.loads(raw)})
        key = handler.headers["Idempotency-Key"]
        kind = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if kind in ("ok", "done", "500 after", "garbage", "never", "drip") and not json.loads(raw).get("dry_run"):
            self.repeats += key in self.runs
            self.runs.setdefault(key, {"id": len(self.runs) + 1, "status": "successful" if kind == "done" else "running"})
        if self.before_answer is not None:
            self.before_answer(key)
        match kind:
            case "ok" | "done":
                _answer(handler, 201, self.runs.get(key, {"id": 0, "status": "successful"}))
            case "garbage":
                _answer(handler, 200, None, b"<html>Welcome to the login page</html>")
            case "never":
                self.released.wait(90)
            case "drip":
                handler.wfile.write(b"HTTP/1.1 201 Created\r\n")
                while not self.released.wait(0.05):
                    handler.wfile.write(b"X-Slow: 1\r\n")
            case "redirect":
                handler.send_response(302)
                handler.send_header("Location", "http://127.0.0.1:1/elsewhere")
                handler.end_headers()
            case _:
                _answer(handler, int(kind.split()[0]), {"detail": "no"})

    def looked_up(self, handler: BaseHTTPRequestHandler) -> None:
        found = self.runs.get(handler.path.rpartition("/")[2])
        _answer(handler, 200 if found else 404, found or {"detail": "not found"})


def _answer(handler: BaseHTTPRequestHandler, code: int, body: Any, raw: bytes = b"") -> None:
    content = raw or json.dumps(body).encode()
    handler.send_response(code)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                receiver.asked(self)
            except OSError:
                self.close_connection = True  # whoever asked has gone

        def do_GET(self) -> None:
            receiver.looked_up(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
