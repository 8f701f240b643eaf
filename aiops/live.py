"""Live pages: which parts a page has, who may see what of them, and the topics that say when they changed.

The channel layer carries topic names only. A fragment is loaded once per change, and rendered once for all viewers who
may see the same of it (`may`), whatever their number.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from redis import Redis
from redis.exceptions import RedisError

from aiops import events
from aiops.telling import teller

log = structlog.get_logger(__name__)

GROUP = "live.{}"
PREFIX = "asgi"  # of the channel layer
PUBLISH_TIMEOUT_S = 0.5  # twice, until the breaker opens: no answer to a sender takes 2 s for it

Context = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fragment:
    """One live part of a page. The template's root element has the id `name`, and `hx-swap-oob` where `oob` is set.

    `load(key)` gives the facts, the same for everybody, or None when there is nothing to show.
    `may(facts, viewer)` gives what this viewer may do and see, as a small hashable value that the template gets as
    `may`; None: not to be seen at all. The template gets nothing else about the viewer.
    """

    name: str
    template: str
    load: Callable[[str], Context | None]
    may: Callable[[Context, Any], Hashable | None]

    def render(self, facts: Context, may: Hashable, *, oob: bool = False, request: HttpRequest | None = None) -> str:
        return render_to_string(self.template, {**facts, "may": may, "oob": oob}, request=request)

    def for_viewer(self, key: str, viewer: Any, *, oob: bool = False, request: HttpRequest | None = None) -> str:
        """The fragment as `viewer` sees it; an empty string where there is nothing for them."""
        facts = self.load(key)
        if facts is None or (may := self.may(facts, viewer)) is None:
            return ""
        return self.render(facts, may, oob=oob, request=request)

    def response(self, request: HttpRequest, key: object) -> HttpResponse:
        """The answer to an act on this fragment."""
        html = self.for_viewer(str(key), request.principal, request=request)  # type: ignore[attr-defined]
        if not html:
            raise Http404
        return HttpResponse(html)


def render_all(
    fragments: Iterable[Fragment], key: str, viewer: Any, *, oob: bool = False, request: HttpRequest | None = None
) -> dict[str, str]:
    """`fragments` as `viewer` sees them, by name; facts that several of them share are loaded once."""
    loaded: dict[Callable[[str], Context | None], Context | None] = {}
    parts = {}
    for fragment in fragments:
        if fragment.load not in loaded:
            loaded[fragment.load] = fragment.load(key)
        facts = loaded[fragment.load]
        if facts is not None and (may := fragment.may(facts, viewer)) is not None:
            parts[fragment.name] = fragment.render(facts, may, oob=oob, request=request)
    return parts


def publish(*topics: str) -> None:
    """Say after the commit that `topics` changed. Never raises: a page that misses it polls or reconnects."""

    def send() -> None:  # a function with a name: Django reports by it what a callback raises
        teller.tell(_send, topics)

    transaction.on_commit(send, robust=True)


def _send(topics: Sequence[str]) -> None:
    """What the layer's own `group_send` does, over a connection that stays: its event loops live for one call here."""
    if events.broker.is_open:
        return
    layer = get_channel_layer()
    client = _redis()  # held until it has sent: of threads that ask first together, all but one get one of their own
    try:
        with client.pipeline(transaction=False) as pipeline:
            for topic in dict.fromkeys(topics):
                message = {"topic": topic}
                pipeline.publish(f"{PREFIX}__group__{GROUP.format(topic)}", layer.serialize(message))
            pipeline.execute()
    except (RedisError, OSError) as error:
        events.broker.failed()
        log.warning("live.not_published", topics=topics, error=str(error))
    else:
        events.broker.succeeded()


@cache
def _redis() -> Redis:
    """One pool of connections a process; it notices a fork by itself."""
    return Redis.from_url(settings.REDIS_URL, socket_timeout=PUBLISH_TIMEOUT_S, socket_connect_timeout=PUBLISH_TIMEOUT_S)
