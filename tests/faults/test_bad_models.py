"""F17: models that hang, drip, fail, babble, refuse, or name what nobody offered. READY in time, counted, never proposed."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from aiops.connectors import llm
from incidents import analysis
from incidents.models import Decision, LlmCall
from tests.faults.conftest import IS_FULL, times
from tests.incidents.models import PATIENT, SHORT, ask_models, waiting
from tests.llm_server import LlmServer, Reply, answers, drips, fails, hangs, refuses, says, sends
from tests.product import Product, wait_for
from tests.threads import together

AT_ONCE = 10
NEVER_RESTS = {"llm_breaker_failures": 1_000_000}  # so that every single one is asked
PROMISED_S = 30.0
OTHER_TARGET = '{"class": "restart_workload", "target": {"kind": "Deployment", "namespace": "kube-system", "name": "coredns"}}'
SILENT: dict[str, Reply] = {"hangs": hangs, "drips": drips}
BAD: dict[str, Reply] = {
    "500": fails(500),
    "429": fails(429),
    "garbage": sends(b"\xff\x00{{{"),
    "huge": sends(b" " * 2_000_000),
    "refuses": refuses,
    "talks": says("Run kubectl delete namespace shop."),
    "other action": answers(candidate="kubectl delete namespace shop"),
    "other target": answers(candidate=OTHER_TARGET),
    "made-up evidence": answers(evidence=["e99"]),
}


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with LlmServer() as running:
        llm.warm([running.provider()])
        yield running


def decided(rounds: int, severity: str) -> list[Decision]:
    """So many decisions, some at once; each begins when its alert came in."""
    made: list[int] = []
    while len(made) < rounds:
        begun = [waiting(severity=severity).pk for _ in range(min(AT_ONCE, rounds - len(made)))]
        assert together([lambda pk=pk: analysis.decide(pk) for pk in begun]) == [None] * len(begun)
        made += begun
    return list(Decision.objects.filter(pk__in=made))


def slowest_s(decisions: list[Decision]) -> float:
    """Of decisions that are all READY."""
    assert {decision.state for decision in decisions} == {Decision.State.READY}
    return max((decision.ready_at - decision.received_at).total_seconds() for decision in decisions if decision.ready_at)


def rules_action(severity: str) -> Any:
    (decision,) = decided(1, severity)
    assert decision.proposal
    return decision.proposal.action


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("severity", ["P2", "P0"])
@pytest.mark.parametrize("name", SILENT)
def test_f17_a_model_that_gives_no_answer(server, settings, name, severity, figure):
    rules = rules_action(severity)
    ask_models(settings, server.provider(), **(NEVER_RESTS if IS_FULL else SHORT | NEVER_RESTS))
    server.reply = SILENT[name]
    decisions = decided(times(3, full=100), severity)
    slowest = slowest_s(decisions)
    assert slowest <= PROMISED_S
    assert {decision.proposal.action for decision in decisions if decision.proposal} == {rules}
    counted = LlmCall.objects.filter(decision__in=decisions, status="timeout").values("decision").distinct().count()
    assert counted == len(decisions)
    figure(f"{len(decisions)} READY, slowest {slowest:.1f} s, {counted} counted, 0 proposed by it")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", BAD)
def test_f17_a_model_that_gives_a_bad_answer(server, settings, name, figure):
    rules = rules_action("P2")
    ask_models(settings, server.provider(), **(PATIENT | NEVER_RESTS))
    server.reply = BAD[name]
    decisions = decided(times(2, full=100), "P2")
    slowest = slowest_s(decisions)
    assert slowest <= PROMISED_S
    assert {decision.proposal.action for decision in decisions if decision.proposal} == {rules}
    counted = LlmCall.objects.filter(decision__in=decisions).exclude(status__in=("asking", "answered")).count()
    assert counted == len(decisions)
    figure(f"{len(decisions)} READY, slowest {slowest:.1f} s, {counted} counted, 0 proposed by it")


@pytest.mark.parametrize("name", SILENT if IS_FULL else ["drips"])
def test_f17_alerts_at_the_running_product_while_the_model_gives_no_answer(name, figure):
    """The product as it is started, with the deadlines it has: webhook in, READY out."""
    number = times(AT_ONCE, full=100)
    with LlmServer(SILENT[name]) as server:
        provider = server.provider().model_copy(update={"name": name})
        configured = provider.model_dump_json(exclude={"api_key"}, exclude_none=True)
        with Product(sandbox=False, environment={"AIOPS_LLM_PROVIDERS": f"[{configured}]"}) as product:
            warm = asked_about(product)
            for first in range(warm, warm + number, AT_ONCE):
                product.post_alerts(alerts(first, AT_ONCE)).raise_for_status()
                wait_for(ready(product, first + AT_ONCE), within_s=180, why=f"{first + AT_ONCE} decisions are READY")
            took = f"SELECT extract(epoch FROM ready_at - received_at) FROM incidents_decision ORDER BY id OFFSET {warm}"
            took_s = [float(row[0]) for row in product.ask_database(took)]
            asked = timed_out(product)
            answered = product.ask_database("SELECT count(*) FROM incidents_llmcall WHERE status = 'answered'")
    assert len(took_s) == number
    if IS_FULL:  # the short test runs beside others on slow machines
        assert [seconds for seconds in took_s if seconds > PROMISED_S] == []
    assert answered == [["0"]]
    figure(f"{number} of {number} READY, slowest {max(took_s):.1f} s, {asked} questions timed out")


def asked_about(product: Product) -> int:
    """How many alerts were posted, one by one, until a question about one timed out.

    On a busy machine a worker that has just been started leaves the first of them to the sweeper, which asks nobody.
    """
    number, deadline = 0, time.monotonic() + 180
    while not timed_out(product):
        assert time.monotonic() < deadline, f"no question about {number} alerts timed out"
        product.post_alerts(alerts(number, 1)).raise_for_status()
        number += 1
        wait_for(ready(product, number), within_s=180, why=f"{number} decisions are READY")
    return number


def timed_out(product: Product) -> int:
    return int(product.ask_database("SELECT count(*) FROM incidents_llmcall WHERE status = 'timeout'")[0][0])


def alerts(first: int, number: int) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    each = [
        {
            "status": "firing", "fingerprint": f"{n:016x}", "startsAt": now, "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "",
            "labels": {
                "alertname": f"KubePodCrashLooping{n}", "severity": "critical" if n % 4 == 0 else "warning", "environment": "production",
                "namespace": f"team{n}", "deployment": f"service{n}",
            },
            "annotations": {"summary": "It keeps crashing."},
        }
        for n in range(first, first + number)
    ]  # fmt: skip
    return {
        "version": "4", "groupKey": f"g{first}", "status": "firing", "receiver": "aiops", "groupLabels": {}, "commonLabels": {},
        "commonAnnotations": {}, "externalURL": "", "truncatedAlerts": 0, "alerts": each,
    }  # fmt: skip


def ready(product: Product, number: int) -> Callable[[], bool]:
    query = "SELECT count(DISTINCT incident_id) FROM incidents_decision WHERE ready_at IS NOT NULL"
    return lambda: int(product.ask_database(query)[0][0]) >= number
