"""P5: how many statements and commits a webhook costs, as PostgreSQL's own log tells it."""

import re
from pathlib import Path

import httpx
import psycopg

from bench.line import Line
from bench.load import body
from bench.stage import Stage

SIZES = (1, 10, 50)
REACH = {"known": 3, "new": 8, "mixed": 8}
LOGGED = re.compile(r"LOG:  (?:statement|execute [^:]*):\s+([A-Za-z]+)")
CONTROL = {"BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "DEALLOCATE", "SET"}


def measure(here: Stage, product: str, token: str) -> list[Line]:
    """The worst of all sizes; what opens a connection is left out by a first post that is not counted."""
    log = here.database_log()
    found: dict[str, list[tuple[int, int]]] = {case: [] for case in REACH}
    with psycopg.connect(here.database(), autocommit=True) as own, httpx.Client() as client:
        _post(client, product, token, body([0], generation="warm"))
        own.execute("ALTER SYSTEM SET log_statement = 'all'")
        own.execute("SELECT pg_reload_conf()")
        for size in SIZES:
            generation = f"statements{size}"
            contents = {"new": body(range(size), generation=generation), "mixed": body(range(size + 1), generation=generation)}
            for case, content in (*contents.items(), ("known", contents["mixed"])):
                before, start = _written(own), log.stat().st_size
                _post(client, product, token, content)
                found[case].append((_counted(log, start), _written(own) - before))
        own.execute("ALTER SYSTEM RESET log_statement")
        own.execute("SELECT pg_reload_conf()")
    return [_line(case, found[case]) for case in REACH]


def _post(client: httpx.Client, product: str, token: str, content: bytes) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    client.post(product, content=content, headers=headers).raise_for_status()


def _written(own: "psycopg.Connection[tuple[int]]") -> int:
    """How many transactions have written anything so far."""
    row = own.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()
    assert row is not None
    return row[0]


def _counted(log: Path, start: int) -> int:
    """Statements since then."""
    with log.open("rb") as file:
        file.seek(start)
        words = LOGGED.findall(file.read().decode(errors="replace"))
    return sum(word.upper() not in CONTROL for word in words)


def _line(case: str, found: list[tuple[int, int]]) -> Line:
    statements, commits = (max(column) for column in zip(*found, strict=True))
    most = REACH[case]
    met = statements <= most and commits == 1
    return Line("P5", f"statements · commits, {case}, of any size", f"{statements} · {commits}", f"≤ {most} · 1", met)
