"""One question to one model, by pydantic-ai. The heavy half of `llm`: nothing else imports it.

No SDK retries, no redirects, no proxy, no credentials from the environment: only what is configured is used.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from importlib import import_module

import httpx2
import structlog
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, PromptedOutput, Tool, ToolOutput
from pydantic_ai.exceptions import (
    AgentRunError,
    ContentFilterError,
    ModelAPIError,
    ModelHTTPError,
    UnexpectedModelBehavior,
    UsageLimitExceeded,
    UserError,
)
from pydantic_ai.models import Model
from pydantic_ai.output import OutputSpec
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RunUsage, UsageLimits

from aiops.connectors import llm_transport
from aiops.connectors.llm import Answer, Limits, Meter, Outcome, Question, Unusable
from aiops.connectors.llm import Tool as ReadTool
from aiops.core.llm import LlmProvider

log = structlog.get_logger(__name__)

ANSWER_TOOL = "answer"
TRIES_AT_FORM = 1  # a model that answers in the wrong form is told once


class _Word(BaseModel):
    word: str


def load(kinds: Iterable[str]) -> None:
    """Import all that asking these kinds of provider needs, by asking one that is not there: the SDKs import as they go."""
    for kind in kinds:
        _load(kind)


@cache
def _load(kind: str) -> None:
    asyncio.run(_rehearse(LlmProvider.model_validate({"name": "rehearsal", "kind": kind, "model": "none"})))


async def _rehearse(provider: LlmProvider) -> None:
    nobody = httpx2.MockTransport(lambda request: httpx2.Response(503))
    llm_transport.client(provider.url, "127.0.0.1", [])  # reads the certificates; connects to nothing
    with contextlib.suppress(Unusable):
        async with httpx2.AsyncClient(transport=nobody) as http:
            await _asked(http, provider, Question("", "", _Word), limits=Limits(), usage=RunUsage())


async def run(provider: LlmProvider, question: Question[Answer], *, address: str, limits: Limits, meter: Meter) -> Answer:
    """The model's answer, of the type asked for; Unusable with what came instead. `meter` is filled on the way."""
    usage = RunUsage()
    try:
        async with llm_transport.client(provider.url, address, meter.sent) as http:
            return await _asked(http, provider, question, limits=limits, usage=usage)
    finally:
        meter.tokens_in, meter.tokens_out = usage.input_tokens, usage.output_tokens
        meter.cost_micros = int((usage.cost or Decimal(0)) * 1_000_000)


async def _asked(
    http: httpx2.AsyncClient, provider: LlmProvider, question: Question[Answer], *, limits: Limits, usage: RunUsage
) -> Answer:
    try:
        model: Model = import_module(f"aiops.connectors.llm_{provider.kind}").model(provider, http)
        agent = Agent(
            model,
            output_type=_output(provider, question),
            instructions=question.instructions,
            tools=[_tool(tool) for tool in question.tools] if provider.output == "tools" else [],
            retries={"tools": TRIES_AT_FORM, "output": TRIES_AT_FORM},
            model_settings=ModelSettings(max_tokens=limits.output_tokens),
        )
        result = await agent.run(question.text, usage=usage, usage_limits=_limits(limits))
        return result.output
    except Exception as error:
        # Whatever a foreign server can make a foreign library raise ends here, as an opinion that failed.
        raise _unusable(error) from error


def _limits(limits: Limits) -> UsageLimits:
    return UsageLimits(
        request_limit=limits.tool_calls + 2,
        tool_calls_limit=limits.tool_calls + 1,  # the answer is one, too
        total_tokens_limit=limits.tokens,
    )


def _output(provider: LlmProvider, question: Question[Answer]) -> OutputSpec[Answer]:
    if provider.output == "json_schema":
        return NativeOutput(question.output)
    if provider.output == "prompt":
        return PromptedOutput(question.output)
    return ToolOutput(question.output, name=ANSWER_TOOL)


def _tool(tool: ReadTool) -> Tool[object]:
    async def read() -> str:  # a coroutine, because plain functions are called in threads
        return tool.read()

    return Tool(read, name=tool.name, description=tool.description, takes_ctx=False)


def _unusable(error: Exception) -> Unusable:
    """What it means, in words of our own: texts of a foreign server may repeat the key that they refuse."""
    match error:
        case ContentFilterError():
            return Unusable(Outcome.REFUSED, "the model refused to answer")
        case UnexpectedModelBehavior():
            return Unusable(Outcome.GARBAGE, "the answer is not what was asked for")
        case UsageLimitExceeded():
            return Unusable(Outcome.OVER_TOKENS, "it used more tokens or look-ups than one question may")
        case ModelHTTPError():
            return Unusable(Outcome.FAILED, f"answered {error.status_code}")
        case ModelAPIError():
            return Unusable(Outcome.FAILED, f"no answer that can be read ({_root(error)})")
        case UserError():
            return Unusable(Outcome.FAILED, f"this model cannot be asked this way ({_root(error)})")
        case AgentRunError():
            return Unusable(Outcome.GARBAGE, f"the conversation broke off ({_root(error)})")
        case _:
            log.error("llm.broke", error=type(error).__name__, exc_info=True)
            return Unusable(Outcome.GARBAGE, f"the answer cannot be read ({type(error).__name__})")


def _root(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__
