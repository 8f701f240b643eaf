"""P0 and P1: several experts side by side, a critic who is answered, and a decision whatever is missing."""

from collections.abc import Iterator

import pytest

from aiops.connectors import llm
from incidents import analysis
from incidents.models import Decision, Evidence, LlmCall
from tests.factories import make_playbook, record_outcome
from tests.incidents.models import PATIENT, SHORT, ask_models, waiting
from tests.llm_server import LlmServer, answers, by_role, fails, hangs, picks

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with LlmServer() as running:
        llm.warm([running.provider()])
        yield running


async def looked(decision: Decision, deadline_s: float) -> list[Evidence]:
    """A cluster that is there, with nothing remarkable in it."""
    return [Evidence(kind="nodes", title="5 of 5 nodes ready", content="worker-1: ready")]


def decided(severity: str = "P0", **fields) -> Decision:
    decision = waiting(severity=severity, **fields)
    analysis.decide(decision.pk, collect=looked)
    decision.refresh_from_db()
    assert decision.state == Decision.State.READY
    return decision


def opinions(decision: Decision) -> dict[str, str]:
    return dict(decision.opinions.values_list("engine", "vote"))


def test_all_experts_are_heard_and_agree(server, settings):
    ask_models(settings, server.provider(), **PATIENT)
    server.reply = picks("restart_workload", confidence=0.9)
    decision = decided()
    assert (decision.proposal.source, decision.proposal.consensus_score) == ("consensus", 1.0)
    assert opinions(decision) == {
        "expert_system": "chosen", "history": "", "playbook": "",
        "llm_diagnostician": "for", "llm_operator": "for", "llm_critic": "for", "coordinator": "for",
    }  # fmt: skip
    assert decision.proposal.confidence == 0.0
    assert decision.proposal.tokens == 4 * 1050
    assert LlmCall.objects.filter(decision=decision, status="answered").count() == 4


def test_the_critics_challenges_are_answered_by_the_coordinator(server, settings):
    ask_models(settings, server.provider(), **PATIENT)
    server.reply = by_role(
        critic=answers(challenges=["Does it lose sessions?", "Is it the database?"]),
        coordinator=answers(answers=["Sessions lie in Redis."]),
    )
    decision = decided()
    asked = [point["challenge"] for point in decision.opinions.get(engine="llm_critic").points]
    assert asked == ["Does it lose sessions?", "Is it the database?"]
    assert decision.opinions.get(engine="coordinator").points == [
        {"challenge": "Does it lose sessions?", "answer": "Sessions lie in Redis."},
        {"challenge": "Is it the database?", "answer": ""},
    ]
    coordinator = next(request for request in server.requests if "You are the coordinator" in request.instructions)
    assert "Does it lose sessions?" in coordinator.text


def test_models_that_agree_against_the_rules_lead_and_a_person_agrees_first(server, settings):
    ask_models(settings, server.provider(), **PATIENT)
    server.reply = picks("scale_up")
    decision = decided()
    assert (decision.proposal.action.action_class, decision.proposal.model_led) == ("scale_up", True)
    assert opinions(decision)["expert_system"] == "against"
    assert [a.action.action_class for a in decision.proposal.alternatives][0] == "restart_workload"


def test_models_alone_do_not_outvote_a_proven_playbook(server, settings):
    make_playbook(alert_names=["KubePodCrashLooping"], categories=["workload_crash"], steps=["scale_up"])
    ask_models(settings, server.provider(), **PATIENT)
    server.reply = picks("rollback")  # is not offered: nothing was released, so they tell people
    decision = decided()
    assert decision.proposal.action.action_class == "scale_up"
    assert not decision.proposal.model_led


def test_history_that_is_sure_leads_a_less_urgent_one_without_waiting_for_agreement(server, settings):
    ask_models(settings, server.provider(), **PATIENT)
    decision = waiting(severity="P2")
    for _ in range(8):
        record_outcome("success", anomaly_key=decision.incident.anomaly_key, alert_name="KubePodCrashLooping")
    analysis.decide(decision.pk)
    decision.refresh_from_db()
    assert (decision.proposal.source, decision.proposal.confidence) == ("history", 0.0)
    assert decision.opinions.get(engine="history").record.startswith("8 of 8 verified runs worked")


def test_one_role_that_hangs_costs_its_vote_only(server, settings):
    ask_models(
        settings,
        server.provider(),
        **(SHORT | {"analysis_deadline_s": 16.0, "llm_call_timeout_s": 4.0, "llm_coordinator_s": 4.0}),
    )
    server.reply = by_role(
        operator=hangs, other=picks("restart_workload"), coordinator=picks("restart_workload"), critic=picks("restart_workload")
    )
    decision = decided()
    assert decision.opinions.get(engine="llm_operator").status == "timeout"
    assert decision.opinions.get(engine="coordinator").status == "answered"
    assert decision.proposal.engine_degraded == ("llm_operator",)


def test_with_every_model_hung_the_local_experts_decide_in_time(server, settings):
    ask_models(settings, server.provider(), **SHORT)
    server.reply = hangs
    decision = decided()
    assert (decision.proposal.source, decision.proposal.engine_degraded) == ("expert_system", ("llm",))
    assert decision.opinions.get(engine="coordinator").status == "skipped"


def test_failing_models_and_a_playbook_come_to_a_local_consensus(server, settings):
    make_playbook(alert_names=["KubePodCrashLooping"], categories=["workload_crash"])
    ask_models(settings, server.provider(), **PATIENT)
    server.reply = fails(500)
    decision = decided("P1")
    assert (decision.proposal.source, decision.proposal.consensus_score) == ("consensus", 1.0)
    assert decision.proposal.engine_degraded == ("llm",)


def test_without_a_provider_the_local_experts_are_heard(settings):
    make_playbook(alert_names=["KubePodCrashLooping"], categories=["workload_crash"])
    decision = decided()
    assert decision.proposal.source == "consensus"
    assert decision.proposal.engine_degraded == ()


def test_a_budget_for_three_questions_asks_none_of_four(server, settings):
    ask_models(settings, server.provider(), **(PATIENT | {"llm_tokens_per_incident": 3 * 16_000}))
    decision = decided()
    assert server.requests == []
    assert decision.proposal.engine_degraded == ("llm_budget",)


def test_another_look_keeps_what_was_said_before(server, settings):
    ask_models(settings, server.provider(), **PATIENT)
    first = decided()
    first_said = first.opinions.count()
    again = Decision.objects.create(incident=_withdrawn(first), cause="reanalysed", received_at=first.received_at)
    analysis.decide(again.pk)
    assert (first.opinions.count(), again.opinions.count()) == (first_said, first_said)
    assert first.proposal is not None


def _withdrawn(decision: Decision):
    Decision.objects.filter(pk=decision.pk).update(state="WITHDRAWN", reason="reanalysed")
    return decision.incident
