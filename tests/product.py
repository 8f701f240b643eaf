"""The whole product as its own processes, as a person starts it: `Product()` in a `with`, or the fixture `product`.

Everything lies in a temporary var, on free ports, and is gone afterwards.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import httpx
import psutil
import pytest

from aiops.runtime import leftovers
from aiops.runtime.paths import RuntimePaths
from aiops.runtime.servers import Postgres, Redis

HOME = Path(__file__).resolve().parent.parent
START_WITHIN_S = 180.0  # a busy machine with nothing compiled yet
STOP_WITHIN_S = 60.0
OURS = re.compile(r"AIOPS_|DATABASE_URL$|REDIS_URL$|DJANGO_|SUPERVISOR_|PYTEST_")
T = TypeVar("T")


def wait_for(what: Callable[[], T], *, within_s: float = 30.0, why: str = "") -> T:
    """The first true answer of `what`; AssertionError if there is none in time."""
    deadline = time.monotonic() + within_s
    while not (answer := what()):
        assert time.monotonic() < deadline, f"not within {within_s} s: {why or what}"
        time.sleep(0.05)
    return answer


@dataclass(frozen=True, slots=True)
class OrdinaryUser:
    """Somebody without rights; `become` is put before a command so that it runs as them, with a Python that they can read."""

    user_id: int
    become: tuple[str, ...]
    python: str


class Product:
    """`environment` adds to a clean one; `sandbox=False` leaves the simulated cluster out; `user` runs it as somebody else."""

    def __init__(
        self,
        *,
        sandbox: bool = True,
        environment: Mapping[str, str] | None = None,
        var: Path | None = None,
        user: "OrdinaryUser | None" = None,
    ) -> None:
        self.user = user
        self._folder = Path(tempfile.mkdtemp(prefix="aiops-product-"))
        if user:
            os.chown(self._folder, user.user_id, -1)
        self.var = var or self._folder / "var"
        self.arguments = [] if sandbox else ["--no-sandbox"]
        self.environment = clean_environment({"AIOPS_VAR": str(self.var), "AIOPS_PORT": "0", **(environment or {})})
        self.output = self._folder / "output.txt"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.close()

    # ------------------------------------------------------------------ life

    def spawn(self) -> Self:
        """Start it without waiting for anything."""
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                self.command("up", *self.arguments), env=self.environment, cwd=self._folder, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        return self

    def start(self) -> Self:
        """Start it and wait until its dashboard answers."""
        self.spawn()
        deadline = time.monotonic() + START_WITHIN_S
        while not self.is_ready:
            assert not self.has_ended, f"it ended at the start:\n{self.said}"
            assert time.monotonic() < deadline, f"the dashboard does not answer:\n{self.said}"
            time.sleep(0.05)
        return self

    def interrupt(self, number: int = signal.SIGINT) -> int:
        """Ctrl-C, or another signal; its exit code once it has ended."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(STOP_WITHIN_S)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.interrupt(signal.SIGTERM)

    def close(self) -> None:
        """Stop it and remove all that it made."""
        try:
            self.stop()
        finally:
            self.kill_everything()
            for folder in (self.paths.private, self.paths.sockets, self._folder):
                shutil.rmtree(folder, ignore_errors=True)

    def kill_everything(self) -> None:
        """As when the machine loses power: nothing gets a chance to clean up."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for process in self.left_over():
            process.kill()
        psutil.wait_procs(self.left_over(), timeout=10)

    # ------------------------------------------------------------------ what it says

    @property
    def said(self) -> str:
        """All that it has written to the terminal, with the ends of its processes' logs."""
        logs = [f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in sorted(self.paths.logs.glob("*.log"))]
        return "\n".join([self.output.read_text(errors="replace"), *logs])

    @property
    def is_ready(self) -> bool:
        return "Ready after" in self.output.read_text(errors="replace")

    @property
    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    # ------------------------------------------------------------------ what it made

    @property
    def paths(self) -> RuntimePaths:
        return RuntimePaths(self.var, self.user.user_id) if self.user else RuntimePaths(self.var)

    @property
    def bootstrap(self) -> dict[str, str]:
        return dict(json.loads(self.paths.bootstrap.read_text()))

    @property
    def base_url(self) -> str:
        return self.bootstrap["url"]

    @property
    def sandbox_url(self) -> str:
        return self.bootstrap["sandbox_url"]

    def client(self, token: str | None = None) -> httpx.Client:
        """An API client with the bootstrap token (role lead), or another one."""
        bearer = {"Authorization": f"Bearer {token or self.bootstrap['api_token']}"}
        return httpx.Client(base_url=self.base_url, headers=bearer, timeout=30, trust_env=False)

    def post_alerts(self, body: object, *, source: str = "alertmanager") -> httpx.Response:
        """A webhook with the bootstrap's webhook token."""
        with self.client(self.bootstrap["webhook_token"]) as client:
            return client.post(f"/api/v1/webhooks/{source}", json=body)

    def log_in(self, username: str = "", password: str = "") -> httpx.Client:
        """A client with the session of a person, the bootstrap admin unless named, and the CSRF token in its header."""
        client = httpx.Client(base_url=self.base_url, follow_redirects=True, timeout=30, trust_env=False)
        client.get("/login").raise_for_status()
        form = {
            "username": username or self.bootstrap["username"],
            "password": password or self.bootstrap["password"],
            "csrfmiddlewaretoken": client.cookies["csrftoken"],
        }
        client.post("/login", data=form, headers={"Referer": self.base_url}).raise_for_status()
        assert "sessionid" in client.cookies, "the login was refused"
        client.headers.update({"X-CSRFToken": client.cookies["csrftoken"], "Referer": self.base_url})
        return client

    def command(self, *arguments: str) -> list[str]:
        start = [*self.user.become, self.user.python] if self.user else [sys.executable]
        return [*start, str(HOME / "manage.py"), *arguments]

    def manage(self, *arguments: str, within_s: float = 120.0) -> "subprocess.CompletedProcess[str]":
        """Run a command of manage.py beside it, with its settings."""
        return subprocess.run(
            self.command(*arguments), env=self.environment, cwd=self._folder, capture_output=True, text=True, check=False,
            timeout=within_s,
        )  # fmt: skip

    def ask_database(self, query: str) -> list[list[str]]:
        """The rows of a query against its embedded PostgreSQL, as text."""
        answer = Postgres(self.paths).run("psql", "-At", "-F", "\t", "-d", "aiops", "-c", query).decode()
        return [line.split("\t") for line in answer.splitlines()]

    # ------------------------------------------------------------------ its processes

    def processes(self, name: str) -> list[psutil.Process]:
        """Those of that name (web, worker, beat, sweeper, sandbox, supervisor), the parents of any others first."""
        return sorted(
            (p for p in leftovers.find(self.paths.tag) if leftovers.name_of(p) == name),
            key=lambda p: (p.create_time(), p.pid),
        )

    def main_process(self, name: str) -> psutil.Process | None:
        """The one whose parent is the supervisor."""
        supervisors = {p.pid for p in self.processes("supervisor")}
        return next((p for p in self.processes(name) if p.ppid() in supervisors), None)

    def kill(self, name: str) -> int:
        """kill -9 of the process `name`, without its children; its number."""
        victim = wait_for(lambda: self.main_process(name), why=f"{name} runs")
        victim.kill()
        return victim.pid

    def left_over(self) -> list[psutil.Process]:
        """Whatever still runs for this var, servers included."""
        tag = self.paths.tag
        servers = [p for p in psutil.process_iter() if any(tag in word or str(self.var) in word for word in _words(p))]
        own = {os.getpid(), *([self.process.pid] if self.process else [])}
        return [p for p in {*servers, *leftovers.find(tag)} if p.pid not in own]


def clean_environment(own: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without anything of the product's or of the tests', and `own` on top.

    MAKELEVEL makes `up` end with whoever started it: a killed test run leaves nothing behind.
    """
    kept = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    return {**kept, "MAKELEVEL": "1", **own}


@contextmanager
def separate_redis() -> Iterator[tuple[Redis, str]]:
    """A Redis that the product uses by REDIS_URL and does not look after, to be stopped and started by a test; with its URL."""
    folder = Path(tempfile.mkdtemp(prefix="aiops-redis-"))
    paths = RuntimePaths(folder)
    redis = Redis(paths)
    paths.sockets.mkdir(parents=True, exist_ok=True)
    redis.start()
    try:
        yield redis, paths.redis_url
    finally:
        redis.stop()
        for made in (paths.private, paths.sockets, folder):
            shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """The product with its sandbox, one for all tests of a test process that share it: leave it as you found it."""
    with Product() as running:
        yield running


def _words(process: psutil.Process) -> Sequence[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
