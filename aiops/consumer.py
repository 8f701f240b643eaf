"""The one websocket consumer: keeps one viewer's page current.

Changes arrive as topic names and are drained into a set; what is sent is always the state that stands then. On connect
everything on the page is sent, so opening and reconnecting are one path, and every few seconds everything is looked at
again, so that a lost message leaves no page stale. The viewer is read-only: nothing that a browser sends is listened to.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import structlog
from asgiref.sync import sync_to_async
from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.db import Error as DatabaseError
from django.db import connections
from django.http import HttpRequest, QueryDict

from aiops.access.authentication import of_session
from aiops.access.principals import Principal
from aiops.listening import switchboard
from aiops.renderings import SHARED, Rendered
from aiops.topics import Page, Part, may_follow, page_of

log = structlog.get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

SEND_TIMEOUT_S = 5.0
TICK_S = 8.0  # everything is looked at again; with the way to the browser a page is current within 10 s
LOGIN_CHECKED_S = 30.0  # at the next tick after it, so within 40 s
SHARED_S = 0.25  # pages opened at the same moment share what was rendered
TOGETHER_S = 0.01  # one act changes several topics
GAP_S = 0.15  # between two sends, so that a storm of changes is a few sends
GAP_MOST_S = 2.4  # twice this at most between two sends: a page stays far below the 10 s
FORGOTTEN_S = 5.0
# Of looking, which is half of the work: pages may have a fifth of the process, senders and people who sign come first.
PAUSE_A_WORK = 8.0
HEARTBEAT = '{"beat":1}'

TRY_AGAIN_LATER, LOGGED_OUT = 1013, 4401

# Threads of our own: a slow query of a page must not wait behind, or hold up, the requests of others.
_POOL = ThreadPoolExecutor(max_workers=3, thread_name_prefix="live")


class Pace:
    """When the pages of this process send next: all at the same moments, so that a round of them is loaded and rendered once,
    and the seldomer the longer the slowest of the last moments took."""

    def __init__(self) -> None:
        self._slowest_s, self._seen_at = 0.0, 0.0

    def took(self, began: float, now: float) -> None:
        """A page was looked at from `began` to `now` (monotonic)."""
        if now - began >= self._slowest_s or now - self._seen_at > FORGOTTEN_S:
            self._slowest_s, self._seen_at = now - began, now

    def next_at(self, now: float) -> float:
        """When who has sent at `now` sends next. Longer pauses are multiples of shorter ones."""
        gap = GAP_S
        while gap < min(self._slowest_s * PAUSE_A_WORK, GAP_MOST_S):
            gap *= 2
        return (now // gap + 2) * gap


PACE = Pace()  # one per process: what they share is its time


def in_thread(work: Callable[P, T]) -> Callable[P, Any]:
    """`work` with its own database connection, which goes back to the pool at its end."""

    def with_connection(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return work(*args, **kwargs)
        finally:
            connections.close_all()

    return sync_to_async(with_connection, thread_sensitive=False, executor=_POOL)


def viewer_of(session_key: str | None, address: str) -> Principal | None:
    """Who is logged in with that session now; None also for a session that ended or a person who may not log in any more."""
    if not session_key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    request.user = get_user(request)
    request.META["REMOTE_ADDR"] = address
    return of_session(request)


def is_same_origin(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the page that opens the socket is ours: another site's page would send our cookies too."""
    given = dict(headers)
    origin = urlsplit(given.get(b"origin", b"").decode("latin1"))
    host = given.get(b"host", b"").decode("latin1")
    return origin.scheme in ("http", "https") and bool(host) and origin.netloc.lower() == host.lower()


