"""The running product under faults: making work for it, waiting for it, and breaking its processes and its database."""

import itertools
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx

from tests.faults.conftest import IS_FULL
from tests.product import HOME, Product, wait_for

LONG = 120.0  # a busy machine
TARGETS = [  # none needs another, so that each crash is an incident of its own
    ("shop", "cart"), ("payments", "fraud-scoring"), ("edge", "static-site"), ("payments", "ledger"), ("shop", "order-worker"),
    ("shop", "recommendations"),
]  # fmt: skip
numbers = itertools.count(1)
_targets = itertools.cycle(TARGETS)


def connected(product: Product, name: str) -> bool:
    """Whether that process is at work already: the product counts as started when its dashboard answers."""
    return product.ask_database(f"select count(*) from pg_stat_activity where application_name = 'aiops-{name}'") != [["0"]]


# Ways to make work


def alerts(*labels: dict[str, str]) -> dict[str, object]:
    at = datetime.now(UTC).isoformat()
    firing = [{"status": "firing", "labels": one, "annotations": {}, "startsAt": at} for one in labels]
    return {"version": "4", "groupKey": f"g{next(numbers)}", "status": "firing", "alerts": firing}


def crash(namespace: str, deployment: str) -> dict[str, str]:
    return {
        "alertname": "KubePodCrashLooping", "namespace": namespace, "deployment": deployment, "severity": "warning",
        "run": str(next(numbers)),
    }  # fmt: skip


def open_incidents(product: Product, count: int) -> list[float]:
    """Post alerts of as many problems as that, each of its own place; how long each post took."""
    took = []
    for _ in range(count):
        n = next(numbers)
        began = time.monotonic()
        assert product.post_alerts(alerts(crash(f"ns{n}", f"app{n}"))).status_code == 200
        took.append(time.monotonic() - began)
    return took


def decided(product: Product, after: int) -> list[float]:
    """Seconds to READY of every decision since; fails where one is not READY yet."""
    rows = product.ask_database(
        "select coalesce(extract(epoch from ready_at - received_at), -1) from incidents_decision"
        f" where id > {after} and cause = 'opened'"
    )
    seconds = [float(row[0]) for row in rows if row[0]]
    return [] if any(s < 0 for s in seconds) else seconds


def last(product: Product, table: str) -> int:
    return int(product.ask_database(f"select coalesce(max(id), 0) from {table}")[0][0])


def all_ready(product: Product, after: int, count: int) -> list[float]:
    """Their seconds to READY, once every one of `count` is."""
    return wait_for(lambda: len(found := decided(product, after)) >= count and found, within_s=LONG, why="all READY")


def in_time(product: Product, seconds: Sequence[float]) -> None:
    """The promise of 30 s. The short tests run beside others on slow machines; they show how long it took."""
    if IS_FULL:
        assert max(seconds) <= 30, f"{sorted(seconds)[-5:]}\n{product.said[-3000:]}"


def approvals(product: Product, count: int, *, sign: bool = True) -> list[int]:
    """Restarts that a person proposes for as many workloads, signed where `sign`; the approvals' numbers."""
    made = []
    with product.client() as api:
        for _ in range(count):
            namespace, name = next(_targets)
            receipt = product.post_alerts(alerts(crash(namespace, name))).json()
            ref = receipt["incidents"][0]
            target = {"kind": "Deployment", "namespace": namespace, "name": name}
            body = {"action": {"class": "restart_workload", "target": target}, "reason": "a fault test"}
            wait_for(lambda ref=ref: _is_decided(product, ref), within_s=LONG, why=f"{ref} is READY")
            # What was done to this target before is verified first.
            answer = wait_for(lambda ref=ref, body=body: _proposed(api, ref, body), within_s=LONG, why=f"a proposal for {ref}")
            made.append(answer)
        if sign:
            for approval in made:
                give(api, approval)
    return [approval["id"] for approval in made]


