"""What benchmarks run against: the product's own web process on embedded servers of its own, in a folder that goes away."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiops.runtime.paths import RuntimePaths
from aiops.runtime.servers import Postgres, Redis

ROOT = Path(__file__).resolve().parent.parent
STOP_WITHIN_S = 45.0  # tasks under way are finished


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stage:
    """Embedded PostgreSQL and Redis, migrated, with a token for webhooks."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.env = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")}
        self.env |= {"AIOPS_VAR": str(var), "DJANGO_SETTINGS_MODULE": "aiops.settings"}
        self.processes: list[subprocess.Popen[bytes]] = []

    def manage(self, *arguments: str) -> str:
        return self.python("manage.py", *arguments)

    def python(self, *arguments: str) -> str:
        """What it printed; SystemExit with its complaint where it failed."""
        done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=self.env, capture_output=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr.decode()[-2000:])
        return done.stdout.decode()

    def start(self, *command: str, process: str, **env: str) -> subprocess.Popen[bytes]:
        log = (self.var / f"{process}.log").open("ab")
        child = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=self.env | {"AIOPS_PROCESS": process} | env, stdout=log, stderr=log
        )
        self.processes.append(child)
        return child

    def web(self) -> str:
        """Start the web process; its base URL."""
        port = free_port()
        self.start("-m", "aiops.runtime.web", "--port", str(port), process="web")
        return wait_for(f"http://127.0.0.1:{port}", "/api/v1/health")

    @contextmanager
    def deciders(self) -> Iterator[None]:
        """The worker and the sweeper, as under `make up`, as long as this is entered."""
        worker = self.start(
            "-m", "celery", "-A", "aiops.celery", "worker", "-Q", "decide,act,default", "--concurrency", "2",
            "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat", process="worker",
        )  # fmt: skip
        sweeper = self.start("manage.py", "sweep", process="sweeper")
        try:
            yield
        finally:
            for process in (worker, sweeper):
                process.terminate()
            for process in (worker, sweeper):
                process.wait(STOP_WITHIN_S)

    def token(self) -> str:
        """One that may post webhooks."""
        made = self.manage("token", "create", "bench", "--scope", "webhooks", "--json")
        return str(json.loads(made.strip().splitlines()[-1])["token"])

    def database(self) -> str:
        """Its address for libpq."""
        return f"postgresql://aiops@/aiops?host={RuntimePaths(self.var).sockets}"

    def database_log(self) -> Path:
        return Postgres(RuntimePaths(self.var)).log

    def ceiling(self) -> str:
        port = free_port()
        self.start(
            "-m", "uvicorn", "bench.ceiling:app", "--port", str(port), "--loop", "uvloop", "--http", "httptools",
            "--log-level", "warning", process="ceiling", CEILING_DATABASE=self.database(),
        )  # fmt: skip
        return wait_for(f"http://127.0.0.1:{port}", "/")

    def stop(self) -> None:
        for child in self.processes:
            child.terminate()
        for child in self.processes:
            child.wait(STOP_WITHIN_S)


def wait_for(base: str, path: str) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(base + path, timeout=2)
        except urllib.error.HTTPError:
            return base
        except OSError:
            time.sleep(0.05)
        else:
            return base
    raise SystemExit(f"{base} did not answer")


@contextmanager
def stage() -> Iterator[Stage]:
    var = Path(tempfile.mkdtemp(prefix="aiops-bench-"))
    paths = RuntimePaths(var)
    servers = (Postgres(paths), Redis(paths))
    here = Stage(var)
    try:
        for server in servers:
            server.start()
        here.manage("migrate", "-v0")
        yield here
    finally:
        here.stop()
        for server in servers:
            server.stop()
        for folder in (paths.private, paths.sockets, var):
            shutil.rmtree(folder, ignore_errors=True)
