"""F3 to F6, F22 and F24: the running product, with its processes killed, its queue cut, silent and flushed, and everything twice.

One product for all of them, with the simulated cluster; its Redis is reached by a line that a test may cut. The cluster's
log of mutations says what was done, the rows say how late.
"""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.faults.broker import Line, redis_on_a_line
from tests.faults.conftest import IS_FULL, times
from tests.faults.running import (
    LONG,
    alerts,
    all_done,
    all_kept,
    all_ready,
    approvals,
    beside,
    connected,
    crash,
    effects,
    give,
    in_time,
    killed_again_and_again,
    last,
    numbers,
    open_incidents,
    read_only,
    stop,
)  # fmt: skip
from tests.product import Product, wait_for

pytestmark = pytest.mark.xdist_group("running product")
FAULT = "F22"
GROWING = ("incidents_alert", "incidents_decision", "approvals_execution")


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with redis_on_a_line() as line:
        yield line


@pytest.fixture(scope="module")
def product(line: Line) -> Iterator[Product]:
    """One person may propose and sign here; nothing acts alone on what the tests break on purpose."""
    short = {
        "REDIS_URL": line.url,
        "AIOPS_LEARNING__PEOPLE_MIN": "1",
        "AIOPS_APPROVALS__LEASE_S": "6",
        "AIOPS_APPROVALS__UNCLAIMED_AFTER_S": "3",
        "AIOPS_APPROVALS__STABLE_FOR_S": "1",
        "AIOPS_APPROVALS__ALERT_CLEARS_WITHIN_S": "1",
        "AIOPS_APPROVALS__VERIFY_EVERY_S": "1",
        "AIOPS_APPROVALS__VERIFY_WITHIN_S": "20",
    }
    with Product(environment=short) as running:
        httpx.put(f"{running.sandbox_url}/sandbox/clock", json={"speed": 10}, trust_env=False).raise_for_status()
        httpx.post(f"{running.sandbox_url}/sandbox/reset", timeout=LONG, trust_env=False).raise_for_status()
        wait_for(lambda: connected(running, "sweeper"), within_s=LONG, why="the sweeper looks around")
        yield running


@pytest.fixture
def sandbox(product: Product) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=product.sandbox_url, timeout=30, trust_env=False) as client:
        yield client
        client.delete("/sandbox/hold")
        client.put("/sandbox/misbehave", json={})


# The faults


def test_f3_a_worker_that_is_killed_every_three_seconds_makes_nothing_late(product, figure):
    count, after = times(8, full=100), last(product, "incidents_decision")
    with killed_again_and_again(product, "worker", every_s=3.0) as dead:
        for _ in range(count):
            open_incidents(product, 1)
            time.sleep(0.3)  # spread over several kills
        seconds = all_ready(product, after, count)
    assert len(dead) > 1
    in_time(product, seconds)
    figure(f"{len(dead)} kills, slowest READY {max(seconds):.1f} s", rounds=count)


def test_f2_a_pool_child_that_is_killed_in_the_middle_is_replaced(product, sandbox, figure):
    rounds, total = times(1, full=20), 0
    for _ in range(rounds):
        sandbox.put("/sandbox/hold", json={"when": "after", "only": {"verb": "patch"}})
        made = approvals(product, 3)
        wait_for(lambda: sandbox.get("/sandbox/hold").json()["waiting"], within_s=LONG, why="an act is under way")
        for child in product.processes("worker")[1:]:
            child.kill()
        sandbox.delete("/sandbox/hold")
        done = all_done(product, made)
        assert set(done.values()) == {"succeeded"}, done
        assert effects(sandbox, list(done)) == [1] * len(made)
        total += len(made)
    figure("pool children killed with one act held at the cluster and others waiting", rounds=total)