class LiveConsumer(AsyncWebsocketConsumer):
    channel_layer_alias = ""  # a page has no channel of its own: the process listens for all of them
    page: Page | None = None
    viewer: Principal
    _following: "asyncio.Task[None] | None" = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """However it ends, also while it connects, nothing of it is left behind."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._leave()

    async def connect(self) -> None:
        """Refused, before it is accepted: other origins, nobody, what is no page, what they may not see."""
        self._changed: set[str] = set()
        self._not_before = self._next_at = 0.0
        self._wake = asyncio.Event()
        self._sent: dict[str, bytes] = {}
        page = page_of(QueryDict(self.scope["query_string"]))
        if page is None or not is_same_origin(self.scope["headers"]):
            raise DenyConnection
        viewer = await in_thread(viewer_of)(self._session_key, self._address)
        if viewer is None or not await in_thread(may_follow)(page, viewer):
            raise DenyConnection
        self.page, self.viewer = page, viewer
        # Subscribed before the first look: what changes in between is sent again.
        await switchboard().join(page.topics, self)
        await self.accept()
        self._following = asyncio.create_task(self._follow(page))

    async def disconnect(self, code: int) -> None:
        await self._leave()

    def changed(self, topic: str, at: float) -> None:
        """Only notes it: changes must not queue up behind a slow viewer."""
        self._changed.add(topic)
        self._not_before = max(self._not_before, at)
        self._wake.set()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Nothing a browser sends means anything here."""

    @property
    def _session_key(self) -> str | None:
        session = self.scope.get("session")
        return session.session_key if session is not None else None

    @property
    def _address(self) -> str:
        client = self.scope.get("client")
        return str(client[0]) if client else ""

    async def _follow(self, page: Page) -> None:
        try:
            await self._keep_current(page)
        except TimeoutError:
            log.info("live.slow_viewer_closed", viewer=self.viewer.name)
            await self._close(TRY_AGAIN_LATER)
        except DatabaseError as error:
            log.warning("live.database_down", error=str(error))
            await self._close(TRY_AGAIN_LATER)  # the browser says that it is not current, asks, and comes back

    async def _keep_current(self, page: Page) -> None:
        checked = now = time.monotonic()
        await self._send(page.parts, now - SHARED_S, seldom_since=now - TICK_S)
        while True:
            tick = _next_tick(time.monotonic())
            while await self._is_changed_before(tick):
                await self._send_changed(page, tick)
            if tick - checked >= LOGIN_CHECKED_S:
                checked = tick
                viewer = await in_thread(viewer_of)(self._session_key, self._address)
                if viewer is None:
                    await self._close(LOGGED_OUT)
                    return
                self.viewer = viewer
            self._changed.clear()  # all of it is looked at now
            self._wake.clear()
            await self._send(page.parts, max(tick, self._not_before), seldom_since=tick, beat=True)
            self._next_at = PACE.next_at(time.monotonic())

    async def _is_changed_before(self, tick: float) -> bool:
        left = tick - time.monotonic()
        if left <= 0:
            return False
        try:
            async with asyncio.timeout(left):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    async def _send_changed(self, page: Page, tick: float) -> None:
        """What changed, after a pause in proportion to the work: a storm of changes slows down itself, not its cause."""
        now = time.monotonic()
        await asyncio.sleep(max(TOGETHER_S, min(self._next_at, tick) - now))
        if time.monotonic() >= tick:
            return  # everything is looked at then
        changed, not_before = set(self._changed), self._not_before
        self._changed.clear()
        self._wake.clear()
        await self._send([part for part in page.parts if part.topic in changed], not_before, seldom_since=not_before)
        self._next_at = PACE.next_at(time.monotonic())

    async def _send(self, parts: Iterable[Part], not_before: float, *, seldom_since: float, beat: bool = False) -> None:
        """What of `parts` looks other than what this viewer was sent last, in one message."""
        often = [part for part in parts if part.topic is not None]
        seldom = [part for part in parts if part.topic is None]
        began = time.monotonic()
        found: dict[str, Rendered] = await in_thread(_render)(often, not_before, seldom, seldom_since, self.viewer)
        PACE.took(began, time.monotonic())  # what is ours: how fast a browser reads is its own affair
        fresh = [part.html for name, part in found.items() if self._sent.get(name) != part.mark]
        self._sent |= {name: part.mark for name, part in found.items()}
        if message := "".join(fresh) or (HEARTBEAT if beat else ""):
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self.send(text_data=message)

    async def _close(self, code: int) -> None:
        """A viewer that reads nothing takes no farewell either; then the server's own ping ends the connection."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self.close(code=code)
        except TimeoutError:
            log.warning("live.viewer_does_not_read", viewer=self.viewer.name)
            await self._unsubscribe()

    async def _leave(self) -> None:
        if self._following is not None:
            self._following.cancel()
        await self._unsubscribe()

    async def _unsubscribe(self) -> None:
        page, self.page = self.page, None
        if page is not None:
            await switchboard().leave(page.topics, self)


def _render(
    often: Iterable[Part], not_before: float, seldom: Iterable[Part], seldom_since: float, viewer: Principal
) -> dict[str, Rendered]:
    return SHARED.for_viewer(often, viewer, not_before) | SHARED.for_viewer(seldom, viewer, seldom_since)


def _next_tick(now: float) -> float:
    """The same moments for all viewers of a process, so that they share what is rendered then."""
    return (now // TICK_S + 1) * TICK_S
