"""P7: from an alert that is accepted to its decision that is READY, by the database's own clock, with the rules engines."""

import asyncio
import time

import psycopg

from bench.line import Line
from bench.load import body, open_loop, request
from bench.stage import Stage

ALERTS, PER_S = 200, 2.0
WAITED_FOR_S = 60.0
DURATIONS = """
SELECT extract(epoch FROM ready_at - received_at)::float FROM incidents_decision WHERE id > %s ORDER BY 1
"""


def measure(here: Stage, product: str, token: str) -> list[Line]:
    """Alerts of targets of their own, one a request, at a quiet rate; every one has to become READY."""
    with here.deciders(), psycopg.connect(here.database(), autocommit=True) as connection:
        _settle(connection)
        last = connection.execute("SELECT coalesce(max(id), 0) FROM incidents_decision").fetchone()[0]
        requests = [request(product, body([n], generation="ready"), token) for n in range(ALERTS)]
        load = asyncio.run(open_loop(product, requests, per_s=PER_S))
        assert not load.failed, f"{load.failed} requests failed"
        _settle(connection)
        durations = [seconds for (seconds,) in connection.execute(DURATIONS, [last])]
    assert len(durations) == ALERTS, f"{len(durations)} of {ALERTS} became incidents"
    assert None not in durations, "an incident ended undecided"
    p50, p99 = durations[ALERTS // 2], durations[int(ALERTS * 0.99)]
    return [Line("P7", "accepted → READY, rules engines, p50 · p99", f"{p50:.2f} · {p99:.2f} s", "p99 < 2 s", p99 < 2)]


def _settle(connection: psycopg.Connection) -> None:
    """Until nothing waits for a decision."""
    deadline = time.monotonic() + WAITED_FOR_S
    waiting = "SELECT count(*) FROM incidents_decision WHERE state IN ('INIT', 'ANALYZING')"
    while (left := connection.execute(waiting).fetchone()[0]) and time.monotonic() < deadline:
        time.sleep(0.1)
    if left:
        raise SystemExit(f"{left} decisions are still not READY after {WAITED_FOR_S:.0f} s")
