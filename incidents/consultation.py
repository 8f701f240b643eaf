"""Asking models about one decision: together, under one deadline, within the budget, and only about what may leave.

Coroutines run only while `runner` is pumped, and the database is used only in between: no thread waits for a model, and
nothing is left behind when the deadline passes.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import structlog
from django.utils import timezone

from aiops.connectors import llm
from aiops.connectors.llm import Asked, Limits, Outcome, Question
from aiops.core.llm import LlmProvider
from incidents import llm_budget
from incidents.conf import IncidentsConf
from incidents.engines.candidates import Candidate, candidates
from incidents.engines.choice import URGENT
from incidents.engines.llm import OUTPUTS, REASONING_CHARS, Hallucinated, Judgement, Speaker, answered, challenges, judged
from incidents.engines.prompts import Prompt, clean, prompt_for
from incidents.knowledge import KnowledgeEntry
from incidents.models import Decision, LlmCall
from incidents.proposals import EngineAnswer, Facts, Point
from incidents.targets import namespace_of

ALONE = ("llm",)
TOGETHER = ("llm_diagnostician", "llm_operator", "llm_critic")
CRITIC = "llm_critic"
COORDINATOR = "coordinator"
GRACE_S = 0.5  # the connector ends by itself; this is for when it does not
STATUS = {Outcome.TIMEOUT: "timeout", Outcome.NO_TIME: "timeout", Outcome.RESTING: "skipped"}

log = structlog.get_logger(__name__)

Arrived = Callable[[Sequence[EngineAnswer]], None]


@dataclass(slots=True)
class Consultation:
    """What is asked about, of whom, until when (`time.monotonic`). `arrived` takes answers as they come."""

    decision: Decision
    facts: Facts
    locals: Sequence[EngineAnswer]
    providers: Sequence[LlmProvider]
    conf: IncidentsConf
    knowledge: Sequence[KnowledgeEntry]
    until: float
    runner: asyncio.Runner
    arrived: Arrived
    mark: str = field(default_factory=lambda: f"data-{secrets.token_hex(8)}")


@dataclass(slots=True)
class _Asking:
    """One role under way."""

    engine: str
    prompt: Prompt
    call: LlmCall
    begun: float


def consult(about: Consultation) -> None:
    """Hear the models: one about P2 and P3; about P0 and P1 three side by side, then the coordinator.

    For what `why_not` lets pass. Every answer goes to `about.arrived`, as it comes.
    """
    together = about.facts.severity in URGENT
    engines = TOGETHER if together else ALONE
    found = candidates(about.facts, about.locals)
    prompts = {engine: _prompt(about, engine, found, about.locals if engine == CRITIC else ()) for engine in engines}
    if excluded := _mentions_excluded(prompts.values(), about.conf):
        about.arrived([EngineAnswer("llm", "skipped", 0, error=excluded)])
        return
    calls, spent = llm_budget.reserve(about.decision, (*engines, COORDINATOR) if together else engines, about.conf)
    if spent:
        about.arrived([EngineAnswer("llm", "skipped", 0, error=f"Not asked: {spent}.", degraded=("llm_budget",))])
        return
    by_engine = {call.engine: call for call in calls}
    begun = time.monotonic()
    left_s = about.until - begun
    until = begun + max(left_s - about.conf.llm_coordinator_s, left_s / 2) if together else about.until
    asked = [_Asking(engine, prompts[engine], by_engine[engine], begun) for engine in engines]
    answers = list(_gathered(about, asked, found, until=until))
    if together:
        _coordinate(about, answers, found, by_engine[COORDINATOR])


def why_not(facts: Facts, providers: Sequence[LlmProvider], conf: IncidentsConf) -> str:
    """Why nothing about this incident leaves, in words; empty where it may."""
    if not providers:
        return "No model is configured; nothing leaves."
    places = {facts.namespace, facts.target.namespace if facts.target else None}
    for alert in facts.alerts:
        places |= {namespace_of(alert.labels), alert.target.namespace if alert.target else None, *alert.labels.values()}
    if excluded := places & set(conf.llm_excluded_namespaces):
        return f"Nothing about the namespace {min(str(name) for name in excluded)} leaves."
    return ""


def _mentions_excluded(prompts: Iterable[Prompt], conf: IncidentsConf) -> str:
    """A last look at all that would leave: an excluded namespace named anywhere keeps everything here."""
    if not conf.llm_excluded_namespaces:
        return ""
    names = re.compile(r"(?<![\w.-])(?:" + "|".join(map(re.escape, conf.llm_excluded_namespaces)) + r")(?![\w-])")
    hit = next((hit for prompt in prompts if (hit := names.search(prompt.everything))), None)
    return f"Its texts name the namespace {hit[0]}, about which nothing leaves." if hit else ""


def _prompt(
    about: Consultation,
    engine: str,
    found: Sequence[Candidate],
    opinions: Sequence[EngineAnswer] = (),
    points: Sequence[Point] = (),
) -> Prompt:
    return prompt_for(
        engine,
        about.facts,
        found,
        about.knowledge,
        mark=about.mark,
        most=about.conf.llm_prompt_chars,
        opinions=opinions,
        challenges=points,
    )


def _coordinate(about: Consultation, answers: Sequence[EngineAnswer], found: Sequence[Candidate], call: LlmCall) -> None:
    """The coordinator hears the others. With none of them there is nothing to coordinate."""
    heard = [answer for answer in answers if answer.proposal is not None]
    if not heard:
        llm_budget.settle(call, ())
        about.arrived([EngineAnswer(COORDINATOR, "skipped", 0, error="No model gave an opinion to coordinate.")])
        return
    points = [point for answer in answers for point in answer.points]
    prompt = _prompt(about, COORDINATOR, found, [*about.locals, *heard], points)
    asking = _Asking(COORDINATOR, prompt, call, time.monotonic())
    list(_gathered(about, [asking], found, until=about.until, points=points))


def _gathered(
    about: Consultation,
    asked: Sequence[_Asking],
    found: Sequence[Candidate],
    *,
    until: float,
    points: Sequence[Point] = (),
) -> Iterator[EngineAnswer]:
    """Ask all of them at once; each answer is settled and passed on as it arrives."""
    loop = about.runner.get_loop()
    within_s = until - time.monotonic()
    how = limits(about.conf)
    resting = llm_budget.resting(about.providers, about.conf, timezone.now())
    tasks = {
        loop.create_task(llm.ask(_question(asking), about.providers, within_s=within_s, limits=how, resting=resting)): asking
        for asking in asked
    }
    while tasks:
        left_s = max(0.0, until + GRACE_S - time.monotonic())
        done, _ = about.runner.run(asyncio.wait(tasks, timeout=left_s, return_when=asyncio.FIRST_COMPLETED))
        for task in done or list(tasks):
            answer = _answer(about, tasks.pop(task), _heard(task), found, points)
            about.arrived([answer])
            yield answer


def _heard(task: asyncio.Task[Asked[Judgement]]) -> Asked[Judgement]:
    """What came of asking; nothing where it neither ended in time nor well."""
    if not task.done():
        task.cancel()
    elif (error := task.exception()) is None:
        return task.result()
    else:
        log.error("llm.broke", error=type(error).__name__, exc_info=error)
    return Asked(None, ())


def _question(asking: _Asking) -> Question[Judgement]:
    return Question(asking.prompt.instructions, asking.prompt.text, OUTPUTS[asking.engine], asking.prompt.tools)


def limits(conf: IncidentsConf) -> Limits:
    return Limits(
        call_s=conf.llm_call_timeout_s,
        call_min_s=conf.llm_call_min_s,
        tokens=conf.llm_tokens_per_call,
        output_tokens=conf.llm_output_tokens,
        tool_calls=conf.llm_tool_calls,
    )


def _answer(
    about: Consultation, asking: _Asking, asked: Asked[Judgement], found: Sequence[Candidate], points: Sequence[Point]
) -> EngineAnswer:
    """What the answer comes to, its cost settled."""
    ms = int((time.monotonic() - asking.begun) * 1000)
    prompt = "---\n".join(done.sent for done in asked.tries if done.sent)
    base = EngineAnswer(asking.engine, "timeout", ms, prompt=prompt, error="No answer within the deadline.")
    made_up = ""
    if asked.answer is None:
        answer = _silent(base, asked)
    else:
        said, last = asked.answer, asked.tries[-1]
        tokens = sum(done.tokens_in + done.tokens_out for done in asked.tries)
        cost = sum(done.cost_micros for done in asked.tries) / llm_budget.MICROS
        try:
            proposal = judged(said, found, asking.prompt.evidence, about.facts, Speaker(last.provider, last.model, tokens, cost))
        except Hallucinated as error:
            made_up = str(error)
            answer = replace(base, status="failed", error=f"Discarded: {made_up}.")
        else:
            settled = answered(said, points) if points else challenges(said)
            unmade = "" if proposal else f"It chose none of the candidates: {clean(said.reasoning, most=REASONING_CHARS)}"
            answer = replace(base, status="answered" if proposal else "nothing", proposal=proposal, error=unmade, points=settled)
    llm_budget.settle(asking.call, asked.tries, hallucinated=made_up)
    return answer


def _silent(base: EngineAnswer, asked: Asked[Judgement]) -> EngineAnswer:
    """Why there is no answer: by the last provider that was asked, or that all of them rest."""
    if not asked.tries:
        return base
    last = next((done for done in reversed(asked.tries) if done.outcome is not Outcome.RESTING), asked.tries[-1])
    flags = ("llm_resting",) if any(done.outcome is Outcome.RESTING for done in asked.tries) else ()
    said = "; ".join(f"{done.provider}: {done.reason}" for done in asked.tries)
    return replace(base, status=STATUS.get(last.outcome, "failed"), error=f"{said}.", degraded=flags)
