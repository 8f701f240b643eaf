"""The playbooks that come with the product, led by the alerts of the corpus: what they propose has to be right."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import call_command

from bench.corpus import score
from incidents import local_engines
from incidents.conf import IncidentsConf
from incidents.engines.playbook import PlaybookEngine, rank
from incidents.proposals import EvidenceFacts
from incidents.replay import replay
from tests.factories import make_playbook

CORPUS = Path(score.__file__).parent / "alerts.jsonl"
CONF = IncidentsConf()


@pytest.fixture
def starters(db):
    call_command("playbooks", "import", verbosity=0)
    return local_engines.approved_playbooks()


@pytest.fixture(scope="module")
def corpus():
    with CORPUS.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    facts = [answer.facts for answer in replay(json.dumps(row) for row in rows)]
    return [(row, fact) for row, fact in zip(rows, facts, strict=True)]


def by_id(corpus, key):
    return next(facts for row, facts in corpus if row["id"] == key)


def test_whatever_leads_on_a_real_alert_is_acceptable_there(starters, corpus):
    engine = PlaybookEngine(starters, CONF)
    led = [(row, proposal) for row, facts in corpus if (proposal := engine.propose(facts)) is not None]
    wrong = {
        row["id"]: proposal.description
        for row, proposal in led
        if proposal.action.action_class not in row["expect"]["acceptable"]
    }
    assert wrong == {}
    assert len(led) >= 8, "starters that fit nothing are no help"


@pytest.mark.parametrize(
    ("key", "action"),
    [
        ("a-008", "adjust_resources"),
        ("a-011", "restart_workload"),
        ("a-019", "rollback"),
        ("a-124", "rollback"),
        ("a-125", "scale_up"),
        ("a-006", "delete_pod"),
    ],
)
def test_frequent_situations_find_their_repair(starters, corpus, key, action):
    proposal = PlaybookEngine(starters, CONF).propose(by_id(corpus, key))
    assert proposal is not None
    assert proposal.action.action_class == action


def test_replacing_a_pod_aims_at_the_pod_that_the_alert_names(starters, corpus):
    proposal = PlaybookEngine(starters, CONF).propose(by_id(corpus, "a-006"))
    assert str(proposal.action.target) == "Pod shop/recommendation-6f7c9d5b88-kq2hz"


@pytest.mark.parametrize(("ready", "leads"), [(4, True), (1, False)])
def test_of_several_unhealthy_pods_none_is_replaced(starters, corpus, ready, leads):
    facts = by_id(corpus, "a-006")
    seen = EvidenceFacts(1, "workload", "Workload", "", {"replicas": 5, "ready": ready})
    proposal = PlaybookEngine(starters, CONF).propose(replace(facts, evidence=[seen]))
    assert (proposal is not None) is leads


def test_a_crash_without_a_rollout_is_not_rolled_back(starters, corpus):
    facts = by_id(corpus, "a-001")
    match = next(m for m in rank(starters, facts, CONF) if m.playbook.name == "Roll back a deploy that does not come up")
    assert (match.similarity, match.reason) == (1.0, "needs a rollout shortly before, which nothing shows")


@pytest.mark.parametrize("key", ["a-020", "a-109", "a-110"])
def test_a_label_that_is_asked_for_has_to_be_there(starters, corpus, key):
    assert PlaybookEngine(starters, CONF).propose(by_id(corpus, key)) is None


def test_a_hostile_alert_leads_to_nothing(starters, corpus):
    for row, facts in corpus:
        if "hostile" in row["expect"].get("tags", []):
            assert PlaybookEngine(starters, CONF).propose(facts) is None, row["id"]


@pytest.mark.django_db
def test_what_keeps_state_needs_a_playbook_that_names_its_service(corpus):
    facts = by_id(corpus, "a-002")
    make_playbook(name="General", alert_names=["KubePodCrashLooping"], target_kind="StatefulSet")
    [general] = rank(local_engines.approved_playbooks(), facts, CONF)
    assert general.reason == "keeps away: it keeps state"
    make_playbook(name="Ours", alert_names=["KubePodCrashLooping"], target_kind="StatefulSet", services=["orders-db"])
    ours = next(m for m in rank(local_engines.approved_playbooks(), facts, CONF) if m.playbook.name == "Ours")
    assert "keeps away" not in ours.reason
