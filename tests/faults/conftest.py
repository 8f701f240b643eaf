"""The fault catalogue. Short by default; `FAULTS=full` runs each at full size. Every test says its figure."""

import os
from collections.abc import Callable, Iterator

import pytest
import stamina
from _pytest.terminal import TerminalReporter

from tests.approvals.acting import SANDBOX
from tests.approvals.memory_cluster import MemoryCluster, deployment

IS_FULL = os.environ.get("FAULTS") == "full"


def times(short: int, *, full: int) -> int:
    """How often a fault is tried."""
    return full if IS_FULL else short


@pytest.fixture
def figure(record_property) -> Callable[[str], None]:
    """Say the figure of a fault test; the summary prints them as a table."""
    return lambda text: record_property("figure", text)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    rows = [
        (report.nodeid.split("::")[-1], text)
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        for name, text in report.user_properties
        if name == "figure" and report.when == "call"
    ]
    if rows:
        terminalreporter.section("faults")
        for name, text in rows:
            terminalreporter.write_line(f"{name:<60} {text}")


@pytest.fixture
def cluster(settings) -> MemoryCluster:
    """A cluster with one Deployment `web` in namespace `shop`, configured as `sandbox`."""
    settings.CLUSTERS = (SANDBOX,)
    memory = MemoryCluster()
    deployment(memory)
    return memory


@pytest.fixture(autouse=True)
def _no_waiting_between_reads() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield
