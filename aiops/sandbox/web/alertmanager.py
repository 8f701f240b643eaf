"""Alertmanager's outside: webhooks posted and posted again, and the list of alerts."""

import asyncio
import sys
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aiops.sandbox.cluster.documents import micro_stamp
from aiops.sandbox.telemetry.notifications import Notification
from aiops.sandbox.telemetry.rules import Alert
from aiops.sandbox.web.answers import dumps, json_response
from aiops.sandbox.world import World

# Alertmanager's back-off: half a second, half as much again each time, a minute at most.
FIRST_S, GROWTH, LONGEST_S = 0.5, 1.5, 60.0
GIVE_UP_S = 300.0
CALL_S = 10.0


class Webhooks:
    """Posts what is due. 5xx and no answer are tried again; any other refusal waits for the next round of its group."""

    def __init__(self, world: World, url: str, token: str) -> None:
        self._world = world
        self._url = url
        self._headers = {"Content-Type": "application/json", "User-Agent": "Alertmanager/0.27.0"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._posting: set[asyncio.Task[None]] = set()
        self._complained = ""

    async def run(self) -> None:
        """Until cancelled. Without a URL what is due is dropped."""
        async with httpx.AsyncClient(timeout=CALL_S, trust_env=False) as client:
            while True:
                for notification in self._world.monitoring.take_outgoing():
                    if not self._url:
                        self._world.monitoring.notifier.delivered(notification, self._world.clock.elapsed)
                        continue
                    task = asyncio.create_task(self._post(client, notification))
                    self._posting.add(task)
                    task.add_done_callback(self._posting.discard)
                await asyncio.sleep(0.05)

    async def _post(self, client: httpx.AsyncClient, notification: Notification) -> None:
        notifier, clock = self._world.monitoring.notifier, self._world.clock
        wait, body = FIRST_S, dumps(notification)
        try:
            async with asyncio.timeout(GIVE_UP_S):
                while (retry := await self._once(client, body)) is not None and retry:
                    await asyncio.sleep(wait)
                    wait = min(LONGEST_S, wait * GROWTH)
        except TimeoutError:
            retry = False
        if retry is None:
            notifier.delivered(notification, clock.elapsed)
        else:
            notifier.failed(notification, clock.elapsed)

    async def _once(self, client: httpx.AsyncClient, body: bytes) -> bool | None:
        """None: taken. Otherwise whether to try again soon."""
        try:
            response = await client.post(self._url, content=body, headers=self._headers)
        except httpx.HTTPError as error:
            self._complain(f"{type(error).__name__}: {error}")
            return True
        if response.is_success:
            self._complained = ""
            return None
        self._complain(f"status {response.status_code}")
        return response.status_code >= 500

    def _complain(self, why: str) -> None:
        """Once for each kind of trouble, not with every try."""
        if why != self._complained:
            self._complained = why
            sys.stderr.write(f"alerts cannot be delivered to {self._url}: {why}; trying again\n")
            sys.stderr.flush()


class AlertmanagerApi:
    """GET /api/v2/alerts: what fires now."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        return [Route("/api/v2/alerts", self.alerts), Route("/api/v2/status", self.status)]

    async def alerts(self, request: Request) -> Response:
        return json_response([self._alert(alert) for alert in self._world.monitoring.rules.active if alert.is_firing])

    def _alert(self, alert: Alert) -> dict[str, Any]:
        body = self._world.monitoring.notifier.alert_body(alert)
        now = micro_stamp(self._world.clock.now())
        body |= {"updatedAt": now, "endsAt": now, "receivers": [{"name": "aiops"}]}
        return body | {"status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}}

    async def status(self, request: Request) -> Response:
        return json_response(
            {"cluster": {"status": "disabled"}, "versionInfo": {"version": "0.27.0"}, "config": {"original": ""}}
        )