def _proposed(api: httpx.Client, ref: str, body: object) -> dict[str, object] | None:
    answer = api.post(f"/api/v1/incidents/{ref}/propose", json=body)
    assert answer.status_code in (200, 409), answer.text
    return answer.json() if answer.status_code == 200 else None


def give(api: httpx.Client, approval: dict[str, object]) -> None:
    answer = api.post(f"/api/v1/approvals/{approval['id']}/approve", json={"digest": approval["digest"]})
    assert answer.status_code == 200, answer.text


def _is_decided(product: Product, ref: str) -> bool:
    number = ref.removeprefix("INC-")
    return product.ask_database(
        f"select count(*) from incidents_decision where incident_id = {number} and state in ('INIT', 'ANALYZING')"
    ) == [["0"]]


def executions(product: Product, made: Sequence[int]) -> dict[str, str]:
    """Status by id, of the acts of these approvals."""
    numbers = ",".join(str(number) for number in made)
    return dict(product.ask_database(f"select id, status from approvals_execution where approval_id in ({numbers})"))


def all_done(product: Product, made: Sequence[int]) -> dict[str, str]:
    def are() -> dict[str, str] | None:
        found = executions(product, made)
        over = [status for status in found.values() if status in ("succeeded", "failed", "cancelled", "rolled_back")]
        return found if len(over) == len(made) else None

    return wait_for(are, within_s=LONG, why=f"all acts are over: {executions(product, made)}")


def effects(sandbox: httpx.Client, marks: Sequence[str]) -> list[int]:
    """How often each execution has changed something, by the cluster's own log."""
    found = sandbox.get("/sandbox/mutations").json()
    made = Counter(one["mark"] for one in found if one["effect"])
    return [made[mark] for mark in marks]


@contextmanager
def beside(product: Product, *commands: Sequence[str]) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """More processes of the product's, as on a second machine."""
    environment = product.environment | {"PYTHONPATH": str(HOME), "DJANGO_SETTINGS_MODULE": "aiops.settings"}
    running = []
    try:
        for command in commands:
            name = "sweeper" if "sweep" in command else "worker" if "worker" in command else "beat"
            running.append(
                subprocess.Popen(
                    [sys.executable, *command], env=environment | {"AIOPS_PROCESS": name}, cwd=HOME, start_new_session=True,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )
            )  # fmt: skip
        yield running
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(60)


def stop(product: Product, name: str) -> int:
    """Tell that process to stop, as a new release does; its number."""
    leaving = wait_for(lambda: product.main_process(name), why=f"{name} runs")
    leaving.terminate()
    return leaving.pid


@contextmanager
def killed_again_and_again(product: Product, name: str, *, every_s: float, aged_s: float = 0.0) -> Iterator[list[int]]:
    """kill -9 of that process and its children in that rhythm, once it has lived so long; the numbers of those that died."""
    dead: list[int] = []
    ends = threading.Event()

    def kill() -> None:
        while not ends.wait(every_s):
            for process in product.processes(name):
                if time.time() - process.create_time() >= aged_s:
                    dead.append(process.pid)
                    process.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield dead
    finally:
        ends.set()
        killer.join()


def read_only(product: Product, is_so: bool) -> None:
    """Every transaction of the product's, from now on; its connections are made anew."""
    setting = f"alter database aiops set default_transaction_read_only = {'on' if is_so else 'off'}"
    product.ask_database(f"begin read write; {setting}; commit")
    product.ask_database(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'aiops-%' and pid <> pg_backend_pid()"
    )


def all_kept(product: Product, namespaces: Sequence[str]) -> None:
    wait_for(lambda: _rows(product, namespaces) == len(namespaces), within_s=LONG, why="every alert that was taken has its row")


def _rows(product: Product, namespaces: Sequence[str]) -> int:
    listed = ",".join(f"'{namespace}'" for namespace in namespaces)
    try:
        return int(product.ask_database(f"select count(*) from incidents_alert where labels->>'namespace' in ({listed})")[0][0])
    except (IndexError, subprocess.CalledProcessError):
        return -1
