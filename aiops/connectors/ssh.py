"""Machines over SSH: a few operations on services and old files that the machine's own list allows, each begun at most once.

A service or a folder of files is read as an object, like those of a cluster. Before a change a marker is made: a folder
named by the execution, which can be made once. Whoever makes it goes on, nobody else does, however late they come.

What is run is a list of words from constants and checked names; none of them means anything to the shell at the other end.
"""

import asyncio
import hashlib
import re
import shlex
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import asyncssh
from pydantic import JsonValue

from aiops.connectors.errors import Ambiguous, Permanent, Transient
from aiops.connectors.kubernetes import Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.connectors.ssh_readings import PROPERTIES, Reading, container, files, service

SERVICE, FILES = "HostService", "HostFiles"
MOST_OUTPUT = 1024 * 1024
# What every POSIX-like shell takes as it stands; a word with anything else in it is never sent.
PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Machine:
    """How to reach a machine and what may be done there. `host_keys` are its pinned public keys, one a line."""

    name: str
    address: str
    user: str
    host_keys: str
    key_file: Path | None
    port: int = 22
    passphrase: str | None = field(default=None, repr=False)
    services: frozenset[str] = frozenset()
    containers: frozenset[str] = frozenset()
    clean_paths: tuple[str, ...] = ()
    cache_paths: tuple[str, ...] = ()
    older_than_days: int = 7
    sudo: bool = True
    marker_dir: str = ".aiops-console"


def service_ref(machine: str, manager: str, unit: str, mark: str = "") -> Ref:
    """A systemd unit or docker container; with a mark, the same as far as that execution has begun."""
    return Ref(SERVICE, None, f"{machine}/{manager}/{unit}" + (f"#{mark}" if mark else ""))


def files_ref(machine: str, purpose: str, path: str, mark: str = "") -> Ref:
    """The files that may go under `path`, or under all paths of that `purpose` (`clean`, `cache`) where it is empty."""
    return Ref(FILES, None, f"{machine}/{purpose}/{path}" + (f"#{mark}" if mark else ""))


@dataclass(frozen=True, slots=True)
class _Place:
    """A ref taken apart."""

    kind: str
    group: str  # manager, or purpose
    name: str  # unit, or path
    mark: str

    @classmethod
    def of(cls, ref: Ref) -> "_Place":
        place, _, mark = ref.name.partition("#")
        _, group, name = place.split("/", 2)
        return cls(ref.kind, group, name, mark)


