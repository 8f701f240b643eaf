"""Asking language models: providers in order, one total deadline, a typed answer, and what every try cost.

The libraries that speak to models take seconds to import. They live behind `llm_agents`, which is imported when a model is
first asked, so that a process without providers never pays for it; a worker that has some calls `warm` at its start.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from types import ModuleType
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import structlog
import yaml
from pydantic import BaseModel

from aiops.connectors.egress import checked_address
from aiops.connectors.errors import Permanent, Transient
from aiops.core.llm import LlmProvider

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer", bound=BaseModel)
BYTES_PER_TOKEN = 4  # a rough count for what a provider did not report


class Outcome(StrEnum):
    """What became of one try at one provider."""

    ANSWERED = "answered"
    GARBAGE = "garbage"  # it spoke, but did not give what was asked for
    REFUSED = "refused"
    OVER_TOKENS = "over_tokens"
    FAILED = "failed"
    TIMEOUT = "timeout"
    RESTING = "resting"  # not asked: it failed too often lately
    NO_TIME = "no_time"  # not asked: too little of the deadline was left


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that the model may look up. It takes nothing from the model and only reads."""

    name: str
    description: str
    read: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Question(Generic[Answer]):
    """What is asked, and the type that the answer has to have."""

    instructions: str
    text: str
    output: type[Answer]
    tools: Sequence[Tool] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much. Token counts are of one question with all its tool calls."""

    call_s: float = 12.0
    call_min_s: float = 1.0  # with less time left than this nobody is asked
    tokens: int = 20_000
    output_tokens: int = 2_000
    tool_calls: int = 4


@dataclass(frozen=True, slots=True)
class Try:
    """One provider asked once. `sent` are the bodies of the requests, word for word, as YAML."""

    provider: str
    model: str
    outcome: Outcome
    reason: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    cost_micros: int = 0
    ms: int = 0
    sent: str = ""


@dataclass(frozen=True, slots=True)
class Asked(Generic[Answer]):
    """The answer of the first provider that gave a usable one, and every try on the way to it."""

    answer: Answer | None
    tries: tuple[Try, ...]


@dataclass(slots=True)
class Meter:
    """Filled while a provider is asked, so that a try that is cut off is accounted for, too."""

    tokens_in: int = 0
    tokens_out: int = 0
    cost_micros: int = 0
    sent: list[bytes] = field(default_factory=list)


class Unusable(Exception):
    """A provider did not give an answer that can be used."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome, self.reason = outcome, reason


def warm(providers: Sequence[LlmProvider]) -> None:
    """Import now what asking these providers needs; nothing where there are none."""
    if providers:
        _agents().load({provider.kind for provider in providers})


async def ask(
    question: Question[Answer],
    providers: Sequence[LlmProvider],
    *,
    within_s: float,
    limits: Limits,
    resting: Set[str] = frozenset(),
) -> Asked[Answer]:
    """Ask one provider after the other until one gives a usable answer or `within_s` seconds are over. Never raises.

    The deadline is total: a model that drips its answer is cut off like one that is silent. While others wait behind it,
    a provider gets half of what is left. Those named in `resting` are passed over.
    """
    until = time.monotonic() + within_s
    awake = [provider for provider in providers if provider.name not in resting]
    tries = [
        Try(provider.name, provider.model, Outcome.RESTING, "rests after failures in a row")
        for provider in providers
        if provider.name in resting
    ]
    for index, provider in enumerate(awake):
        left = until - time.monotonic()
        if left < limits.call_min_s:
            tries.append(Try(provider.name, provider.model, Outcome.NO_TIME, "no time was left to ask"))
            break
        share = left if index == len(awake) - 1 else left / 2
        answer, done = await _try(question, provider, within_s=min(share, limits.call_s), limits=limits)
        tries.append(done)
        if answer is not None:
            return Asked(answer, tuple(tries))
    return Asked(None, tuple(tries))


async def _try(
    question: Question[Answer], provider: LlmProvider, *, within_s: float, limits: Limits
) -> tuple[Answer | None, Try]:
    begun, meter = time.monotonic(), Meter()
    answer: Answer | None = None
    outcome, reason = Outcome.ANSWERED, ""
    try:
        async with asyncio.timeout(within_s):
            address = await _address(provider.url)
            answer = question.output.model_validate(
                await _agents().run(provider, question, address=address, limits=limits, meter=meter)
            )
    except TimeoutError:
        outcome, reason = Outcome.TIMEOUT, f"no whole answer within {within_s:.1f} s"
    except Unusable as error:
        outcome, reason = error.outcome, error.reason
    except (Transient, Permanent) as error:
        outcome, reason = Outcome.FAILED, str(error)
    ms = int((time.monotonic() - begun) * 1000)
    if outcome is not Outcome.ANSWERED:
        log.warning("llm.not_answered", provider=provider.name, outcome=outcome.value, reason=reason, duration_ms=ms)
    return answer, _accounted(provider, outcome, reason, meter, ms)


def _accounted(provider: LlmProvider, outcome: Outcome, reason: str, meter: Meter, ms: int) -> Try:
    """What was sent counts even where nothing came back: the provider read it, and may charge for it."""
    tokens_in = meter.tokens_in or sum(len(body) for body in meter.sent) // BYTES_PER_TOKEN
    cost = provider.cost_micros(tokens_in, meter.tokens_out)
    return Try(
        provider=provider.name,
        model=provider.model,
        outcome=outcome,
        reason=reason,
        tokens_in=tokens_in,
        tokens_out=meter.tokens_out,
        cost_micros=meter.cost_micros if cost is None else cost,
        ms=ms,
        sent=transcript(provider, meter.sent),
    )


def transcript(provider: LlmProvider, sent: Sequence[bytes]) -> str:
    """The last body sent, which repeats those before it, word for word; lines stay lines."""
    if not sent:
        return ""
    text = yaml.dump(json.loads(sent[-1]), Dumper=_Readable, allow_unicode=True, sort_keys=False, width=1_000_000)
    return f"# to {provider.name}, {provider.model}\n{text}"


class _Readable(yaml.CSafeDumper):
    """Texts of several lines as blocks, as they were written."""


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text)


async def _address(url: str) -> str:
    """The checked address of a provider's host; whoever runs this listed the host by configuring it, so loopback may be.

    Resolving cannot be cut short, so it has a thread of its own, which ends when the resolver gives up.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[str] = loop.create_future()

    def tell(address: str, fault: Transient | Permanent | None) -> None:
        if found.done():
            return
        if fault is None:
            found.set_result(address)
        else:
            found.set_exception(fault)

    def resolve() -> None:
        address, fault = "", None
        try:
            _, address = checked_address(url, allowed_hosts=(urlsplit(url).hostname or "",))
        except (Transient, Permanent) as error:
            fault = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: whoever asked has gone on without it
            loop.call_soon_threadsafe(tell, address, fault)

    threading.Thread(target=resolve, daemon=True, name="llm-resolve").start()
    return await found


def _agents() -> ModuleType:
    from aiops.connectors import llm_agents  # takes seconds, so only where a model is asked

    return llm_agents
