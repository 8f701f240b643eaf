"""Debian's Alertmanager as a process of its own, configured with the file that the README names."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.product import wait_for

PROGRAM = shutil.which("prometheus-alertmanager")
SNIPPET = Path(__file__).resolve().parent.parent / "deploy" / "alertmanager.yml"
# The same file, impatient: a test does not wait for an hour.
FASTER = {
    "group_wait: 10s": "group_wait: 1s",
    "group_interval: 1m": "group_interval: 2s",
    "repeat_interval: 4h": "repeat_interval: 4s",
}


class Alertmanager:
    """`product_url` and `token`: where it sends. `changes` are made to the file's text."""

    def __init__(self, *, product_url: str, token: str, changes: dict[str, str] | None = None, port: int = 0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="alertmanager-"))
        secret = self.folder / "aiops.token"
        secret.write_text(token)
        text = SNIPPET.read_text()
        own = {"http://127.0.0.1:8000": product_url, "/etc/alertmanager/aiops.token": str(secret)}
        for old, new in (own | FASTER | (changes or {})).items():
            assert old in text, f"{old} is not in {SNIPPET.name} any more"
            text = text.replace(old, new)
        (self.folder / "alertmanager.yml").write_text(text)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        assert PROGRAM is not None
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    PROGRAM, f"--config.file={self.folder / 'alertmanager.yml'}", f"--storage.path={self.folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address=",
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        wait_for(self._is_ready, why=f"Alertmanager: {(self.folder / 'log').read_text()}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def said(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def fire(self, *alerts: dict[str, str], for_s: float = 3600) -> None:
        """As Prometheus does: these labels fire until further notice."""
        self._post(alerts, ends_at=datetime.now(UTC) + timedelta(seconds=for_s))

    def resolve(self, *alerts: dict[str, str]) -> None:
        self._post(alerts, ends_at=datetime.now(UTC) - timedelta(milliseconds=1))

    def silence(self, **labels: str) -> str:
        now = datetime.now(UTC)
        matchers = [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in labels.items()]
        body = {
            "matchers": matchers, "startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "test", "comment": "test",
        }  # fmt: skip
        made = self._ask("POST", "/silences", body).json()["silenceID"]
        wait_for(
            lambda: any(self._fits(alert, labels) and alert["status"]["silencedBy"] for alert in self.alerts()),
            why="it is silenced",
        )
        return str(made)

    def alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("GET", "/alerts").json()
        return found

    @staticmethod
    def _fits(alert: dict[str, Any], labels: dict[str, str]) -> bool:
        return labels.items() <= alert["labels"].items()

    def _post(self, alerts: Sequence[dict[str, str]], *, ends_at: datetime) -> None:
        summary = {"summary": "it does not work"}
        self._ask(
            "POST", "/alerts", [{"labels": labels, "annotations": summary, "endsAt": ends_at.isoformat()} for labels in alerts]
        )

    def _ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        answer = httpx.request(method, f"{self.url}/api/v2{path}", json=body, timeout=10, trust_env=False)
        assert answer.is_success, answer.text
        return answer

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
