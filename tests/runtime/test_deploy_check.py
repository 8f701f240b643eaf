"""`check --deploy` and what does not start at all where DATABASE_URL is set."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.product import HOME, clean_environment

PRODUCTION = {
    "DATABASE_URL": "postgresql://aiops:secret@db.example.com/aiops",
    "REDIS_URL": "rediss://:secret@redis.example.com:6379/0",
    "AIOPS_SECRET_KEY": "pN3v-8xKq2Lr7wTz5yBm9cFd4gHj6sVa1eUo0iXnWbQkRtYlMhZ",
    "AIOPS_ALLOWED_HOSTS": "aiops.example.com",
}


def check(folder: Path, **changes: str | None) -> "subprocess.CompletedProcess[str]":
    variables = {name: value for name, value in {**PRODUCTION, **changes}.items() if value is not None}
    return subprocess.run(
        [sys.executable, str(HOME / "manage.py"), "check", "--deploy", "--fail-level", "WARNING"],
        env=clean_environment({"AIOPS_VAR": str(folder), **variables}), cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_production_settings_are_clean(tmp_path: Path) -> None:
    result = check(tmp_path)
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"REDIS_URL": None}, "REDIS_URL is unset"),
        ({"REDIS_URL": "redis://redis.example.com/0"}, "REDIS_URL has no password"),
        ({"AIOPS_ALLOWED_HOSTS": None}, "AIOPS_ALLOWED_HOSTS is unset"),
        ({"DATABASE_URL": None}, "DATABASE_URL is unset"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, changes: dict[str, str | None], named: str) -> None:
    result = check(tmp_path, **changes)
    assert result.returncode == 1
    assert named in result.stderr


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"AIOPS_DEBUG": "1"}, "AIOPS_DEBUG"),
        ({"AIOPS_SECRET_KEY": None}, "AIOPS_SECRET_KEY is required"),
        ({"AIOPS_SECRET_KEY": "changeme"}, "AIOPS_SECRET_KEY can be guessed"),
        ({"AIOPS_SECRET_KEY": "django-insecure-" + "pN3v-8xKq2Lr7wTz5yBm9cFd4gHj6sVa1eUo0iX"}, "AIOPS_SECRET_KEY can be guessed"),
        ({"AIOPS_ALLOWED_HOSTS": "*"}, "AIOPS_ALLOWED_HOSTS names the hosts"),
        ({"AIOPS_ALLOWED_HOSTS": '["aiops.example.com", "*"]'}, "AIOPS_ALLOWED_HOSTS names the hosts"),
    ],
)
@pytest.mark.parametrize("module", ["aiops.asgi", "aiops.celery"])
def test_no_process_starts_with_an_open_door(tmp_path: Path, changes: dict[str, str | None], named: str, module: str) -> None:
    variables = {name: value for name, value in {**PRODUCTION, **changes}.items() if value is not None}
    result = subprocess.run(
        [sys.executable, "-c", f"import {module}"],
        env=clean_environment({"AIOPS_VAR": str(tmp_path), "PYTHONPATH": str(HOME), "DJANGO_SETTINGS_MODULE": "aiops.settings", **variables}),
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode != 0
    assert named in result.stderr
