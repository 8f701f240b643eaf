"""P5: how many statements and commits a webhook costs, as PostgreSQL's own log tells it."""

import re
from pathlib import Path

import httpx
import psycopg

from bench.line import Line
from bench.load import body
from bench.stage import Stage

SIZES = (1, 10, 50)
REACH = {"known": 3, "new": 8}
LOGGED = re.compile(r"LOG:  (?:statement|execute [^:]*):\s+([A-Za-z]+)")
CONTROL = {"BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "DEALLOCATE", "SET"}


def measure(here: Stage, product: str, token: str) -> list[Line]:
    """The worst of all sizes; what opens a connection is left out by a first post that is not counted."""
    log = here.database_log()
    found: dict[str, list[tuple[int, int]]] = {"known": [], "new": []}
    with psycopg.connect(here.database(), autocommit=True) as own, httpx.Client() as client:
        _post(client, product, token, body([0], generation="warm"))
        own.execute("ALTER SYSTEM SET log_statement = 'all'")
        own.execute("SELECT pg_reload_conf()")
        for size in SIZES:
            content = body(range(size), generation=f"statements{size}")
            for case in ("new", "known"):
                start = log.stat().st_size
                _post(client, product, token, content)
                found[case].append(_counted(log, start))
        own.execute("ALTER SYSTEM RESET log_statement")
        own.execute("SELECT pg_reload_conf()")
    return [_line(case, found[case]) for case in ("known", "new")]


def _post(client: httpx.Client, product: str, token: str, content: bytes) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    client.post(product, content=content, headers=headers).raise_for_status()


def _counted(log: Path, start: int) -> tuple[int, int]:
    """Statements and commits; where there is no transaction, the one statement that writes is its own commit."""
    with log.open("rb") as file:
        file.seek(start)
        words = LOGGED.findall(file.read().decode(errors="replace"))
    return sum(word.upper() not in CONTROL for word in words), max(1, words.count("COMMIT"))


def _line(case: str, found: list[tuple[int, int]]) -> Line:
    statements, commits = (max(column) for column in zip(*found, strict=True))
    most = REACH[case]
    met = statements <= most and commits == 1
    return Line("P5", f"statements · commits, {case}, of any size", f"{statements} · {commits}", f"≤ {most} · 1", met)
