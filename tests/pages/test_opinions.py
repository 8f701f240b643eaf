"""What each engine said, side by side; what models were sent; and what was said before."""

import pytest

from aiops.core.actions import RestartWorkload, ScaleUp
from incidents import decisions
from incidents.models import Opinion
from tests.factories import WEB, make_decision, make_incident, make_principal, make_proposal, make_user

pytestmark = pytest.mark.django_db

RESTART, SCALE = RestartWorkload(target=WEB), ScaleUp(target=WEB)
POINT = {"challenge": "Does a restart lose sessions?", "answer": "Sessions lie in Redis."}


def heard(**proposal):
    """A decision of a P0 on which two agree and the critic differs."""
    chosen = make_proposal(RESTART, source="consensus", consensus_score=0.83, tokens=4200, cost=0.0123, **proposal)
    decision = make_decision(make_incident(severity="P0"), proposal_data=chosen.to_json())
    for engine, action, vote, weight in (
        ("expert_system", RESTART, "chosen", 0.5),
        ("llm_operator", RESTART, "for", 0.3),
        ("llm_critic", SCALE, "against", 0.2),
    ):
        Opinion.objects.create(
            decision=decision, engine=engine, status="answered", vote=vote, weight=weight, reasoning=f"{engine} says so.",
            proposal_data=make_proposal(action, description=f"{action.spec.words} web").to_json(), prompt=f"<sent to {engine}>",
        )  # fmt: skip
    Opinion.objects.create(decision=decision, engine="coordinator", status="timeout", points=[POINT])
    return decision


def page_of(visit, decision) -> str:
    return visit(make_user("viewer")).get(decision.incident.get_absolute_url()).content.decode()


def test_opinions_stand_side_by_side_with_their_agreement(visit):
    html = page_of(visit, heard())
    assert [html.index(f">{words}<") > 0 for words in ("LLM operator", "LLM critic", "Coordinator")] == [True] * 3
    for words in ("0.83", "2 of 3 agree. Needs 0.65.", "differs", "No answer in time", "4,200 tokens, $0.0123"):
        assert words in html


def test_a_challenge_is_shown_with_its_answer(visit):
    html = page_of(visit, heard())
    assert "<b>Critic asks:</b> Does a restart lose sessions?" in html
    assert "<b>Coordinator answers:</b> Sessions lie in Redis." in html


def test_what_was_sent_is_shown_word_for_word_and_as_text(visit):
    html = page_of(visit, heard())
    assert "&lt;sent to llm_critic&gt;" in html
    assert "<sent to" not in html


def test_too_little_agreement_is_said(visit):
    decision = heard()
    decision.proposal_data |= {"source": "expert_system", "consensus_score": 0.41}
    decision.save(update_fields=["proposal_data"])
    assert "too little agreement" in page_of(visit, decision)


def test_an_earlier_analysis_stays_readable_after_another_look(visit):
    first = heard(reasoning="It leaks memory.")
    again = decisions.reanalyse(first, make_principal("responder"))
    html = page_of(visit, first).split('id="earlier"')[1].split("</section>")[0]
    assert again.token not in html
    for words in (first.token, "It leaks memory.", "LLM critic", "llm_operator says so.", "consensus 0.83"):
        assert words in html


def test_without_an_earlier_analysis_there_is_no_such_part(visit):
    html = page_of(visit, heard()).split('id="earlier"')[1].split(">")[0]
    assert "hidden" in html


def test_what_a_decision_had_to_do_without_is_said_in_words(visit):
    html = page_of(visit, heard(engine_degraded=("llm_budget", "llm_operator")))
    assert "The budget for language models is spent" in html
    assert "Without the LLM operator" in html
