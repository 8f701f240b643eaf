"""One sandbox for the tests of a module; each test begins with a healthy world."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox_server import SandboxServer


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("sandbox"), speed=20) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_running: SandboxServer) -> Iterator[SandboxServer]:
    yield _running
    _running.release()
    _running.misbehave()
    _running.outage(False)


@pytest.fixture
def kubectl() -> Path:
    """The path of stock kubectl; a test that asks for it is skipped where there is none."""
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("KUBECTL IS MISSING: install Debian's kubernetes-client to run the tests against stock kubectl")
    return Path(found)
