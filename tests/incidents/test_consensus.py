"""Several experts, one answer: what weights may decide, and what they may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.core.actions import CreateTicket, NotifyOnly, RestartWorkload, Rollback, ScaleUp
from aiops.core.scales import Severity
from aiops.core.targets import Target
from incidents.engines.choice import choose
from incidents.engines.consensus import PRIOR, Expert, Vote, combine, same_act, weight
from incidents.proposals import EngineAnswer, Proposal, Source, tell_people

WEB = Target(kind="Deployment", namespace="shop", name="web")
ACTIONS = (RestartWorkload(target=WEB), Rollback(target=WEB), ScaleUp(target=WEB), NotifyOnly(target=WEB))
RESTART, ROLLBACK, SCALE, TELL = ACTIONS
E = Expert
NEEDS = 0.65
SOURCES = {E.RULES: Source.EXPERT_SYSTEM, E.HISTORY: Source.HISTORY, E.PLAYBOOK: Source.PLAYBOOK}

votes = st.builds(
    lambda expert, action, right, asked, proven: Vote(
        expert, action, weight(expert, right=min(right, asked), asked=asked), proven and expert in (E.PLAYBOOK, E.HISTORY)
    ),
    st.sampled_from(list(Expert)),
    st.sampled_from(ACTIONS),
    st.floats(0, 500),
    st.floats(0, 500),
    st.booleans(),
)
rounds = st.lists(votes, min_size=1, max_size=7, unique_by=lambda vote: vote.expert)


@given(rounds, st.randoms())
def test_the_order_in_which_they_speak_does_not_matter(cast, random):
    shuffled = random.sample(cast, len(cast))
    assert combine(shuffled) == combine(cast)


@given(rounds)
def test_the_score_is_a_share_and_unanimity_is_one(cast):
    result = combine(cast)
    assert 0 < result.score <= 1 + 1e-9
    assert (result.dissenting == ()) == (result.score == pytest.approx(1))
    assert {*result.agreeing, *result.dissenting} == {vote.expert for vote in cast}


@given(rounds, votes)
def test_one_more_who_agrees_never_lowers_the_score_nor_changes_the_answer(cast, extra):
    before = combine(cast)
    agreeing = Vote(extra.expert, before.winner.action, extra.weight, extra.proven)
    after = combine([*cast, agreeing])
    assert same_act(after.winner.action) == same_act(before.winner.action)
    assert after.score >= before.score - 1e-9


@given(rounds)
def test_models_alone_never_outvote_what_is_proven(cast):
    result = combine(cast)
    proven = [vote for vote in cast if vote.proven]
    if proven and all(expert.is_model for expert in result.agreeing):
        pytest.fail("only models stand behind it, against something proven")


@given(st.sampled_from(list(Expert)), st.floats(0, 1000), st.floats(0, 1000))
def test_a_better_record_never_counts_less(expert, right, asked):
    right = min(right, asked)
    assert weight(expert, right=right, asked=asked) > 0
    assert weight(expert, right=right + 1, asked=asked + 1) >= weight(expert, right=right, asked=asked)
    assert weight(expert, right=right, asked=asked + 1) <= weight(expert, right=right, asked=asked)


def test_without_a_record_everybody_has_a_prior():
    assert set(PRIOR) == set(Expert)
    assert weight(E.PLAYBOOK) > weight(E.RULES) > weight(E.OPERATOR) > weight(E.CRITIC) > 0


def test_all_models_together_outvote_the_rules_and_divided_ones_do_not():
    models = [E.DIAGNOSTICIAN, E.OPERATOR, E.CRITIC, E.COORDINATOR]
    together = chosen(RULES_RESTART, *[said(expert, SCALE) for expert in models])
    assert (together.proposal.action, together.proposal.model_led) == (SCALE, True)
    divided = chosen(RULES_RESTART, *[said(expert, SCALE) for expert in models[:2]], said(E.COORDINATOR, ROLLBACK))
    assert divided.proposal.action == RESTART


def test_a_measured_record_moves_a_weight_about_as_fast_as_cases_come():
    assert weight(E.OPERATOR, right=20, asked=20) > weight(E.OPERATOR)
    assert weight(E.OPERATOR, right=0, asked=200) == weight(E.OPERATOR, right=0, asked=20_000)  # nobody is worth nothing


def test_telling_people_and_opening_a_ticket_agree():
    assert same_act(NotifyOnly(target=WEB)) == same_act(CreateTicket(target=None))


def proposal(expert, action, **fields):
    source = SOURCES.get(expert, Source.LLM)
    return Proposal(source=source, action=action, description="d", reasoning=f"{expert} says so.", **fields)


def said(expert, action, *, leads=True, **fields):
    return EngineAnswer(expert.value, "answered", 5, proposal(expert, action, **fields), leads=leads)


RULES_RESTART = said(E.RULES, RESTART)
FALLBACK = RULES_RESTART.proposal


def chosen(*answers, severity=Severity.P0):
    return choose(answers, answers[0].proposal, severity, needs=NEEDS)


def test_enough_weight_makes_a_consensus_with_its_score_and_dissent():
    choice = chosen(said(E.RULES, ROLLBACK), said(E.DIAGNOSTICIAN, ROLLBACK), said(E.OPERATOR, ROLLBACK), said(E.CRITIC, SCALE))
    assert (choice.proposal.source, choice.proposal.action) == ("consensus", ROLLBACK)
    assert choice.proposal.consensus_score == pytest.approx(0.909, abs=0.01)
    assert [answer.vote for answer in choice.answers] == ["chosen", "for", "for", "against"]
    assert sum(answer.weight for answer in choice.answers) == pytest.approx(1, abs=0.01)
    assert [a.action for a in choice.proposal.alternatives] == [SCALE]
    assert "3 of 4 agree" in choice.proposal.reasoning


def test_too_little_agreement_leaves_it_to_those_who_ask_no_model():
    choice = chosen(RULES_RESTART, said(E.DIAGNOSTICIAN, ROLLBACK), said(E.OPERATOR, SCALE), said(E.CRITIC, TELL))
    assert (choice.proposal.source, choice.proposal.action) == ("expert_system", RESTART)
    assert "no_consensus" in choice.proposal.engine_degraded
    assert choice.proposal.consensus_score < NEEDS


def test_four_models_do_not_outvote_a_playbook_that_fits():
    models = [said(expert, SCALE) for expert in (E.DIAGNOSTICIAN, E.OPERATOR, E.CRITIC, E.COORDINATOR)]
    playbook = EngineAnswer("playbook", "answered", 5, proposal(E.PLAYBOOK, ROLLBACK), right=9, asked=10)
    choice = chosen(said(E.RULES, TELL), playbook, *models)
    assert choice.proposal.action == ROLLBACK
    assert not choice.proposal.model_led


def test_a_playbook_that_only_comes_near_can_be_outvoted():
    models = [said(expert, SCALE) for expert in (E.DIAGNOSTICIAN, E.OPERATOR, E.CRITIC, E.COORDINATOR)]
    choice = chosen(said(E.RULES, SCALE), said(E.PLAYBOOK, ROLLBACK, leads=False), *models)
    assert choice.proposal.action == SCALE


def test_local_experts_alone_come_to_a_consensus():
    choice = chosen(RULES_RESTART, said(E.PLAYBOOK, RESTART, matched_playbook=1))
    assert (choice.proposal.source, choice.proposal.consensus_score) == ("consensus", 1.0)
    assert choice.proposal.matched_playbook == 1


def test_one_opinion_is_no_consensus():
    choice = chosen(RULES_RESTART, EngineAnswer("llm", "timeout", 9, error="No answer."))
    assert (choice.proposal.source, choice.proposal.consensus_score) == ("expert_system", None)
    assert choice.proposal.engine_degraded == ("llm",)


@pytest.mark.parametrize("severity", [Severity.P2, Severity.P3])
def test_less_urgent_ones_take_the_first_in_precedence(severity):
    everybody = [RULES_RESTART, said(E.PLAYBOOK, ROLLBACK), EngineAnswer("llm", "answered", 5, proposal("llm", SCALE))]
    assert chosen(*everybody, said(E.HISTORY, TELL), severity=severity).proposal.source == "history"
    assert chosen(*everybody, said(E.HISTORY, TELL, leads=False), severity=severity).proposal.source == "playbook"
    assert chosen(everybody[0], everybody[2], severity=severity).proposal.source == "llm"
    assert chosen(everybody[0], severity=severity).proposal.source == "expert_system"


names = st.sampled_from([*(expert.value for expert in Expert), "llm"])
answers = st.lists(
    st.builds(
        lambda name, action, leads: EngineAnswer(
            name, "answered", 1, proposal(Expert(name) if name in set(Expert) else name, action), leads=leads
        ),
        names,
        st.sampled_from(ACTIONS),
        st.booleans(),
    ),
    max_size=8,
    unique_by=lambda answer: answer.engine,
)


@given(answers, st.sampled_from(list(Severity)), st.sampled_from(ACTIONS))
def test_whatever_models_say_a_change_that_is_theirs_alone_is_marked(said_by_all, severity, rules_action):
    fallback = proposal(E.RULES, rules_action)
    rules = EngineAnswer("expert_system", "answered", 1, fallback)
    everybody = [rules, *(a for a in said_by_all if a.engine != "expert_system")]
    local = [answer for answer in everybody if not answer.is_model]
    with_models = choose(everybody, fallback, severity, needs=NEEDS).proposal
    without = choose(local, fallback, severity, needs=NEEDS).proposal
    assert not without.model_led
    assert with_models.model_led == (with_models.action.is_change and with_models.action != without.action)


def test_a_crash_of_every_model_leaves_what_the_rules_say():
    broken = [EngineAnswer(expert.value, "failed", 1, error="x") for expert in (E.DIAGNOSTICIAN, E.OPERATOR, E.CRITIC)]
    choice = chosen(RULES_RESTART, *broken)
    assert choice.proposal.action == RESTART
    assert choice.proposal.engine_degraded == ("llm",)
    assert choose([], tell_people("t", "r"), Severity.P0, needs=NEEDS).proposal.action.action_class == "notify_only"
