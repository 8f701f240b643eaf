"""Everything that can go wrong between a client and its cluster, on purpose: odds a request, and a hold for one write."""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from aiops.sandbox.cluster.documents import Document

# A share of the requests up to 1; above that, how many of the next requests.
Odds = Annotated[float, Field(ge=0)]


class Only(BaseModel):
    """Which requests are meant; unset means any. Verbs are those of RBAC, and `evict`; `write` is every one that changes."""

    model_config = ConfigDict(extra="forbid")

    verb: str | None = None
    kind: str | None = None

    def fits(self, verb: str, kind: str, *, is_write: bool) -> bool:
        if self.kind is not None and self.kind.lower() != kind.lower():
            return False
        return self.verb in (None, verb) or (self.verb == "write" and is_write)


class Misbehaviour(BaseModel):
    """What goes wrong. Times are in the wall's milliseconds and seconds."""

    model_config = ConfigDict(extra="forbid")

    latency_ms: Annotated[float, Field(ge=0)] = 0.0
    refuse: Odds = 0.0
    reset_before: Odds = 0.0
    reset_after: Odds = 0.0
    timeout_after: Odds = 0.0
    timeout_s: Annotated[float, Field(ge=0)] = 0.0  # how long the 504 of `timeout_after` takes to come
    late_apply_s: Annotated[float, Field(ge=0)] = 0.0
    late_apply: Odds = 1.0  # of the writes, while `late_apply_s` is set
    conflict: Odds = 0.0
    rate_limit: Odds = 0.0
    server_error: Odds = 0.0
    dry_run_refused: Odds = 0.0
    churn: Odds = 0.0
    only: Only = Only()


Fault = Literal[
    "refuse", "reset_before", "reset_after", "timeout_after", "late_apply", "conflict", "rate_limit", "server_error",
    "dry_run_refused", "churn",
]  # fmt: skip


class Chaos:
    """Draws what happens to each request."""

    def __init__(self, random: Random) -> None:
        self.now = Misbehaviour()
        self._random = random
        self._left: dict[Fault, int] = {}

    def set(self, misbehaviour: Misbehaviour) -> None:
        self.now = misbehaviour
        self._left = {}

    def strikes(self, fault: Fault, verb: str, kind: str, *, is_write: bool) -> bool:
        odds = getattr(self.now, fault)
        if not odds or not self.now.only.fits(verb, kind, is_write=is_write):
            return False
        if odds <= 1:
            return bool(self._random.random() < odds)
        left = self._left.setdefault(fault, int(odds))
        self._left[fault] = left - 1
        return left > 0


class HoldRequest(BaseModel):
    """Which write to hold: the next one that is no dry run (or, with `dry_run`, the next that is)."""

    model_config = ConfigDict(extra="forbid")

    when: Literal["before", "after"]
    dry_run: bool = False
    only: Only = Only()


@dataclass
class Hold:
    """Stops one write before or after it lands until it is released. The client may go away meanwhile: the write still lands."""

    asked: HoldRequest | None = None
    caught: Document | None = None
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def set(self, asked: HoldRequest) -> None:
        self.release()
        self.asked = asked

    def release(self) -> bool:
        """True if a write was waiting."""
        waiting = self.caught is not None
        self._released.set()
        self._released = asyncio.Event()
        self.asked = self.caught = None
        return waiting

    async def wait(self, when: str, verb: str, kind: str, place: Document, *, dry_run: bool) -> None:
        """Returns at once unless this is the write that was asked for."""
        asked = self.asked
        if asked is None or self.caught is not None or asked.when != when or asked.dry_run != dry_run:
            return
        if not asked.only.fits(verb, kind, is_write=True):
            return
        self.caught = place | {"verb": verb, "when": when}
        await self._released.wait()

    @property
    def document(self) -> Document:
        return {"hold": self.asked.model_dump() if self.asked else None, "waiting": self.caught}
