"""F18, F19 and F21: more alerts than ever with many pages open, senders that repeat while web dies, and pages that are cut off."""

import asyncio
import html
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial

import httpx
import pytest
import websockets

from tests.faults.conftest import IS_FULL, times
from tests.faults.running import LONG, alerts, crash, killed_again_and_again, numbers
from tests.product import Product, wait_for

pytestmark = pytest.mark.xdist_group("running product")
A_POST = 50  # alerts
WITHIN_S = 60.0
SENDERS = 8
WEB_LIVES_S = 8.0  # by then it has started and takes posts; killed earlier each time, it would never take any
MISSED = "KubeDeploymentReplicasMismatch"
BAD = {"status": "on fire", "labels": {"alertname": "Bad"}}


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Product(sandbox=False) as running:
        yield running


def count(product: Product, what: str) -> int:
    return int(product.ask_database(f"select count(*) from {what}")[0][0])


# Pages that stay open


def line_of(product: Product, path: str) -> Callable[[], websockets.connect]:
    """Connects as a browser does that has the page at `path` open."""
    with closing(product.log_in()) as person:
        [room] = re.findall(r'hx-ws:connect="([^"]*)"', person.get(path).text)
        cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    return partial(
        websockets.connect, product.base_url.replace("http", "ws", 1) + html.unescape(room),
        additional_headers={"Cookie": cookies}, origin=product.base_url, open_timeout=LONG, proxy=None, max_size=None,
    )  # fmt: skip


@contextmanager
def open_pages(product: Product, number: int) -> Iterator[list[int]]:
    """So many pages that listen, as browsers do, in the room of the incident list; how many messages each has heard."""
    heard, ends, opened = [0] * number, threading.Event(), threading.Barrier(2)
    connect = line_of(product, "/incidents")

    async def page(n: int) -> None:
        async with connect() as socket:
            joined.append(n)
            if len(joined) == number:
                all_in.set()
            while not ends.is_set():
                try:
                    await asyncio.wait_for(socket.recv(), 0.5)
                    heard[n] += 1
                except TimeoutError:
                    continue

    async def all_of_them() -> None:
        pages = [asyncio.create_task(page(n)) for n in range(number)]
        await asyncio.wait_for(all_in.wait(), LONG)
        opened.wait()
        await asyncio.gather(*pages)

    joined: list[int] = []
    all_in = asyncio.Event()
    with ThreadPoolExecutor(1) as browsers:
        watching = browsers.submit(asyncio.run, all_of_them())
        opened.wait(LONG)
        try:
            yield heard
        finally:
            ends.set()
            watching.result(LONG)


def test_f18_a_storm_with_pages_open_loses_nothing_and_the_most_urgent_are_first(product, figure):
    posts, viewers = times(6, full=200), times(10, full=200)
    web = wait_for(lambda: product.main_process("web"))
    with open_pages(product, viewers) as heard:
        before = web.memory_info().rss
        run = f"storm{next(numbers)}"
        bodies = [alerts(*_storm(run, n)) for n in range(posts)]
        began, apart_s = time.monotonic(), WITHIN_S / posts if IS_FULL else 0.0
        with ThreadPoolExecutor(SENDERS) as senders:
            took = list(senders.map(lambda n: _posted(product, bodies[n], at=began + n * apart_s), range(posts)))
        wait_for(lambda: count(product, f"incidents_alert where labels->>'run' = '{run}'") == posts * A_POST, within_s=LONG)
        urgent = wait_for(lambda: _ready(product, run), within_s=LONG, why="every P0 is READY")
        grown = web.memory_info().rss / before
        wait_for(lambda: all(heard), within_s=LONG, why="every page heard of it")
    p99 = sorted(took)[int(0.99 * (len(took) - 1))]
    assert len(urgent) == posts
    assert grown < 2
    if IS_FULL:  # the short test runs beside others on slow machines
        assert p99 < 1
        assert max(urgent) <= 30
    figure(
        f"{posts * A_POST} alerts, {viewers} pages: p99 {p99:.2f} s, slowest P0 {max(urgent):.1f} s, memory × {grown:.2f}",
        rounds=posts * A_POST,
    )


def _storm(run: str, n: int) -> list[dict[str, str]]:
    """Fifty alerts of as many places, one of them a P0."""
    labels = [crash(f"{run}-{n}-{one}", f"app{one}") | {"run": run} for one in range(A_POST)]
    return [labels[0] | {"severity": "P0"}, *labels[1:]]


def _posted(product: Product, body: object, *, at: float) -> float:
    """How long the answer took, from when it was to be sent: a sender that has to wait for others has waited."""
    time.sleep(max(0.0, at - time.monotonic()))
    began = at if IS_FULL else time.monotonic()
    assert product.post_alerts(body).status_code == 200
    return time.monotonic() - began


