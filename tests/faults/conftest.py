"""The fault catalogue. Short by default; `FAULTS=full` runs each at full size. Every test says its figure."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import stamina
from _pytest.terminal import TerminalReporter

from tests.approvals.acting import SANDBOX
from tests.approvals.memory_cluster import MemoryCluster, deployment

IS_FULL = os.environ.get("FAULTS") == "full"


def times(short: int, *, full: int) -> int:
    """How often a fault is tried."""
    return full if IS_FULL else short


class Figure(Protocol):
    def __call__(self, text: str, *, rounds: int = 1, doubled: int = 0, lost: int = 0, stuck: int = 0) -> None: ...


@pytest.fixture
def figure(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Figure:
    """Say the figure of a fault test; the summary prints them as a table. The fault stands in the test's name, or in `FAULT`."""
    in_name = re.search(r"_f(\d+)_", request.node.name)
    fault = f"F{in_name[1]}" if in_name else request.module.FAULT

    def say(text: str, *, rounds: int = 1, doubled: int = 0, lost: int = 0, stuck: int = 0) -> None:
        row = {"fault": fault, "rounds": rounds, "doubled": doubled, "lost": lost, "stuck": stuck, "figure": text}
        record_property("figure", json.dumps(row))

    return say


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    rows = []
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, said in report.user_properties:
                if name == "figure" and report.when == "call":
                    rows.append(json.loads(said) | {"test": report.nodeid.split("::")[-1], "held": outcome == "passed"})
    if not rows:
        return
    rows.sort(key=_place)
    terminalreporter.section("faults")
    terminalreporter.write_line(f"{'fault':<6}{'rounds':>7}{'doubled':>9}{'lost':>6}{'stuck':>7}  figure")
    for row in rows:
        counts = f"{row['rounds']:>7}{row['doubled']:>9}{row['lost']:>6}{row['stuck']:>7}"
        terminalreporter.write_line(f"{row['fault']:<6}{counts}  {row['figure']}" + ("" if row["held"] else "  FAILED"))
    if out := os.environ.get("FAULTS_OUT"):
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        written = {"full": IS_FULL, "faults": sorted([*_others(Path(out), rows), *rows], key=_place)}
        Path(out).write_text(json.dumps(written, indent=1) + "\n")


def _others(file: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What an earlier run of the same size found by tests that were not run now: the whole takes hours, so it is run in parts."""
    earlier = json.loads(file.read_text()) if file.exists() else {}
    now = {row["test"] for row in rows}
    return [row for row in earlier.get("faults", []) if row["test"] not in now] if earlier.get("full") == IS_FULL else []


def _place(row: dict[str, Any]) -> tuple[int, str]:
    return int(re.sub(r"\D", "", row["fault"]) or 99), row["test"]


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
