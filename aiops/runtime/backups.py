"""Backup and restore of the embedded database, with PostgreSQL's own programs.

Whoever sets DATABASE_URL has a server with backups of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from aiops.runtime import leftovers, lock
from aiops.runtime.faults import RuntimeFault
from aiops.runtime.paths import RuntimePaths
from aiops.runtime.servers import Postgres

DATABASE = "aiops"
RESTORED, REPLACED = "aiops_restored", "aiops_before_restore"


def backup(paths: RuntimePaths, to: Path | None = None) -> Path:
    """Write the whole database to a file readable by its owner only; also while the product runs. Returns the file."""
    target = to or paths.backups / f"aiops-{datetime.now(UTC):%Y%m%d-%H%M%S}.dump"
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        with _server(paths) as postgres:
            unfinished.touch(mode=0o600)
            with unfinished.open("wb") as output:
                postgres.run("pg_dump", "--format=custom", "--dbname", DATABASE, output=output)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def restore(paths: RuntimePaths, source: Path) -> None:
    """Replace the database by that of the file. RuntimeFault while the product runs, and for a file that is no backup.

    The file is read into a database of its own first: one that is broken changes nothing.
    """
    if not source.is_file():
        raise RuntimeFault(f"there is no file {source}; `backup` writes to {paths.backups}")
    with lock.held(paths.lock, does="restore"):
        leftovers.end(paths.tag)  # of a killed run: they would go on with rows that are no more
        postgres = Postgres(paths)
        postgres.start()
        try:
            postgres.run("dropdb", "--if-exists", RESTORED)
            postgres.run("createdb", RESTORED)
            with source.open("rb") as file:
                postgres.run("pg_restore", "--exit-on-error", "--no-owner", "--dbname", RESTORED, source=file)
            _swap(postgres)
        finally:
            postgres.run("dropdb", "--if-exists", "--force", RESTORED)
            postgres.stop()


def _swap(postgres: Postgres) -> None:
    """In one transaction, so that there is a database `aiops` at every moment."""
    rename = (
        f'begin; alter database "{DATABASE}" rename to "{REPLACED}"; alter database "{RESTORED}" rename to "{DATABASE}"; commit'
    )
    postgres.run("dropdb", "--if-exists", "--force", REPLACED)
    postgres.run("psql", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--dbname", "postgres", "--command", rename)
    postgres.run("dropdb", "--force", REPLACED)


@contextmanager
def _server(paths: RuntimePaths) -> Iterator[Postgres]:
    """The running one, or for as long as it is needed one that is started here."""
    postgres = Postgres(paths)
    if postgres.is_running():
        yield postgres
        return
    with lock.held(paths.lock, does="backup"):
        if not paths.data.exists():
            raise RuntimeFault(f"there is no database under {paths.var} yet; `make up` makes it")
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()