@dataclass(frozen=True, slots=True)
class _Done:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Ssh:
    """One machine. Methods block, and may be called from any thread that runs no event loop."""

    machine: Machine
    read_timeout_s: float = 5.0
    change_timeout_s: float = 15.0

    def get(self, ref: Ref) -> KubeObject | None:
        """The service or files as they are; for a ref with a mark None unless that execution has begun there."""
        return self._run(f"read {_words(ref)}", self.read_timeout_s, lambda session: session.read(_Place.of(ref)))

    def need(self, ref: Ref) -> KubeObject:
        if (found := self.get(ref)) is None:
            raise Permanent(f"read {_words(ref)}", "not found", code="not_found")
        return found

    def find(self, kind: str, namespace: str | None = None, *, labels: str = "", fields: str = "") -> list[KubeObject]:
        """A machine is looked at by name only."""
        return []

    def send(self, request: Request, *, dry_run: bool = False) -> KubeObject:
        """Make the marker and do what `request` says; the object as it is afterwards.

        Raises Ambiguous with status 409 where the marker is there already, Ambiguous for every end that was not seen.
        """
        words = f"{KubeObject(_body(request)).text('do')} {_words(request.ref)}"
        if dry_run:
            return self._run(f"rehearse: {words}", self.read_timeout_s, lambda session: session.rehearse(request))
        return self._run(words, self.change_timeout_s, lambda session: session.change(request))

    def _run(self, words: str, timeout_s: float, work: Callable[["_Session"], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run(self._connected(words, timeout_s, work))

    async def _connected(self, words: str, timeout_s: float, work: Callable[["_Session"], Coroutine[Any, Any, T]]) -> T:
        session = _Session(self.machine, words)
        try:
            async with asyncio.timeout(timeout_s):
                session.connection = await _connection(self.machine, words)
                return await work(session)
        except TimeoutError:
            raise session.cut(f"no answer within {timeout_s:g} s") from None
        except asyncssh.HostKeyNotVerifiable as error:
            raise Permanent(words, f"its host key is not the pinned one: {error.reason}", code="host_key") from None
        except asyncssh.PermissionDenied as error:
            raise Permanent(words, f"it does not let {self.machine.user} in: {error.reason}", code="unauthorised") from None
        except (asyncssh.Error, OSError) as error:
            raise session.cut(str(error) or type(error).__name__) from None
        finally:
            if session.connection is not None:
                session.connection.abort()  # closing in good order would wait for a command that hangs


async def _connection(machine: Machine, words: str) -> asyncssh.SSHClientConnection:
    """Only with our own key, only to a machine with a pinned key; nothing of the user's own ~/.ssh is read."""
    if machine.key_file is None:
        raise Permanent(words, "no key to log in with; set AIOPS_SSH_KEY_FILE", code="ssh_key")
    try:
        key = asyncssh.read_private_key(str(machine.key_file), machine.passphrase)
    except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no private key, or its passphrase is wrong"
        raise Permanent(words, f"{machine.key_file}: {reason}", code="ssh_key") from None
    return await asyncssh.connect(
        machine.address,
        machine.port,
        username=machine.user,
        client_keys=[key],
        known_hosts=(pinned(machine.host_keys), [], []),
        preferred_auth="publickey",
        agent_path=None,
        config=None,
        gss_host=None,
    )


def pinned(host_keys: str) -> list[asyncssh.SSHKey]:
    """The public keys of a machine, one a line as ssh-keyscan prints them, with or without the name before.

    Raises Permanent `host_key` where there is none, so that no machine is ever trusted at first sight.
    """
    lines = [line.strip() for line in host_keys.splitlines() if line.strip() and not line.startswith("#")]
    try:
        keys = [asyncssh.import_public_key(re.sub(r"^\S+\s+(?=(ssh|ecdsa|sk)-)", "", line)) for line in lines]
    except asyncssh.KeyImportError:
        keys = []
    if not keys:
        raise Permanent("check the host key", "no public key is pinned; paste what ssh-keyscan prints", code="host_key")
    return keys


class _Session:
    """One connection and how far it came: `began` once a request has left that may change something."""

    def __init__(self, machine: Machine, words: str) -> None:
        self.machine, self.words, self.began = machine, words, False
        self.connection: asyncssh.SSHClientConnection | None = None

    def cut(self, why: str) -> Transient | Ambiguous:
        return Ambiguous(self.words, why) if self.began else Transient(self.words, why)

    async def run(self, *words: str, sudo: bool = False) -> _Done:
        """Run one command to its end."""
        given = ["sudo", "-n", *words] if sudo and self.machine.sudo else list(words)
        if odd := next((word for word in given if not PLAIN.fullmatch(word)), None):
            raise Permanent(self.words, f"{odd!r} cannot be part of a command", code="not_allowed")
        assert self.connection is not None
        process = await self.connection.create_process(
            shlex.join(given), stdin=asyncssh.DEVNULL, encoding="utf-8", errors="replace"
        )
        out, err = await asyncio.gather(_bounded(process.stdout), _bounded(process.stderr))
        await process.wait_closed()
        if process.exit_status is None:
            raise self.cut("the connection ended before the command did")
        return _Done(process.exit_status, out, err.strip()[:500])

    # Reading

    async def read(self, place: _Place) -> KubeObject | None:
        if not place.mark:
            return await self.observe(place)
        found = await self.run("find", self._marker(place.mark), "-maxdepth", "1", "-printf", "%f,")
        if found.code != 0:
            return None
        seen = await self.observe(place)
        return _with(seen or KubeObject({"kind": place.kind}), begun=True, fenced="fenced" in found.out.split(","))

    async def observe(self, place: _Place) -> KubeObject | None:
        self._check_allowed(place)
        if place.kind == FILES:
            return self._object(place, await self._old_files(place))
        if place.group == "docker":
            reading = container((await self.run("docker", "inspect", "--type", "container", place.name, sudo=True)).out)
        else:
            reading = service((await self.run("systemctl", "show", f"--property={PROPERTIES}", "--", place.name)).out)
        return self._object(place, reading) if reading is not None else None

    async def _old_files(self, place: _Place) -> Reading:
        paths = [place.name] if place.name else list(self._paths(place))
        found = {path: (await self.run(*self._find(place, path), "-printf", "%s,", sudo=True)).out for path in paths}
        return files(found)

    def _find(self, place: _Place, path: str) -> list[str]:
        """Plain files on the same file system, none reached by a link; a cache goes whole, the rest by its age."""
        age = ["-mtime", f"+{self.machine.older_than_days}"] if place.group == "clean" else []
        return ["find", "-P", path, "-xdev", "-type", "f", *age]

    def _object(self, place: _Place, reading: Reading) -> KubeObject:
        identity = f"{self.machine.host_keys}\n{place.kind}/{place.group}/{place.name}\n{reading.identity}"
        name = f"{self.machine.name}/{place.group}/{place.name}"
        uid = hashlib.sha256(identity.encode()).hexdigest()[:40]
        return KubeObject(
            {"kind": place.kind, "metadata": {"name": name, "uid": uid}, "spec": reading.spec, "status": reading.status}
        )

    # Changing

    async def rehearse(self, request: Request) -> KubeObject:
        """Everything but the marker and the change: it is there, it is allowed, and sudo would let us."""
        place = _Place.of(request.ref)
        seen = await self.observe(place)
        if seen is None:
            raise Permanent(self.words, "not found", code="not_found")
        if self.machine.sudo:
            asked = await self.run("sudo", "-n", "-l", *self._command(place))
            if asked.code != 0:
                why = f"sudo does not let {self.machine.user} run: {' '.join(self._command(place))}"
                raise Permanent(self.words, why, code="forbidden")
        return seen

    async def change(self, request: Request) -> KubeObject:
        place, body = _Place.of(request.ref), KubeObject(_body(request))
        self._check_allowed(place)
        mark, is_fence = body.text("mark"), body.text("do") == "fence"
        await self._make_marker(mark)
        if is_fence:
            await self.run("mkdir", f"{self._marker(mark)}/fenced")
            return KubeObject({"kind": place.kind, "status": {"fenced": True}})
        done = await self.run(*self._command(place), sudo=True)
        seen = await self.observe(place)
        if done.code != 0:
            if seen is not None and seen.text("status", "value") == body.text("before"):
                # The command is over and nothing has moved, so nothing will.
                raise Permanent(self.words, done.err or f"it ended with {done.code}", code="refused")
            raise Ambiguous(self.words, done.err or f"it ended with {done.code}")
        return _with(seen or KubeObject({"kind": place.kind}), begun=True, acknowledged=mark)

    async def _make_marker(self, mark: str) -> None:
        """Made once, by whoever is first; Ambiguous 409 for everybody else."""
        above = await self.run("mkdir", "-p", "-m", "700", self.machine.marker_dir)
        if above.code != 0:
            raise Permanent(self.words, f"no marker can be made in {self.machine.marker_dir}: {above.err}", code="marker")
        self.began = True
        made = await self.run("mkdir", self._marker(mark))
        if made.code == 0:
            return
        if (await self.run("test", "-d", self._marker(mark))).code == 0:
            raise Ambiguous(self.words, "it was begun before", status=409)
        raise Permanent(self.words, f"no marker can be made: {made.err}", code="marker")

    def _marker(self, mark: str) -> str:
        if not re.fullmatch(r"[0-9a-f-]{36}", mark):
            raise Permanent(self.words, "no execution has this mark", code="not_allowed")
        return f"{self.machine.marker_dir.rstrip('/')}/{mark}"

    def _command(self, place: _Place) -> list[str]:
        if place.kind == FILES:
            return [*self._find(place, place.name), "-delete"]
        if place.group == "docker":
            return ["docker", "restart", place.name]
        return ["systemctl", "restart", "--no-block", "--", place.name]

    def _paths(self, place: _Place) -> tuple[str, ...]:
        return self.machine.clean_paths if place.group == "clean" else self.machine.cache_paths

    def _check_allowed(self, place: _Place) -> None:
        """Permanent `not_allowed` for whatever is not on the machine's own list."""
        if place.kind == FILES:
            listed = not place.name or any(is_under(place.name, path) for path in self._paths(place))
            what = f"{place.name} is not under a path"
        else:
            listed = place.name in (self.machine.containers if place.group == "docker" else self.machine.services)
            what = f"{place.name} is not a {'container' if place.group == 'docker' else 'service'}"
        if not listed:
            raise Permanent(self.words, f"{what} that may be changed on {self.machine.name}", code="not_allowed")


def is_under(path: str, allowed: str) -> bool:
    """Whether `path` is `allowed` or below it, read literally: `..` leads nowhere."""
    parts = PurePosixPath(path)
    return ".." not in parts.parts and parts.is_absolute() and parts.is_relative_to(allowed)


async def _bounded(stream: "asyncssh.SSHReader[str]") -> str:
    """The beginning of what is printed; the rest is read and dropped, so that the command can end."""
    kept, size = [], 0
    while chunk := await stream.read(65_536):
        if size < MOST_OUTPUT:
            kept.append(chunk)
            size += len(chunk)
    return "".join(kept)


def _with(seen: KubeObject, **status: JsonValue) -> KubeObject:
    had = seen.at("status")
    return KubeObject({**seen.raw, "status": {**(had if isinstance(had, dict) else {}), **status}})


def _body(request: Request) -> dict[str, JsonValue]:
    return request.body if isinstance(request.body, dict) else {}


def _words(ref: Ref) -> str:
    """`nginx on web-1`, `/var/log/app on web-1`."""
    place, machine = _Place.of(ref), ref.name.partition("/")[0]
    return f"{place.name or 'files'} on {machine}"
