"""The secret key of embedded mode: made once, kept with the data."""

import contextlib
import os
import secrets
from pathlib import Path

KEY_BYTES = 60
SHORTEST, FEWEST_DIFFERENT = 50, 5  # as in Django's own check of a deployment


def is_weak(key: str) -> bool:
    """Whether the key is short, monotonous or the mark of an example; whoever guesses it forges logins."""
    return len(key) < SHORTEST or len(set(key)) < FEWEST_DIFFERENT or key.startswith("django-insecure-")


def kept_secret(path: Path) -> str:
    """What is in the file, which is made if it is missing. Of any number of processes that start together all get the same."""
    with contextlib.suppress(FileNotFoundError):
        if kept := path.read_text().strip():
            return kept
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(KEY_BYTES))
    try:
        # Whole or not at all, and the first one stays; an empty one is left of a full disk.
        if path.exists() and not path.read_text().strip():
            fresh.replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    return path.read_text().strip()
