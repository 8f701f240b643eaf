"""The product on a simulated clock, in one process: its own code and PostgreSQL, with a simulated cluster behind its connectors.

No HTTP server, no queue, no waiting. Tasks that it enqueues run at once, one after the other; what its sweeper looks
after is looked after whenever simulated time passes. Time is the cluster's own: Python's clock follows it by way of
Django's, and the database's by functions that stand before its own on the search path.
"""

import asyncio
import pickle
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import httpx
import httpx2
from django.conf import settings
from django.db import connection
from django.utils import timezone as django_timezone
from lightkube.config.kubeconfig import KubeConfig
from starlette.applications import Starlette
from starlette.routing import Route

from aiops import events, live, sweeper
from aiops.connectors import kubernetes
from aiops.connectors.errors import Permanent, Transient
from aiops.connectors.kubernetes import Kubernetes
from aiops.connectors.prometheus import Prometheus
from aiops.core.clusters import Cluster
from aiops.sandbox.clock import EPOCH
from aiops.sandbox.cluster.accounts import RULES, accounts
from aiops.sandbox.web.kubernetes import KubernetesApi
from aiops.sandbox.web.misbehaviour import Chaos, Hold
from aiops.sandbox.web.prometheus import PrometheusApi
from aiops.sandbox.world import World
from approvals import sweeping
from incidents import evidence, landscape
from incidents.collectors import Collector
from incidents.intake import alertmanager
from incidents.intake.reception import receive

TOKEN = "simulated"
STEP_S = 15.0  # as often as the world's metrics are scraped and its rules evaluated
TICK_S = 30.0  # as often as the product and its people look
# Duties of the sweeper that decide something here. The others deliver messages, seal, clean up, and watch other systems.
AT_EVERY_TICK = ("act", "verify")
AT_EVERY_MINUTE = (
    "assess", "follow_decisions", "expire_decisions", "note_recurrences", "turn_stale", "close_resolved", "carry_out_merges",
    "follow_roots", "map_clusters",
)  # fmt: skip
# Looking at the live system is limited by the wall's time, and here it costs more of it than of the simulated one.
PATIENCE = {"analysis_deadline_s": 300.0, "evidence_deadline_s": 240.0, "sweep_ready_after_s": 600.0}

DATABASE_CLOCK = """
create schema if not exists simulated;
create table if not exists simulated.clock (at timestamptz not null);
insert into simulated.clock select now() where not exists (select from simulated.clock);
""" + "".join(
    f"create or replace function simulated.{name}() returns timestamptz language sql stable as 'select at from simulated.clock';"
    for name in ("now", "statement_timestamp", "transaction_timestamp", "clock_timestamp")
)


class _SimulatedDatetime(datetime):
    """What Django asks for the time."""

    at: datetime = EPOCH

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return cls.at if tz is not None else cls.at.replace(tzinfo=None)


def healthy_world(seed: int) -> bytes:
    """A world in which all is well, to begin from again and again."""
    return pickle.dumps(World(seed=seed, step_s=STEP_S))