def test_f4_a_flush_loses_nothing_that_waits(product, line, figure):
    count, after = times(30, full=1000), last(product, "incidents_decision")
    open_incidents(product, count // 2)
    line.flush()
    open_incidents(product, count - count // 2)
    line.flush()
    seconds = all_ready(product, after, count)
    in_time(product, seconds)
    figure(f"flushed with work in the queue: slowest READY {max(seconds):.1f} s", rounds=count)


def test_f4_a_restart_of_redis_under_acts_doubles_nothing(product, sandbox, line, figure):
    rounds = times(1, full=4)
    total = 0
    for _ in range(rounds):
        sandbox.put("/sandbox/hold", json={"when": "after", "only": {"verb": "patch"}})
        made = approvals(product, 4)
        wait_for(lambda: sandbox.get("/sandbox/hold").json()["waiting"], within_s=LONG, why="an act is under way")
        line.cut()
        line.flush()
        line.mend()
        sandbox.delete("/sandbox/hold")
        done = all_done(product, made)
        found = effects(sandbox, list(done))
        assert set(done.values()) == {"succeeded"}, done
        assert found == [1] * len(made)
        total += len(made)
    figure("cut and flushed while one act is held at the cluster and others wait", rounds=total)


def test_f5_without_redis_decisions_and_signed_acts_go_on_and_autonomy_waits(product, sandbox, line, figure):
    count, began = times(6, full=200), last(product, "incidents_decision")
    waiting = approvals(product, 2, sign=False)
    line.cut()
    cut_at = product.ask_database("select now()")[0][0]
    try:
        open_incidents(product, count)
        with product.client() as api:
            for number in waiting:
                give(api, api.get(f"/api/v1/approvals/{number}").json())
        done = all_done(product, waiting)
        seconds = all_ready(product, began, count)
        until = time.monotonic() + times(0, full=600)
        while time.monotonic() < until:
            time.sleep(10)
            open_incidents(product, 1)
        alone = product.ask_database(f"select count(*) from approvals_execution where autonomous and planned_at > '{cut_at}'")
    finally:
        line.mend()
    assert effects(sandbox, list(done)) == [1] * len(waiting), done
    in_time(product, seconds)
    assert alone == [["0"]]
    figure(f"{len(waiting)} signed acts done, 0 alone, slowest READY {max(seconds):.1f} s", rounds=count)


def test_f6_a_redis_that_never_answers_holds_nobody_up(product, line, figure):
    count, after = times(10, full=100), last(product, "incidents_decision")
    line.silence()
    try:
        took = open_incidents(product, count)
        seconds = all_ready(product, after, count)
    finally:
        line.mend()
    in_time(product, seconds)
    if IS_FULL:
        assert max(took) <= 2, took
    figure(f"slowest post {max(took):.2f} s, slowest READY {max(seconds):.1f} s", rounds=count)


def test_f22_two_of_everything_do_everything_once(product, sandbox, figure):
    celery = ["-m", "celery", "-A", "aiops.celery"]
    more = [
        [*celery, "worker", "-Q", "decide,act,default", "--concurrency", "2", "--without-gossip", "--without-mingle"],
        [*celery, "beat", "--pidfile=", "--schedule", f"{product.var}/second-beat"],
        ["manage.py", "sweep"],
    ]
    rounds, total = times(1, full=20), 0
    with beside(product, *more):
        for _ in range(rounds):
            after = last(product, "incidents_decision")
            made = approvals(product, 4)
            done = all_done(product, made)
            found = effects(sandbox, list(done))
            assert found == [1] * len(made), done
            open_incidents(product, 5)
            all_ready(product, after, 5)
            total += len(made) + 5
        twice = product.ask_database(
            "select incident_id from incidents_decision where state in ('INIT','ANALYZING','READY','EXECUTING')"
            " group by incident_id having count(*) > 1"
        )
    assert twice == []
    figure("two workers on one queue, two beats, two sweepers: each act and decision once", rounds=total)


def test_f22_without_a_sweeper_for_a_while_nothing_is_lost(product, sandbox, line, figure):
    """The messages of what is planned meanwhile are lost too: only a sweeper finds it."""
    after = last(product, "incidents_decision")
    waiting = approvals(product, 2, sign=False)
    with killed_again_and_again(product, "sweeper", every_s=0.5):
        line.cut()
        with product.client() as api:
            for number in waiting:
                give(api, api.get(f"/api/v1/approvals/{number}").json())
        open_incidents(product, 2)
        line.mend()
    done = all_done(product, waiting)
    all_ready(product, after, 2)
    assert effects(sandbox, list(done)) == [1] * len(waiting), done
    figure("sweeper gone and messages lost: all of it found afterwards", rounds=len(waiting) + 2)


@pytest.mark.parametrize("name", ["worker", "sweeper"])
def test_f24_who_is_told_to_stop_finishes_or_hands_over(product, sandbox, name, figure):
    rounds, total = times(1, full=10), 0
    for _ in range(rounds):
        sandbox.put("/sandbox/hold", json={"when": "after", "only": {"verb": "patch"}})
        made = approvals(product, 4)
        wait_for(lambda: sandbox.get("/sandbox/hold").json()["waiting"], within_s=LONG, why="an act is under way")
        stopped = stop(product, name)
        sandbox.delete("/sandbox/hold")
        wait_for(lambda was=stopped: (now := product.main_process(name)) and now.pid != was, within_s=LONG, why="it is back")
        done = all_done(product, made)
        assert set(done.values()) == {"succeeded"}, done
        assert effects(sandbox, list(done)) == [1] * len(made)
        total += len(made)
    figure(f"SIGTERM of the {name} with one act held at the cluster and others waiting", rounds=total)


def test_f24_a_rolling_restart_after_the_schema_grew(product, sandbox, figure):
    """As a release does: the migration adds while the old processes work, each is replaced, and only then something goes."""
    rounds, total, posted = times(1, full=13), 0, 0
    for _ in range(rounds):
        after = last(product, "incidents_decision")
        sandbox.put("/sandbox/hold", json={"when": "after", "only": {"verb": "patch"}})
        made = approvals(product, 4)
        wait_for(lambda: sandbox.get("/sandbox/hold").json()["waiting"], within_s=LONG, why="an act is under way")
        for table in GROWING:
            product.ask_database(f"alter table {table} add column grown integer not null default 0")
        try:
            replaced = {}
            for name in ("web", "sweeper", "worker", "beat"):
                open_incidents(product, 1)
                replaced[name] = stop(product, name)
            sandbox.delete("/sandbox/hold")
            for name, was in replaced.items():
                wait_for(
                    lambda name=name, was=was: (now := product.main_process(name)) and now.pid != was, within_s=LONG, why=name
                )
            open_incidents(product, 1)
            done = all_done(product, made)
        finally:
            for table in GROWING:
                product.ask_database(f"alter table {table} drop column grown")
        assert set(done.values()) == {"succeeded"}, done
        assert effects(sandbox, list(done)) == [1] * len(made)
        all_ready(product, after, 5)
        total, posted = total + len(made), posted + 5
    figure(f"{total} acts and {posted} alerts over a grown schema and a restart of every process", rounds=total)


def test_f7_a_database_that_is_killed_under_posts_loses_nothing_that_was_taken(product, sandbox, figure):
    rounds, kept = times(1, full=10), 0
    for _ in range(rounds):
        made = approvals(product, 3)
        taken: list[str] = []
        number = int((product.paths.data / "postmaster.pid").read_text().split("\n", 1)[0])
        next(process for process in product.left_over() if process.pid == number).kill()
        ends = time.monotonic() + 6
        while time.monotonic() < ends or not taken:
            n = next(numbers)
            try:
                answer = product.post_alerts(alerts(crash(f"ns{n}", f"app{n}")))
            except httpx.TransportError:
                continue
            assert answer.status_code in (200, 503), answer.text
            if answer.status_code == 200:
                taken.append(f"ns{n}")
            time.sleep(0.1)
        all_kept(product, taken)
        done = all_done(product, made)
        assert effects(sandbox, list(done)) == [1] * len(made), done
        kept += len(taken)
    figure(f"{kept} alerts taken around the kill, all of them kept; 1 effect an act", rounds=rounds)


def test_f7_a_database_that_takes_no_writes_takes_no_alert_and_sends_nothing(product, sandbox, figure):
    """As when its disk is full: a 2xx only where there is a row, and no request without its attempt."""
    rounds = times(1, full=10)
    for _ in range(rounds):
        waiting = approvals(product, 1, sign=False)
        before, alerts_before = sandbox.get("/sandbox/mutations").json(), last(product, "incidents_alert")
        with product.client() as api:
            approval = api.get(f"/api/v1/approvals/{waiting[0]}").json()
            read_only(product, True)
            try:
                codes = {product.post_alerts(alerts(crash(f"ns{next(numbers)}", "app"))).status_code for _ in range(3)}
                answer = api.post(f"/api/v1/approvals/{waiting[0]}/approve", json={"digest": approval["digest"]})
            finally:
                read_only(product, False)
        made = [one for one in sandbox.get("/sandbox/mutations").json() if one["mark"] and one["effect"]]
        assert codes == {503}
        assert answer.status_code >= 500
        assert last(product, "incidents_alert") == alerts_before
        assert made == [one for one in before if one["mark"] and one["effect"]]
    figure("read-only: 0 answers of 2xx without a row, 0 effects", rounds=rounds)


def test_nothing_was_left_in_between(product, figure):
    """After all of it, and the sweeper's period: no act, decision or message that nobody will look at again."""
    stuck = (
        "select (select count(*) from approvals_execution where status in ('planned','dry_run','running','ambiguous')"
        " and due_at < now() - interval '60 s' and coalesce(lease_until, due_at) < now() - interval '60 s')"
        " + (select count(*) from incidents_decision where state in ('INIT','ANALYZING') and received_at < now() - interval '30 s')"
    )
    wait_for(lambda: product.ask_database(stuck) == [["0"]], within_s=LONG, why="nothing is stuck")
    figure("after all faults of this file: nothing stuck")
