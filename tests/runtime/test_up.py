"""What `up` has made when its dashboard answers, and what it keeps running."""

import stat

import httpx
import pytest

from tests.product import Product, wait_for

pytestmark = pytest.mark.xdist_group("console")
PROCESSES = ["web", "worker", "beat", "sweeper"]


def answers(product: Product) -> bool:
    try:
        return httpx.get(f"{product.base_url}/api/v1/health/ready", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_it_says_where_the_dashboard_is_and_who_may_log_in(console: Product) -> None:
    said = console.output.read_text()
    assert console.base_url in said
    assert console.bootstrap["password"] in said


def test_the_bootstrap_file_is_for_its_owner_only(console: Product) -> None:
    assert stat.S_IMODE(console.paths.bootstrap.stat().st_mode) == 0o600
    assert console.bootstrap.keys() == {"url", "username", "password", "api_token", "webhook_token", "sandbox_url"}


def test_the_bootstrap_tokens_open_what_they_are_for(console: Product) -> None:
    rows = console.ask_database("select name, role, scope, user_id is null from access_apitoken order by name")
    assert ["bootstrap", "lead", "api", "f"] in rows
    assert ["bootstrap webhooks", "viewer", "webhooks", "t"] in rows
    assert console.post_alerts({"alerts": []}).status_code != 401


def test_a_second_one_on_the_same_var_is_refused_with_the_place_of_the_first(console: Product) -> None:
    second = console.manage("up", "--no-sandbox")
    assert second.returncode == 1
    assert console.base_url in second.stderr
    assert "already runs" in second.stderr
    assert answers(console)


@pytest.mark.parametrize("name", PROCESSES)
def test_a_killed_process_comes_back(console: Product, name: str) -> None:
    killed = console.kill(name)
    wait_for(lambda: (found := console.main_process(name)) and found.pid != killed, why=f"{name} is back")
    wait_for(lambda: answers(console))


def test_a_process_that_ends_in_good_order_comes_back_too(console: Product) -> None:
    ended = wait_for(lambda: console.main_process("beat"))
    ended.terminate()
    wait_for(lambda: (found := console.main_process("beat")) and found.pid != ended.pid, why="beat is back")


def test_the_children_of_a_killed_worker_end_with_it(console: Product) -> None:
    children = wait_for(lambda: console.processes("worker")[1:], why="the worker has children")
    console.kill("worker")
    wait_for(lambda: not any(child.is_running() for child in children), why="the children are gone")


def test_who_asks_while_web_is_restarted_waits_instead_of_being_refused(console: Product) -> None:
    console.kill("web")
    assert httpx.get(f"{console.base_url}/api/v1/health", timeout=60, trust_env=False).status_code == 200


def test_a_killed_database_server_comes_back(console: Product) -> None:
    number = int((console.paths.data / "postmaster.pid").read_text().split("\n", 1)[0])
    next(process for process in console.left_over() if process.pid == number).kill()
    wait_for(lambda: not answers(console) or _postmaster(console) not in {None, number})
    wait_for(lambda: answers(console), why="the database is back")


def test_a_killed_redis_comes_back(console: Product) -> None:
    def redis() -> list[int]:
        return [p.pid for p in console.left_over() if str(console.paths.redis_socket) in " ".join(p.cmdline())]

    (number,) = redis()
    next(process for process in console.left_over() if process.pid == number).kill()
    wait_for(lambda: redis() and redis() != [number], why="Redis is back")


def test_a_killed_supervisor_comes_back_with_one_process_of_each(console: Product) -> None:
    killed = console.processes("supervisor")[0]
    killed.kill()
    wait_for(lambda: console.processes("supervisor") and not killed.is_running(), why="the supervisor is back")
    wait_for(lambda: all(console.main_process(name) for name in PROCESSES), why="all processes are back")
    assert len(console.processes("beat")) == 1
    wait_for(lambda: answers(console))


def test_the_log_of_a_process_is_a_file_under_var(console: Product) -> None:
    def starts() -> int:
        return (console.paths.logs / "beat.log").read_text().count("beat: Starting")

    before = wait_for(starts)
    console.kill("beat")
    wait_for(lambda: starts() == before + 1, why="the new one writes to the same file")


def _postmaster(console: Product) -> int | None:
    try:
        return int((console.paths.data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