def _ready(product: Product, run: str) -> list[float] | None:
    """Seconds to READY of the most urgent incidents of the storm, once all are."""
    rows = product.ask_database(
        "select coalesce(extract(epoch from d.ready_at - d.received_at), -1) from incidents_decision d join incidents_incident i"
        f" on i.id = d.incident_id where i.severity = 'P0' and i.namespace like '{run}-%' and d.cause = 'opened'"
    )
    seconds = [float(row[0]) for row in rows if row[0]]
    return None if not seconds or min(seconds) < 0 else seconds


# Pages that are cut off


def test_f21_pages_whose_sockets_are_cut_are_current_again(product, figure):
    viewers, cuts = times(10, full=200), times(2, full=5)
    web = wait_for(lambda: product.main_process("web"))
    took_s, memory = [], []
    for _ in range(cuts):
        labels = crash(f"cut{next(numbers)}", "app")
        [ref] = product.post_alerts(alerts(labels)).json()["incidents"]
        joining = alerts(labels | {"alertname": MISSED})
        connect = line_of(product, f"/incidents/{ref}")
        took_s += asyncio.run(_cut_and_back(connect, viewers, lambda joining=joining: product.post_alerts(joining)))
        memory.append(web.memory_info().rss)
    assert len(took_s) == viewers * cuts
    assert memory[-1] < 1.2 * memory[0]
    if IS_FULL:  # the short test runs beside others on slow machines
        assert max(took_s) <= 10
    grown = memory[-1] / memory[0]
    figure(f"{viewers} pages cut {cuts} times: none stale after {max(took_s):.1f} s, memory × {grown:.2f}", rounds=viewers * cuts)


async def _cut_and_back(connect: Callable[[], websockets.connect], number: int, change: Callable[[], object]) -> list[float]:
    """Cut so many pages off, let something change, and let all come back at once; how long each took until it was current."""
    sockets = await asyncio.gather(*[connect() for _ in range(number)])
    assert not any(MISSED in said for said in await asyncio.gather(*[socket.recv(decode=True) for socket in sockets]))
    for socket in sockets:
        socket.transport.abort()
    await asyncio.to_thread(change)
    began = time.monotonic()

    async def current() -> float:
        async with connect() as socket:
            while MISSED not in await asyncio.wait_for(socket.recv(decode=True), LONG):
                pass
        return time.monotonic() - began

    return await asyncio.gather(*[current() for _ in range(number)])


# Senders


def test_f19_posts_that_web_dies_under_are_taken_once_however_often_they_are_sent(product, figure):
    posts, sent = times(6, full=100), 3
    run = f"sender{next(numbers)}"
    bodies = [_mostly_good(run, n) for n in range(posts)]
    mine = f"incidents_alert where labels->>'run' = '{run}'"
    with killed_again_and_again(product, "web", every_s=0.5, aged_s=WEB_LIVES_S) as dead, ThreadPoolExecutor(SENDERS) as senders:
        for body in [*bodies, *bodies]:  # at least once each while web dies
            senders.submit(_until_taken, product, body)
        wait_for(lambda: len(dead) > 1, within_s=LONG, why="web died")
    good = posts * (A_POST - 1)
    assert count(product, mine) == good
    opened, aside = count(product, "incidents_incident"), count(product, "incidents_quarantinedalert")
    for body in bodies:
        assert _until_taken(product, body) == 200
    assert (count(product, mine), count(product, "incidents_incident")) == (good, opened)
    assert count(product, "incidents_quarantinedalert") == aside, "what was put aside is put aside once"
    figure(
        f"{good} good of {posts * A_POST} sent {sent} times, web killed {len(dead)} times: none lost, none twice",
        rounds=good * sent,
    )


def _mostly_good(run: str, n: int) -> dict[str, object]:
    body = alerts(*(crash(f"{run}-{n}-{one}", f"app{one}") | {"run": run} for one in range(A_POST - 1)))
    firing = body["alerts"]
    assert isinstance(firing, list)
    return body | {"alerts": [*firing, BAD | {"labels": {"alertname": f"Bad{n}", "run": run}}]}


def _until_taken(product: Product, body: object) -> int:
    """As Alertmanager sends: again after no answer and after 5xx, never after 4xx."""
    deadline = time.monotonic() + LONG
    while True:
        try:
            answer = product.post_alerts(body)
            if answer.status_code < 500:
                return answer.status_code
        except httpx.TransportError:
            pass  # as if it had never been sent
        assert time.monotonic() < deadline, "it was never taken"
        time.sleep(0.3)
