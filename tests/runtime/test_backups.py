"""Backup and restore of the embedded database, beside a running product and without one."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiops.runtime import backups
from aiops.runtime.faults import RuntimeFault
from aiops.runtime.paths import RuntimePaths
from aiops.runtime.postgres import Postgres
from tests.product import Product

pytestmark = pytest.mark.xdist_group("console")


def test_a_backup_is_taken_while_it_runs_and_a_restore_is_not(console: Product, tmp_path: Path) -> None:
    taken = console.manage("backup", str(tmp_path / "a.dump"), "--json")
    assert taken.returncode == 0, taken.stderr
    assert json.loads(taken.stdout)["bytes"] == (tmp_path / "a.dump").stat().st_size
    assert (tmp_path / "a.dump").stat().st_mode & 0o777 == 0o600

    refused = console.manage("restore", str(tmp_path / "a.dump"))
    assert refused.returncode == 1
    assert console.base_url in refused.stderr


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[RuntimePaths]:
    """A var with a database in which one person is written down; no server runs."""
    paths = RuntimePaths(tmp_path / "var")
    postgres = Postgres(paths)
    postgres.start()
    postgres.run("psql", "-d", "aiops", "-c", "create table people (name text); insert into people values ('ana')")
    postgres.stop()
    yield paths
    postgres.stop()
    shutil.rmtree(paths.private, ignore_errors=True)


def people(paths: RuntimePaths, change: str = "") -> list[str]:
    postgres = Postgres(paths)
    postgres.start()
    names = postgres.run("psql", "-qAt", "-d", "aiops", "-c", f"{change}; select name from people order by name").decode().split()
    postgres.stop()
    return names


def test_a_restore_brings_back_what_was_there(paths: RuntimePaths) -> None:
    file = backups.backup(paths)
    assert people(paths, "insert into people values ('ben')") == ["ana", "ben"]
    backups.restore(paths, file)
    assert not Postgres(paths).is_running()
    assert people(paths) == ["ana"]


def test_a_broken_file_changes_nothing(paths: RuntimePaths) -> None:
    file = backups.backup(paths)
    whole = file.read_bytes()
    for broken in (b"", b"no backup", whole[: len(whole) // 2]):
        file.write_bytes(broken)
        with pytest.raises(RuntimeFault, match="pg_restore failed"):
            backups.restore(paths, file)
        assert people(paths) == ["ana"]


def test_a_backup_that_fails_leaves_no_half_a_file(paths: RuntimePaths) -> None:
    Postgres(paths).start()
    Postgres(paths).run("dropdb", "aiops")
    with pytest.raises(RuntimeFault, match="pg_dump failed"):
        backups.backup(paths)
    assert list(paths.backups.iterdir()) == []


def test_without_a_database_it_is_said_where_one_comes_from(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFault, match="`make up` makes it"):
        backups.backup(RuntimePaths(tmp_path / "var"))
