"""How a run ends, and what the next one makes of it."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.product import Product, wait_for

pytestmark = pytest.mark.xdist_group("stopping")


KEPT = {"username", "password", "api_token", "webhook_token"}


def test_ctrl_c_leaves_no_process_and_the_next_start_keeps_the_data() -> None:
    with Product(sandbox=False) as product:
        before = product.bootstrap
        assert product.interrupt(signal.SIGINT) == 0
        assert product.left_over() == []
        assert not product.paths.redis_socket.exists()

        product.start()

        assert {key: product.bootstrap[key] for key in KEPT} == {key: before[key] for key in KEPT}
        assert product.base_url in product.output.read_text()
        assert product.post_alerts({"alerts": []}).status_code != 401
        assert product.interrupt(signal.SIGTERM) == 0
        assert product.left_over() == []


def test_a_run_that_was_killed_is_ended_by_the_next_one() -> None:
    with Product(sandbox=False) as product:
        assert product.process is not None
        wait_for(lambda: product.main_process("beat"), why="beat runs")
        product.process.kill()
        product.process.wait()
        before = product.bootstrap
        orphans = product.left_over()
        assert {p.name() for p in orphans} >= {"postgres", "redis-server"}

        product.start()

        assert "An earlier run was killed" in product.said
        wait_for(lambda: product.main_process("beat"), why="beat runs again")
        assert len(product.processes("beat")) == 1
        assert len(product.processes("supervisor")) == 1
        assert product.bootstrap["api_token"] == before["api_token"]


def test_after_a_power_cut_stale_files_are_in_nobodys_way() -> None:
    with Product(sandbox=False) as product:
        product.kill_everything()
        assert (product.paths.data / "postmaster.pid").exists()
        assert product.paths.redis_socket.exists()

        product.start()

        assert product.post_alerts({"alerts": []}).status_code != 401


def test_a_second_ctrl_c_ends_it_at_once() -> None:
    with Product(sandbox=False) as product:
        assert product.process is not None
        web = wait_for(lambda: product.main_process("web"))
        web.suspend()  # it cannot stop in good order
        product.process.send_signal(signal.SIGINT)
        wait_for(lambda: "Stopping" in product.output.read_text())
        product.process.send_signal(signal.SIGINT)
        assert product.process.wait(15) == 0
        assert product.left_over() == []


def test_it_stops_while_it_still_starts() -> None:
    product = Product(sandbox=False).spawn()
    try:
        wait_for(lambda: product.paths.lock.exists() and product.left_over(), why="a server runs")
        product.interrupt(signal.SIGINT)
        assert product.left_over() == []
    finally:
        product.close()


def test_it_stops_when_make_is_killed_which_cannot_pass_that_on(tmp_path: Path) -> None:
    product = Product(sandbox=False)
    try:
        makefile = tmp_path / "Makefile"
        makefile.write_text(f"up:\n\t@exec {' '.join(product.command('up', '--no-sandbox'))}\n")
        with product.output.open("wb") as output:
            make = subprocess.Popen(
                ["make", "-f", makefile], env=product.environment, stdout=output, stderr=output, start_new_session=True
            )
        wait_for(lambda: product.left_over(), within_s=60, why="a server runs")
        make.kill()
        make.wait()
        wait_for(lambda: not product.left_over(), why="nothing is left running")
    finally:
        product.close()
