"""A machine to log in to: Debian's sshd as the current user on a free port, with tools that write down what they are told.

with Machine(tmp_path) as machine:
    machine.faults("restart", "slow")   # the next restart is done and answers too late
    machine.effects                     # ["restart nginx"], what was really done there
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import uuid
from getpass import getuser
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from tests.alertmanager import free_port
from tests.product import wait_for

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
TOOLS = Path(__file__).resolve().parent / "machine_tools.py"


def needs_sshd() -> None:
    if SSHD is None:
        pytest.skip("SSHD IS MISSING: install Debian's openssh-server to run the tests against a real machine")


class Machine:
    """Everything lies in `folder`: host key, login key, markers, the state of services and containers, what was done."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.user = folder, free_port(), getuser()
        self.key, self.state, self.markers = folder / "login", folder / "state", folder / "markers"
        self.files = folder / "files" / "log"
        for made in (self.state, self.files, folder / "bin"):
            made.mkdir(parents=True)
        for tool in ("systemctl", "docker", "sudo"):
            script = folder / "bin" / tool
            script.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {TOOLS} {self.state} {tool} "$@"\n')
            script.chmod(0o755)
        # Whatever is asked for is run by a plain shell that finds these tools first.
        forced = folder / "forced"
        forced.write_text(f'#!/bin/sh\nPATH={folder}/bin:$PATH; export PATH\nexec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n')
        forced.chmod(0o755)
        self._process: subprocess.Popen[bytes] | None = None
        self.new_host_key()
        _keygen(self.key)
        shutil.copy(self.key.with_suffix(".pub"), folder / "authorized_keys")

    def new_host_key(self) -> None:
        (self.folder / "host").unlink(missing_ok=True)
        _keygen(self.folder / "host")

    @property
    def host_key(self) -> str:
        return (self.folder / "host.pub").read_text()

    def start(self) -> Self:
        assert SSHD is not None
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        lines = [
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {self.folder}/host", "PidFile none", "UsePAM no",
            f"AuthorizedKeysFile {self.folder}/authorized_keys", "StrictModes no", "PasswordAuthentication no",
            "PermitRootLogin prohibit-password", f"ForceCommand {self.folder}/forced", "MaxStartups 100", "LogLevel VERBOSE",
        ]  # fmt: skip
        (self.folder / "sshd_config").write_text("\n".join(lines) + "\n")
        with (self.folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")], stdout=log, stderr=log)
        wait_for(self._listens, within_s=60, why=(self.folder / "sshd.log").read_text())
        return self

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    # What runs there

    def service(self, name: str, **fields: Any) -> None:
        """A systemd unit as it stands."""
        given = {"ActiveState": "active", "SubState": "running", "LoadState": "loaded", "CanStart": "yes", "NRestarts": "0"}
        self._write(f"service-{name}", given | {"Id": f"{name}.service", "InvocationID": uuid.uuid4().hex} | fields)

    def container(self, name: str, **state: Any) -> None:
        given = {"Status": "running", "StartedAt": "2026-01-01T00:00:00Z"} | state
        # Its environment is there to be seen, and never taken.
        config = {"Image": "app:1", "Env": ["PASSWORD=canary-7f3a"]}
        self._write(f"container-{name}", {"Id": uuid.uuid4().hex * 2, "Image": "sha256:1", "State": given, "Config": config})

    def shown(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self.state / name).read_text()))

    def _write(self, name: str, value: Any) -> None:
        (self.state / name).write_text(json.dumps(value))

    def old_file(self, name: str, size: int, *, days: float = 30) -> Path:
        path = self.files / name
        path.write_bytes(b"x" * size)
        at = path.stat().st_mtime - days * 86_400
        os.utime(path, (at, at))
        return path

    def fault(self, verb: str, kind: str) -> None:
        """What happens to the next `verb`: `late` (done, then it waits), `held` (waits before it), `refused`, `broken`."""
        (self.state / f"fault-{verb}").write_text(kind)

    def release(self) -> None:
        """What is held goes on."""
        (self.state / "released").touch()

    def cut_when_held(self) -> threading.Thread:
        """Ends the connection of the next command that is held or late, while the command itself goes on."""
        cutting = threading.Thread(target=self._cut_when_held, daemon=True)
        cutting.start()
        return cutting

    def _cut_when_held(self) -> None:
        wait_for((self.state / "held").exists, within_s=60)
        assert self._process is not None
        for session in psutil.Process(self._process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if session.name().startswith("sshd"):
                    session.kill()

    @property
    def effects(self) -> list[str]:
        log = self.state / "effects"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def commands(self) -> list[str]:
        log = self.state / "commands"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def log(self) -> str:
        return (self.folder / "sshd.log").read_text()


def _keygen(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, stdin=subprocess.DEVNULL)
