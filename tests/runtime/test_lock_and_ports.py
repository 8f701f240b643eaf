"""One run at a time on a var, and a port that is free."""

import os
import socket
from pathlib import Path

import pytest

from aiops.runtime import lock, ports
from aiops.runtime.faults import RuntimeFault
from aiops.runtime.paths import RuntimePaths
from aiops.runtime.secret import is_weak, kept_secret


def test_whoever_comes_second_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "up.lock"
    with lock.held(path, does="make up") as tell:
        tell("http://127.0.0.1:8000")
        with pytest.raises(RuntimeFault, match=rf"make up already runs .*process {os.getpid()}, http://127.0.0.1:8000"):
            lock.held(path, does="restore").__enter__()
    with lock.held(path, does="restore"):
        pass


def test_a_holder_that_ends_in_any_way_gives_the_lock_back(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        lock.held(tmp_path / "up.lock", does="make up").__enter__()
        os._exit(9)
    os.waitpid(child, 0)
    with lock.held(tmp_path / "up.lock", does="make up"):
        pass


def test_port_0_is_any_free_one() -> None:
    port = ports.choose("127.0.0.1", 0, setting="AIOPS_PORT")
    with socket.create_server(("127.0.0.1", port)):
        assert port > 0


def test_a_taken_port_is_refused_by_name_and_a_free_one_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeFault, match=f"port {port} on 127.0.0.1 is in use"):
            ports.choose("127.0.0.1", port, setting="AIOPS_PORT")
    assert ports.choose("127.0.0.1", port, setting="AIOPS_PORT") == port


def test_an_address_of_another_machine_is_refused_with_its_setting() -> None:
    with pytest.raises(RuntimeFault, match="Check AIOPS_BIND"):
        ports.choose("192.0.2.1", 8000, setting="AIOPS_PORT")


def test_sockets_fit_into_a_path_however_long_the_name_of_var_is(tmp_path: Path) -> None:
    paths = RuntimePaths(tmp_path / ("x" * 200), user_id=1000)
    assert len(str(paths.sockets / ".s.PGSQL.5432.lock")) < 104


def test_the_secret_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret_key"
    key = kept_secret(path)
    assert kept_secret(path) == key
    assert not is_weak(key)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["secret_key"]


def test_a_secret_key_that_a_full_disk_left_empty_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    path.touch()
    assert len(kept_secret(path)) > 50


@pytest.mark.parametrize("key", ["", "changeme", "a" * 60, "django-insecure-" + "x7!Qp" * 12])
def test_a_key_that_can_be_guessed_is_known(key: str) -> None:
    assert is_weak(key)
