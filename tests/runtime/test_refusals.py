"""What `up` cannot do it says in one sentence, with what to do about it, and leaves nothing running."""

import os
import socket
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import OrdinaryUser, Product

AS_ROOT = os.geteuid() == 0


def refused(product: Product) -> str:
    """What is said by a start that must fail."""
    try:
        result = product.manage("up", "--no-sandbox")
        assert result.returncode == 1, result.stdout + result.stderr
        assert "Traceback" not in result.stderr
        assert product.left_over() == []
        return result.stderr
    finally:
        product.close()


def test_a_busy_port_is_named_with_the_setting_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refused(Product(environment={"AIOPS_PORT": str(port)}))
    assert f"port {port} on 127.0.0.1 is in use" in said
    assert f"AIOPS_PORT={port + 1}" in said


def test_an_unusable_setting_is_named() -> None:
    assert "AIOPS_PORT" in refused(Product(environment={"AIOPS_PORT": "eighty"}))


def test_a_database_that_does_not_answer_is_named() -> None:
    said = refused(
        Product(
            environment={
                "DATABASE_URL": "postgresql://aiops:secret-word@127.0.0.1:1/aiops",
                "REDIS_URL": "redis://127.0.0.1:1/0",
                "AIOPS_SECRET_KEY": "A key of more than fifty characters, for this test only.",
                "AIOPS_ALLOWED_HOSTS": "aiops.example.com",
            }
        )
    )
    assert "PostgreSQL does not answer" in said
    assert "DATABASE_URL" in said
    assert "secret-word" not in said


def test_a_var_that_is_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "var"
    file.touch()
    said = refused(Product(var=file))
    assert str(file) in said
    assert "AIOPS_VAR" in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 20 MB."""
    if not AS_ROOT or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", tmp_path], check=False).returncode:
        warnings.warn("a small disk can only be mounted by root: the message of a full disk is not tested", stacklevel=2)
        pytest.skip("mounting needs root")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_a_full_disk_is_named(small_disk: Path) -> None:
    said = refused(Product(var=small_disk / "var"))
    assert "MB are free" in said
    assert "make room" in said


def test_a_var_of_somebody_else_is_named(ordinary_user: OrdinaryUser) -> None:
    product = Product(user=ordinary_user)
    product.var.mkdir(mode=0o755)
    os.chown(product.var, 0, 0)
    said = refused(product)
    assert str(product.var) in said
    assert "AIOPS_VAR" in said
