"""What the owner of this machine has to change, in one sentence, and the disk as its most frequent cause."""

import errno
import shutil
from pathlib import Path

SCARCE_BYTES = 300 * 1_048_576


class RuntimeFault(Exception):
    """Something about this machine that its owner has to change; the text says what."""


def existing(path: Path) -> Path:
    """`path`, or the nearest folder above it that is there."""
    return next(p for p in (path, *path.parents) if p.exists())


def disk_hint(folder: Path) -> str:
    """Full disks explain most failures to start, and their own messages seldom say so; empty where there is room."""
    at = existing(folder)
    free = shutil.disk_usage(at).free
    if free >= SCARCE_BYTES:
        return ""
    return f"\nOnly {free // 1_048_576} MB are free on the disk of {at}: make room and start again."


def of_os_error(error: OSError, folder: Path) -> RuntimeFault:
    """The same failure, with what to do about it. `folder` is where it happened if the error names no file."""
    path = Path(error.filename) if isinstance(error.filename, str) else folder
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            todo = "the disk is full; make room and start again"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            todo = "it cannot be written by this user; give it to this user, or set AIOPS_VAR to a folder of your own"
        case errno.ENAMETOOLONG:
            todo = "the path is too long; set AIOPS_VAR to a shorter one"
        case _:
            todo = f"{error.strerror or error}; set AIOPS_VAR to another folder if this one cannot be used"
    return RuntimeFault(f"{path}: {todo}")
