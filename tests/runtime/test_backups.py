"""Backup and restore of the embedded database, beside a running product and without one."""

import json
from pathlib import Path

import pytest

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


def test_a_restore_brings_back_what_was_there_and_a_broken_file_changes_nothing() -> None:
    with Product(sandbox=False) as product:
        product.stop()
        assert (backed := product.manage("backup")).returncode == 0, backed.stderr
        (file,) = product.paths.backups.iterdir()

        product.start()
        assert product.manage("user", "create", "later", "--role", "viewer").returncode == 0
        product.stop()
        broken = product.paths.backups / "broken"
        broken.write_bytes(file.read_bytes()[:2000])
        assert product.manage("restore", str(broken)).returncode == 1
        product.start()
        assert people(product) == ["admin", "later"]
        product.stop()

        restored = product.manage("restore", str(file))
        assert restored.returncode == 0, restored.stderr
        assert product.left_over() == []
        product.start()
        assert people(product) == ["admin"]
        assert product.post_alerts({"alerts": []}).status_code != 401


def people(product: Product) -> list[str]:
    return [name for (name,) in product.ask_database("select username from access_user order by username")]
