"""One program at a time on a `var`: a lock that the kernel gives back whenever its holder ends, however it ends."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiops.runtime.faults import RuntimeFault, of_os_error


@contextmanager
def held(path: Path, *, does: str) -> Iterator[Callable[[str], None]]:
    """Hold the lock and yield a function that tells others the URL; RuntimeFault while somebody else holds it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise of_os_error(error, path.parent) from None
    try:
        _take(descriptor, path)
        _write(descriptor, does, url="")
        yield lambda url: _write(descriptor, does, url=url)
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        about = _read(path)
        who = f"process {about.get('pid', '?')}" + (f", {about['url']}" if about.get("url") else "")
        raise RuntimeFault(
            f"{about.get('does', 'another program')} already runs on {path.parent} ({who}). "
            "Stop it with Ctrl-C where it runs, or set AIOPS_VAR and AIOPS_PORT for a second one"
        ) from None
    except OSError as error:
        raise RuntimeFault(f"{path} cannot be locked ({error.strerror}); set AIOPS_VAR to a folder on a local disk") from None


def _write(descriptor: int, does: str, *, url: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"does": does, "pid": str(os.getpid()), "url": url}).encode(), 0)


def _read(path: Path) -> dict[str, str]:
    try:
        return {str(key): str(value) for key, value in json.loads(path.read_text()).items()}
    except (OSError, ValueError):
        return {}
