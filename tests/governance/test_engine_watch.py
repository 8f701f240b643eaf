"""An engine or a collector that breaks costs a decision its word, and people an event that says so."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance import engine_watch
from governance.models import GovernanceEvent
from incidents import analysis, evidence, finishing
from incidents.engines.expert import ExpertEngine
from incidents.engines.playbook import PlaybookEngine
from incidents.models import Decision
from tests.factories import make_alert, make_decision, make_incident

pytestmark = pytest.mark.django_db


def breaks(*args, **options):
    raise ZeroDivisionError


async def sees_nothing(decision, within_s):
    return []


def decided(collect=sees_nothing):
    incident = make_incident()
    make_alert(incident)
    decision = make_decision(incident, state="INIT")
    analysis.decide(decision.pk, collect=collect)
    decision.refresh_from_db()
    return decision


def events():
    return {event.key: event.title for event in GovernanceEvent.objects.filter(kind="engine_broken", resolved_at=None)}


def test_an_engine_that_breaks_is_one_event_for_all_of_its_decisions(monkeypatch):
    monkeypatch.setattr(PlaybookEngine, "view", breaks)
    assert {decided().state, decided().state} == {"READY"}
    assert engine_watch.look() == 1
    assert events() == {"playbook": "playbook breaks, and decisions go on without it"}


def test_rules_that_break_are_an_opinion_that_failed_and_people_are_told(monkeypatch):
    monkeypatch.setattr(ExpertEngine, "propose", breaks)
    decision = decided()
    opinion = decision.opinions.get(engine="expert_system")
    assert (opinion.status, opinion.proposal) == ("failed", None)
    assert decision.proposal.action.action_class == "notify_only"
    engine_watch.look()
    assert list(events()) == ["expert_system"]


def test_rules_that_break_where_only_the_sweeper_is_left_are_told_as_well(monkeypatch):
    monkeypatch.setattr(ExpertEngine, "propose", breaks)
    incident = make_incident()
    make_alert(incident)
    decision = make_decision(incident, state="INIT")
    assert finishing.finish([decision], reason="broker_down")
    assert decision.opinions.get().status == "failed"
    engine_watch.look()
    assert list(events()) == ["expert_system"]


def test_looking_that_breaks_is_told_beside_the_evidence_and_as_an_event():
    decision = decided(breaks)
    assert decision.evidence.get().error == evidence.COLLECTOR_BROKE
    engine_watch.look()
    assert list(events()) == ["evidence"]


def test_it_is_one_event_until_half_an_hour_without_it(monkeypatch):
    monkeypatch.setattr(PlaybookEngine, "view", breaks)
    decided()
    engine_watch.look()
    engine_watch.look()
    assert GovernanceEvent.objects.get().occurrences == 1
    Decision.objects.update(ready_at=timezone.now() - engine_watch.WINDOW - timedelta(seconds=1))
    assert engine_watch.look() == 0
    assert events() == {}


def test_what_works_is_no_event():
    decided()
    assert engine_watch.look() == 0
