"""Make `.venv` from a lock file: `python3 aiops/runtime/environment.py requirements.lock`.

Runs before anything is installed, by whatever Python the machine has: standard library only, and nothing that an old Python
cannot read, so that it can say what is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(HOME, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "installed.json")
PIP = [PYTHON, "-m", "pip", "install", "--no-compile", "--no-deps", "--require-hashes", "--progress-bar", "off"]
PIP += ["--disable-pip-version-check"]
LOWEST = (3, 11)
OTHERS = ("python3.13", "python3.12", "python3.11", "python3.14")
# A lock file that holds all of another one: whoever has the bigger one installed needs nothing.
CONTAINED_IN = {"requirements.lock": "requirements-dev.lock"}
NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|Temporary failure in name resolution|Name or service not known|Connection refused"
    r"|Network is unreachable|Could not find a version|ProxyError|SSLError|ReadTimeout",
)


class Missing(Exception):
    """What the owner of this machine has to do."""


def main(lock: str) -> None:
    started = time.time()
    wanted = _digest(lock)
    if _is_installed(lock, wanted):
        return
    packages = _count(lock)
    if not _is_usable():
        base = _base_python()
        say(f"Making .venv with {base}")
        _make_venv(base)
    say(f"Installing {packages} packages from {lock}, about a minute the first time")
    _install(lock, packages)
    _stamp(lock, wanted)
    say("Installed in %.0f s" % (time.time() - started))


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _digest(lock: str) -> str:
    with open(os.path.join(HOME, lock), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _count(lock: str) -> int:
    with open(os.path.join(HOME, lock)) as file:
        return sum(1 for line in file if re.match(r"[A-Za-z0-9]", line))


def _is_installed(lock: str, wanted: str) -> bool:
    stamps = _stamps()
    bigger = CONTAINED_IN.get(lock)
    current = stamps.get(lock) == wanted or (bigger is not None and stamps.get(bigger) == _digest(bigger))
    return current and _is_usable()


def _stamps() -> dict[str, str]:
    try:
        with open(STAMP) as file:
            return dict(json.load(file))
    except (OSError, ValueError):
        return {}


def _stamp(lock: str, wanted: str) -> None:
    """Only what was installed last is sure to be there: another lock file may have other versions."""
    with open(STAMP, "w") as file:
        json.dump({lock: wanted}, file)


def _is_usable() -> bool:
    """Whether .venv has a Python that runs, is new enough, and has pip; an upgrade of the system's breaks it."""
    if not os.path.exists(PYTHON):
        return False
    question = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([PYTHON, "-c", question], stderr=subprocess.DEVNULL, check=False).returncode == 0  # noqa: S603


def _base_python() -> str:
    """This Python, or a newer one on the path."""
    if sys.version_info >= LOWEST:
        return sys.executable
    for name in OTHERS:
        found = shutil.which(name)
        if found:
            return found
    raise Missing(
        f"Python {sys.version_info[0]}.{sys.version_info[1]} is too old: 3.11 or newer is needed. Install one (Debian: "
        "apt install python3.11 python3.11-venv) and run `make up PYTHON=/path/to/python3.11`"
    )


def _make_venv(base: str) -> None:
    question = "import sys; print('%d.%d' % sys.version_info[:2]); sys.stdout.flush(); import venv, ensurepip"
    answer = subprocess.run([base, "-c", question], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)  # noqa: S603
    if answer.returncode:
        name = f"python{answer.stdout.decode().strip()}-venv"
        raise Missing(
            f"this Python comes without the modules venv and ensurepip. Install them (Debian, Ubuntu: apt install {name}) and "
            "run make again, or name another Python: make up PYTHON=/path/to/python3.11"
        )
    made = subprocess.run([base, "-m", "venv", "--clear", VENV], capture_output=True, check=False)  # noqa: S603
    if made.returncode:
        said = (made.stdout + made.stderr).decode("utf-8", "replace").strip()
        raise Missing(f"the virtual environment cannot be made in {VENV}:\n{said}{_room()}")


def _install(lock: str, packages: int) -> None:
    """Several pips at once, each with its share: most of the time goes into reading index pages, on one core each.

    The lock file names everything that is needed, so no share asks for packages of another (--no-deps). Nothing is compiled: only
    what is imported is worth that, and then happens once. The person's own pip settings hold.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = _shares(lock, max(1, min(4, os.cpu_count() or 1)), folder)
        lines: queue.Queue[tuple[int, str | None]] = queue.Queue()
        running = [_pip(file) for file in files]
        for number, process in enumerate(running):
            threading.Thread(target=_read, args=(number, process, lines), daemon=True).start()
        try:
            said = _follow(lines, len(running), packages)
        finally:
            for process in running:
                if process.poll() is None:
                    process.kill()
        failed = [number for number, process in enumerate(running) if process.wait()]
    if failed:
        raise Missing(_why("\n".join(said[failed[0]]), lock))


def _shares(lock: str, count: int, folder: str) -> list[str]:
    """The lock file dealt out into `count` files, package by package."""
    with open(os.path.join(HOME, lock)) as file:
        packages = re.findall(r"^[A-Za-z0-9].*\n(?:[ \t].*\n)*", file.read(), re.MULTILINE)
    names = [os.path.join(folder, f"share{number}.txt") for number in range(count)]
    for number, name in enumerate(names):
        with open(name, "w") as file:
            file.write("".join(packages[number::count]))
    return names


def _pip(file: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        [*PIP, "-r", file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=HOME
    )


def _read(number: int, process: subprocess.Popen[bytes], lines: queue.Queue[tuple[int, str | None]]) -> None:
    for raw in process.stdout or ():
        lines.put((number, raw.decode("utf-8", "replace").rstrip()))
    lines.put((number, None))


def _follow(lines: queue.Queue[tuple[int, str | None]], running: int, packages: int) -> list[list[str]]:
    """Tell how far the pips are until all have ended; what each has said."""
    said: list[list[str]] = [[] for _ in range(running)]
    found = 0
    while running:
        number, line = lines.get()
        if line is None:
            running -= 1
            continue
        said[number].append(line)
        if re.match(r"(Collecting|Processing|Requirement already satisfied)", line):
            found += 1
            if found % 25 == 0:
                say(f"  {min(found, packages)} of {packages} packages found")
    return said


def _why(said: str, lock: str) -> str:
    """The end of what pip said, and what to do about the usual causes."""
    end = "\n".join(line for line in said.splitlines() if "is ignored: it is neither" not in line)[-1500:]
    if "No space left on device" in said:
        return f"{end}\nThe disk is full: make room and run make again"
    if "DO NOT MATCH THE HASHES" in said:
        return f"{end}\nA package is not the one that {lock} names. Check which index pip uses: pip config list"
    if NETWORK.search(said):
        return (
            f"{end}\nNo package index gave all packages. Check the network, or tell pip about your own index "
            "(pip config set global.index-url URL), and run make again"
        )
    return f"{end}\npip failed; the lines above say why{_room()}"


def _room() -> str:
    free = shutil.disk_usage(HOME).free // 1048576
    return f"\nOnly {free} MB are free on the disk of {HOME}" if free < 600 else ""


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Missing as missing:
        sys.stderr.write(f"\n{missing}\n")
        sys.exit(1)
    except OSError as error:
        sys.stderr.write(f"\n{error}{_room()}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted; run make again\n")
        sys.exit(130)
