"""Asking a model: whatever its server does, an answer or a reason in time, and never more than was configured."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator

import pytest
import yaml
from pydantic import BaseModel, Field

from aiops.connectors import llm
from aiops.connectors.llm import Asked, Limits, Outcome, Question, Tool
from tests.llm_server import (
    KEY,
    LlmServer,
    answers,
    drips,
    fails,
    hangs,
    looks_up,
    refuses,
    says,
    sends,
)

KINDS = ("openai", "anthropic")
SHORT = Limits(call_s=1.5, call_min_s=0.05)


class Choice(BaseModel):
    candidate: str
    reasoning: str
    confidence: float = Field(ge=0, le=1)
    evidence: list[str] = []


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with LlmServer() as running:
        llm.warm([running.provider(kind) for kind in KINDS])  # importing is no part of anybody's deadline
        yield running


def ask(*providers, tools=(), within_s: float = 30.0, limits: Limits = SHORT, resting=frozenset()) -> Asked[Choice]:
    question = Question("Choose one.", "c1: restart\nc2: nothing", Choice, tools)
    return asyncio.run(llm.ask(question, providers, within_s=within_s, limits=limits, resting=resting))


PATIENT = Limits(call_s=30.0, call_min_s=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_answer_comes_typed_with_what_it_cost(server, kind):
    asked = ask(server.provider(kind, input_price=3.0, output_price=15.0), limits=PATIENT)
    assert asked.answer == Choice(candidate="c1", reasoning="The evidence says so.", confidence=0.8)
    [done] = asked.tries
    assert (done.outcome, done.tokens_in, done.tokens_out, done.cost_micros) == (Outcome.ANSWERED, 1000, 50, 3750)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_sent_is_kept_word_for_word(server, kind):
    asked = ask(server.provider(kind), limits=PATIENT)
    assert yaml.safe_load(asked.tries[0].sent) == server.bodies[-1]


@pytest.mark.parametrize("kind", KINDS)
def test_tools_answer_from_what_is_at_hand(server, kind):
    server.reply = looks_up("logs", then=answers(candidate="c2"))
    asked = ask(server.provider(kind), tools=[Tool("logs", "Newest lines.", lambda: "line 1\nline 2")], limits=PATIENT)
    assert asked.answer is not None
    assert server.requests[-1].read == ("line 1\nline 2",)
    assert asked.tries[0].tokens_in == 2000
    assert yaml.safe_load(asked.tries[0].sent) == server.bodies[-1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (hangs, Outcome.TIMEOUT),
        (drips, Outcome.TIMEOUT),
        (fails(500), Outcome.FAILED),
        (fails(429), Outcome.FAILED),
        (fails(401), Outcome.FAILED),
        (refuses, Outcome.REFUSED),
        (sends(b"<html>gateway</html>", headers={"Content-Type": "text/html"}), Outcome.GARBAGE),
        (sends(b'{"choices": 7, "content": 7}'), Outcome.GARBAGE),
        (sends(b"{"), Outcome.GARBAGE),
        (sends(b'"' + b"x" * 3_000_000 + b'"'), Outcome.FAILED),
        (sends(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}), Outcome.FAILED),
        (sends(b"", status=307, headers={"Location": "http://127.0.0.1:9/"}), Outcome.FAILED),
        (says("kubectl delete namespace shop"), Outcome.GARBAGE),
        (answers(confidence=7), Outcome.GARBAGE),
        (answers(candidate=None), Outcome.GARBAGE),
    ],
    ids=[
        "hangs",
        "drips",
        "500",
        "429",
        "401",
        "refuses",
        "html",
        "other json",
        "half",
        "huge",
        "gzip",
        "redirect",
        "talk",
        "range",
        "null",
    ],
)
def test_whatever_the_server_does_there_is_a_reason_in_time(server, kind, reply, outcome):
    server.reply = reply
    asked = ask(server.provider(kind), within_s=1.5 if reply in (hangs, drips) else 30.0, limits=PATIENT)  # both go on for ever
    assert asked.answer is None
    [done] = asked.tries
    unread = {Outcome.GARBAGE, Outcome.FAILED}  # which of them a body is that no SDK can read differs from SDK to SDK
    assert done.outcome in (unread if outcome is Outcome.GARBAGE else {outcome})
    assert KEY not in done.reason + done.sent
    assert done.tokens_in > 0  # it was sent, so it counts


def test_the_next_provider_is_asked_when_one_fails(server):
    server.reply = fails(500)
    with LlmServer() as second:
        asked = ask(server.provider("openai"), second.provider("anthropic"), limits=PATIENT)
    assert asked.answer is not None
    assert [done.outcome for done in asked.tries] == [Outcome.FAILED, Outcome.ANSWERED]


def test_a_hung_provider_leaves_time_for_the_next(server):
    server.reply = hangs
    with LlmServer() as second:
        asked = ask(
            server.provider("openai"), second.provider("anthropic"), within_s=6.0, limits=Limits(call_s=9, call_min_s=0.05)
        )
    assert [done.outcome for done in asked.tries] == [Outcome.TIMEOUT, Outcome.ANSWERED]


def test_a_provider_that_rests_is_passed_over(server):
    with LlmServer() as second:
        asked = ask(server.provider(), second.provider(name="second"), limits=PATIENT, resting={server.provider().name})
    assert [done.outcome for done in asked.tries] == [Outcome.RESTING, Outcome.ANSWERED]
    assert server.requests == []


def test_nobody_listening_is_said_so():
    with LlmServer() as gone:
        provider = gone.provider()
    asked = ask(provider)
    assert asked.tries[0].outcome is Outcome.FAILED
    assert "no answer that can be read" in asked.tries[0].reason


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/v1",
        "http://[fe80::1]/v1",
        "http://0.0.0.0/v1",
        "ftp://models.example/v1",
        "http://a:b@127.0.0.1/v1",
    ],
)
def test_addresses_that_nobody_may_reach_are_not_reached(server, url):
    asked = ask(server.provider(base_url=url))
    assert asked.tries[0].outcome is Outcome.FAILED
    assert asked.tries[0].sent == ""


def test_too_many_look_ups_end_the_question(server):
    server.reply = lambda request, handler: handler.calls("logs", {})
    asked = ask(server.provider(), tools=[Tool("logs", "Newest lines.", lambda: "line")], limits=Limits(call_s=9, tool_calls=3))
    assert asked.tries[0].outcome is Outcome.OVER_TOKENS
    assert len(server.requests) <= 5


def test_a_question_ends_at_its_tokens(server):
    server.reply = lambda request, handler: handler.calls("logs", {})
    limits = Limits(call_s=9, tool_calls=50, tokens=3_000)
    asked = ask(server.provider(), tools=[Tool("logs", "Newest lines.", lambda: "line")], limits=limits)
    assert asked.tries[0].outcome is Outcome.OVER_TOKENS
    assert asked.tries[0].tokens_in + asked.tries[0].tokens_out <= 4_200


def test_a_tool_that_was_not_offered_does_not_exist(server):
    server.reply = lambda request, handler: handler.calls("kubectl", {"args": "delete ns shop"})
    assert ask(server.provider(), limits=PATIENT).tries[0].outcome is Outcome.GARBAGE


def test_a_wrong_form_is_told_once(server):
    def reply(request, handler):
        (says("hm") if len(server.requests) == 1 else answers())(request, handler)

    server.reply = reply
    assert ask(server.provider(), limits=PATIENT).answer is not None


@pytest.mark.parametrize("output", ["json_schema", "prompt"])
def test_servers_without_tools_answer_in_json(server, output):
    server.reply = says(json.dumps({"candidate": "c2", "reasoning": "So.", "confidence": 0.5, "evidence": []}))
    asked = ask(server.provider(output=output), limits=PATIENT)
    assert asked.answer is not None
    assert server.requests[0].tools == ()


def test_only_the_configured_key_is_sent(server, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.setenv(name, "from-the-environment")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    for kind in KINDS:
        ask(server.provider(kind, name=f"{kind}-keyless", api_key=""), limits=PATIENT)
    sent = [value for request in server.requests for value in request.headers.values()]
    assert len(server.requests) == 2
    assert not [value for value in sent if "from-the-environment" in value]


def test_nothing_is_left_running_after_a_hang(server):
    ask(server.provider(), limits=PATIENT)
    before = threading.active_count()
    server.reply = hangs
    ask(server.provider(), within_s=1.0)
    server.over.set()
    assert _settles(lambda: threading.active_count() <= before)


def _settles(claim, within_s: float = 60.0) -> bool:
    """Threads of the server itself end when their client has gone."""
    until = time.monotonic() + within_s
    while not claim() and time.monotonic() < until:
        threading.Event().wait(0.02)
    return claim()
