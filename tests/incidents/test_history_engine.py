"""What worked before is proposed again where it still makes sense."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from aiops.core.actions import Action, RestartWorkload, Rollback, ScaleUp
from aiops.core.scales import Tier
from aiops.core.targets import Target
from incidents.engines.history import HistoryEngine
from incidents.proposals import EvidenceFacts, Facts, View
from learning.conf import LearningConf
from learning.ranking import Record, recommend
from tests.incidents.test_expert import facts

WEB = Target(kind="Deployment", namespace="shop", name="web")
ERRORS = {"alertname": "HighErrorRate", "namespace": "shop", "deployment": "web", "severity": "warning"}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def view(action: Action, known: Facts) -> View:
    """What history says where `action` has worked fifteen times."""
    runs = [Record(action, 1.0, 0.0, 60.0, 20, Tier.AUTO, NOW - timedelta(hours=n)) for n in range(15)]
    return HistoryEngine(recommend(runs, proposed=None, conf=LearningConf())).view(known)


def with_rollout(seconds_ago: float) -> Facts:
    item = EvidenceFacts(id=7, kind="rollout", title="", content="", facts={"age_s": seconds_ago, "before_alert_s": seconds_ago})
    return replace(facts(ERRORS), evidence=(item,))


def test_what_always_worked_leads():
    found = view(RestartWorkload(target=WEB), facts(ERRORS))
    assert (found.leads, found.proposal.action) == (True, RestartWorkload(target=WEB))


def test_a_rollback_needs_a_release_to_go_back_from():
    nothing_came = view(Rollback(target=WEB), facts(ERRORS))
    assert nothing_came.proposal is None
    assert "a release came just before" in nothing_came.because
    assert view(Rollback(target=WEB), with_rollout(300)).leads


def seen(kind: str, **values) -> Facts:
    return replace(facts(ERRORS), evidence=(EvidenceFacts(id=7, kind=kind, title="", content="", facts=values),))


def test_more_replicas_need_more_load():
    assert view(ScaleUp(target=WEB), facts({**ERRORS, "cpu_utilisation": "0.97"})).leads
    found = view(ScaleUp(target=WEB), facts(ERRORS))
    assert found.proposal is None
    assert "nothing shows that" in found.because


def test_nothing_is_done_to_the_victim_of_another_s_fault():
    assert view(RestartWorkload(target=WEB), seen("dependencies", failing=[])).leads
    found = view(RestartWorkload(target=WEB), seen("dependencies", failing=["redis"]))
    assert found.proposal is None
    assert "what it depends on" in found.because


def test_what_git_would_undo_is_not_proposed():
    found = view(Rollback(target=WEB), facts({**ERRORS, "managed_by": "argocd"}))
    assert found.proposal is None
    assert "cannot work: Git owns it" in found.because


def test_what_is_out_of_place_is_no_alternative_either():
    runs = [Record(act(target=WEB), 1.0, 0.0, 60.0, 20, Tier.AUTO, NOW) for act in (RestartWorkload, Rollback) for _ in range(15)]
    found = HistoryEngine(recommend(runs, proposed=None, conf=LearningConf())).view(facts(ERRORS))
    assert found.proposal.action == RestartWorkload(target=WEB)
    assert found.proposal.alternatives == ()


def test_what_did_not_help_lately_does_not_lead():
    tried = replace(facts(ERRORS), in_vain=frozenset({"restart:web-*"}))
    found = view(RestartWorkload(target=WEB), tried)
    assert found.proposal is None
    assert "did not help lately" in found.because
