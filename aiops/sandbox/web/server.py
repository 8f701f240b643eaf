"""One process: the control port in plain HTTP, the cluster's own port in TLS, and the clock that drives the world."""

import asyncio
import json
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from starlette.applications import Starlette
from starlette.routing import Route

from aiops.sandbox.cluster.accounts import accounts
from aiops.sandbox.web.alertmanager import AlertmanagerApi, Webhooks
from aiops.sandbox.web.control import Control
from aiops.sandbox.web.identity import write_kubeconfig
from aiops.sandbox.web.kubernetes import KubernetesApi
from aiops.sandbox.web.listeners import Listener
from aiops.sandbox.web.misbehaviour import Chaos, Hold
from aiops.sandbox.web.prometheus import PrometheusApi
from aiops.sandbox.web.state import Kept, keep
from aiops.sandbox.world import World

HOST = "127.0.0.1"
TICK_S = 0.05
KEEP_EVERY_S = 2.0  # state is written at most that long after a change
REFUSE_SLOT_S = 0.3  # `refuse` shuts the port for that share of slots this long
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Options:
    port: int = 0
    cluster_port: int = 0
    kubeconfig: Path | None = None
    state: Path | None = None
    webhook_url: str = ""
    webhook_token: str = field(default="", repr=False)
    speed: float = 1.0
    seed: int = 1


class SandboxServer:
    def __init__(self, options: Options, kept: Kept) -> None:
        self.world: World = kept.world
        self._kept = kept
        self._options = options
        self._chaos = Chaos(Random(options.seed))
        self._hold = Hold()
        self._down = False
        self._stopping = asyncio.Event()
        self._kubernetes = KubernetesApi(self.world, accounts(kept.identity.tokens), self._chaos, self._hold)
        control = Control(self.world, self._chaos, self._hold, self._set_outage)
        cluster = Route("/{path:path}", self._kubernetes.handle, methods=_METHODS)
        around = [*control.routes(), *PrometheusApi(self.world).routes(), *AlertmanagerApi(self.world).routes()]
        self._webhooks = Webhooks(self.world, options.webhook_url, options.webhook_token)
        self._control_port = Listener(Starlette(routes=[*around, cluster]), HOST, options.port)
        self._cluster_port = Listener(
            Starlette(routes=[cluster]), HOST, options.cluster_port or kept.cluster_port, tls=kept.identity.tls()
        )

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. OSError where a port is taken."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        self.world.clock.set_speed(self._options.speed)
        await self._open_cluster_port()
        await self._control_port.open()
        self._kept.cluster_port = self._cluster_port.port
        if self._options.kubeconfig:
            write_kubeconfig(self._options.kubeconfig, self._kept.identity, self.cluster_url)
        self._announce()
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(work) for work in (self._tick(), self._refuse(), self._keep(), self._webhooks.run())]
            await self._stopping.wait()
            for task in running:
                task.cancel()
        await self._control_port.close()
        await self._cluster_port.close()
        self._save()

    async def _open_cluster_port(self) -> None:
        """The port of the last run where it is still free, so that clients find the cluster again."""
        try:
            await self._cluster_port.open()
        except OSError:
            if self._options.cluster_port:
                raise
            self._cluster_port.port = 0
            await self._cluster_port.open()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._control_port.port}"

    @property
    def cluster_url(self) -> str:
        return f"https://{HOST}:{self._cluster_port.port}"

    def _announce(self) -> None:
        line = {
            "event": "sandbox.listening",
            "url": self.url,
            "cluster_url": self.cluster_url,
            "kubeconfig": str(self._options.kubeconfig or ""),
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    async def _tick(self) -> None:
        while True:
            self.world.catch_up()
            await asyncio.sleep(TICK_S)

    async def _set_outage(self, down: bool) -> None:
        self._down = self._kubernetes.is_down = down
        await self._move_port()

    async def _move_port(self, *, refusing: bool = False) -> None:
        if self._down or refusing:
            await self._cluster_port.close()
        else:
            await self._cluster_port.open()

    async def _refuse(self) -> None:
        """Refused connections: the port is shut for a share of the time. A request on an open connection cannot be refused."""
        random = Random(self._options.seed)
        while True:
            odds = self._chaos.now.refuse
            if odds or not self._cluster_port.is_open:
                await self._move_port(refusing=random.random() < odds)
            await asyncio.sleep(REFUSE_SLOT_S if 0 < odds < 1 else TICK_S)

    async def _keep(self) -> None:
        seen = (0, 0)
        while True:
            await asyncio.sleep(KEEP_EVERY_S)
            moved = (self.world.store.revision, self.world.api.mutations.next_number)
            if moved != seen:
                self._save()
                seen = moved

    def _save(self) -> None:
        if self._options.state:
            keep(self._options.state, self._kept)