@dataclass
class Simulation:
    """The product and the world of the moment."""

    healthy: bytes
    world: World = field(init=False)
    _tasks: "deque[tuple[Any, tuple[Any, ...]]]" = field(default_factory=deque)
    _api: Starlette = field(init=False)
    _prometheus: Starlette = field(init=False)
    _minute_at: float = 0.0

    def __post_init__(self) -> None:
        duties = {duty.name: duty.work for duty in sweeper.all_duties()}
        self._often = [duties[name] for name in AT_EVERY_TICK]
        self._seldom = [duties[name] for name in AT_EVERY_MINUTE]
        self.begin(EPOCH, seed=0)

    # time

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def begin(self, at: datetime, *, seed: int) -> None:
        """A healthy world whose clock says `at`. Its history lies just before."""
        self.world = world = pickle.loads(self.healthy)
        world.random.seed(seed)
        start, clock = world.clock.elapsed, world.clock
        clock._wall = lambda: at + timedelta(seconds=clock.elapsed - start)
        clock._anchors.clear()
        clock.anchor()
        api = KubernetesApi(world, accounts(dict.fromkeys(RULES, "") | {"aiops-console": TOKEN}), Chaos(Random(seed)), Hold())
        self._api = Starlette(routes=[Route("/{path:path}", api.handle, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])])
        self._prometheus = Starlette(routes=PrometheusApi(world).routes())
        self._minute_at = world.clock.elapsed  # each world counts from its own beginning
        self._tell_the_time()

    def tick(self, seconds: float = TICK_S) -> None:
        """Simulated time passes: alerts arrive, and the product does what is due."""
        self.world.advance(seconds, step_s=STEP_S)
        self._tell_the_time()
        for body in self.world.notifications():
            self.take(body)
        self.work(self._often)
        if self.world.clock.elapsed >= self._minute_at:
            self._minute_at = self.world.clock.elapsed + 60
            self.work(self._seldom)

    def pass_over(self, seconds: float) -> None:
        """So much later; nothing of it is played, so it is for the end of a world."""
        self.world.clock.elapsed += seconds
        self._tell_the_time()

    def _tell_the_time(self) -> None:
        _SimulatedDatetime.at = self.now
        with connection.cursor() as cursor:
            cursor.execute("update simulated.clock set at = %s", [self.now])

    # what arrives and what is done

    def take(self, body: dict[str, Any]) -> None:
        """A webhook of Alertmanager's."""
        conf = settings.AIOPS.incidents
        receive("alertmanager", alertmanager.parse(body, max_labels=conf.max_labels, received_at=self.now), conf=conf)
        self.work()

    def work(self, duties: Sequence[Callable[[], object]] = ()) -> None:
        for duty in (*duties, lambda: None):
            duty()
            while self._tasks:
                task, ids = self._tasks.popleft()
                task.run(*ids)

    # the edges

    def enqueue(self, task: Any, ids: tuple[Any, ...], *, queue: str | None = None) -> None:
        if not task.name.startswith("aiops.outbox"):  # messages to people are counted, not sent
            self._tasks.append((task, ids))

    @property
    def metrics(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(app=self._prometheus)

    async def kubernetes(self, request: httpx2.Request) -> httpx2.Response:
        return await httpx2.ASGITransport(app=self._api).handle_async_request(request)

    def prometheus(self, what: str, query: dict[str, str]) -> Any:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=self._prometheus), base_url="http://prometheus"
            ) as http:
                return await http.get(f"/api/v1/{what}", params=query)

        answer = asyncio.run(ask())
        body = answer.json()
        if answer.status_code >= 500:
            raise Transient(f"ask Prometheus for {what}", f"answered {answer.status_code}")
        if body.get("status") != "success":
            raise Permanent(f"ask Prometheus for {what}", str(body.get("error")), code="invalid")
        return body.get("data")


class _Transport(httpx2.AsyncBaseTransport):
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Authorization"] = f"Bearer {TOKEN}"
        return await self._simulation.kubernetes(request)


def _patient(collectors: Sequence[Collector]) -> tuple[Collector, ...]:
    return tuple(collector._replace(within_s=PATIENCE["evidence_deadline_s"]) for collector in collectors)


def _at_once(self: object, name: str, work: Callable[[], object]) -> bool:
    work()
    return True


@contextmanager
def simulation(seed: int, folder: Path, *, healthy: bytes | None = None) -> Iterator[Simulation]:
    """The product of this process, simulated for as long as this lasts. `healthy`: a world that was made before."""
    with connection.cursor() as cursor:
        cursor.execute(DATABASE_CLOCK)
        cursor.execute("set search_path = simulated, pg_catalog, public")
    kubeconfig = folder / "simulated.kubeconfig"
    kubeconfig.touch()
    conf = settings.AIOPS
    conf = conf.model_copy(
        update={"prometheus_url": "http://prometheus", "incidents": conf.incidents.model_copy(update=PATIENCE)},
    )
    cluster = Cluster(name="sandbox", environment="production", kubeconfig=kubeconfig, shadow=False)
    server = KubeConfig.from_server("http://cluster").get()
    assert server is not None
    with (
        patch.object(django_timezone, "datetime", _SimulatedDatetime),
        patch.object(settings, "CLUSTERS", (cluster,)),
        patch.object(settings, "AIOPS", conf),
    ):
        made = Simulation(healthy or healthy_world(seed))
        client = Kubernetes(config=server, transport=_Transport(made), read_timeout_s=60.0)
        reads = Prometheus.reads
        with (
            patch.object(kubernetes, "_client", lambda *_: client),
            patch.object(Prometheus, "_ask", lambda _, what, query: made.prometheus(what, dict(query))),
            patch.object(Prometheus, "reads", lambda self: reads(replace(self, transport=made.metrics, timeout_s=60.0))),
            patch.object(evidence, "OF_CLUSTER", _patient(evidence.OF_CLUSTER)),
            patch.object(evidence, "OF_METRICS", _patient(evidence.OF_METRICS)),
            patch.object(landscape, "current", landscape.load),
            patch.object(events, "_send", made.enqueue),
            patch.object(events, "broker_answers", lambda: True),
            patch.object(live, "_send", lambda _: None),
            patch.object(sweeping.Helpers, "begin", _at_once),
        ):
            try:
                yield made
            finally:
                with connection.cursor() as cursor:
                    cursor.execute("reset search_path")
                    cursor.execute("drop schema simulated cascade")
