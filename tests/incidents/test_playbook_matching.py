"""Which playbook fits an incident, why, and what keeps one from leading."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from aiops.core.errors import Invalid
from incidents.conf import IncidentsConf
from incidents.engines.playbook import PlaybookEngine, Step, Symptoms, rank, steps_of
from incidents.engines.signs import case_of
from incidents.models import Evidence
from incidents.proposals import EvidenceFacts, Facts
from tests.factories import make_alert, make_decision, make_incident, make_playbook, make_token
from tests.incidents.test_expert import facts

CONF = IncidentsConf()
ERRORS = {"alertname": "HighErrorRate", "namespace": "shop", "deployment": "web", "service": "web", "severity": "critical"}


def playbook(**fields) -> Symptoms:
    plain = Symptoms(
        id=1,
        name="Restart",
        description="",
        target_kind="Deployment",
        alert_names=frozenset({"HighErrorRate"}),
        categories=frozenset({"error_rate"}),
        severities=frozenset(),
        services=frozenset(),
        labels={},
        steps=(Step("restart_workload", {}),),
        runs=0,
        rate=None,
    )
    return replace(plain, **fields)


def only(known: Facts, *playbooks: Symptoms):
    return rank(playbooks or (playbook(),), known, CONF)[0]


def seen(known: Facts, item: str, /, **values) -> Facts:
    return replace(known, evidence=(*known.evidence, EvidenceFacts(len(known.evidence) + 1, item, "", "", values)))


def test_every_field_that_is_stated_counts_and_the_explanation_names_it():
    stated = playbook(severities=frozenset({"P3"}), services=frozenset({"web"}))
    match = only(replace(facts(ERRORS), services=("web",)), stated)
    assert match.fields == {"alert names": 1.0, "category": 1.0, "service": 1.0, "severity": 0.0}
    assert match.similarity == pytest.approx(0.8 / 0.9, abs=1e-3)
    assert match.explanation == "matched: alert names, category, service; not: severity"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"alert_names": frozenset({"KubePodCrashLooping"})}, "fits at 0.31; 0.85 is needed to lead"),
        ({"runs": 10, "rate": 0.79}, "worked in 79% of 10 runs; 80% is needed to lead"),
        ({"runs": 10, "rate": 0.80}, ""),
        ({"needs": frozenset({"recent_rollout"})}, "needs a rollout shortly before, which nothing shows"),
        ({"labels": {"team": "web"}}, "a label that it asks for is not there"),
    ],
)
def test_thresholds_decide_who_leads(change, reason):
    assert only(facts(ERRORS), playbook(**change)).reason == reason


def test_steps_that_did_not_help_are_not_tried_again():
    tried = replace(facts(ERRORS), in_vain=frozenset({"restart:web-*"}))
    assert only(facts(ERRORS)).reason == ""
    assert only(tried, playbook()).reason == "tried lately without success: restart:web-*"
    assert PlaybookEngine([playbook()], CONF).propose(tried) is None


def test_two_that_fit_alike_with_other_steps_leave_it_open():
    other = playbook(id=2, name="Scale", steps=(Step("scale_up", {}),))
    assert {match.reason for match in rank((playbook(), other), facts(ERRORS), CONF)} == {
        "no clear lead over another playbook with other steps"
    }


def test_a_playbook_for_another_kind_of_target_is_not_even_listed():
    assert rank((playbook(target_kind="StatefulSet"),), facts(ERRORS), CONF) == []


def test_the_live_owner_decides_the_kind_of_target():
    service = {key: value for key, value in ERRORS.items() if key != "deployment"}
    owned = seen(facts(service), "owner", kind="Deployment", namespace="shop", name="web")
    assert rank((playbook(),), facts(service), CONF) == []
    proposal = PlaybookEngine((playbook(),), CONF).propose(owned)
    assert str(proposal.action.target) == "Deployment shop/web"


@pytest.mark.parametrize(
    ("kind", "values", "act", "reason"),
    [
        ("workload", {"managed_by": "Argo CD web"}, "rollback", "rollback cannot work: Git owns it"),
        ("workload", {"hpa": "web"}, "scale_up", "scale up cannot work: an autoscaler sets its replicas"),
        ("dependencies", {"connections_ratio": 0.9}, "scale_up", "scale up cannot work: more replicas could not work"),
        ("dependencies", {"failing": ["data/redis"]}, "restart_workload", "keeps away: the fault is another's"),
    ],
)
def test_what_the_live_system_shows_keeps_a_playbook_from_leading(kind, values, act, reason):
    repair = playbook(steps=(Step(act, {}),))
    assert only(facts(ERRORS), repair).reason == ""
    assert only(seen(facts(ERRORS), kind, **values), repair).reason == reason


def test_the_pod_that_stands_out_is_the_one_that_is_replaced():
    replace_one = playbook(steps=(Step("delete_pod", {}, target_kind="Pod"),), needs=frozenset({"one_pod"}))
    known = seen(facts(ERRORS), "metrics", outlier="web-7d9f8b6c5-x2xkz")
    proposal = PlaybookEngine((replace_one,), CONF).propose(known)
    assert str(proposal.action.target) == "Pod shop/web-7d9f8b6c5-x2xkz"
    assert PlaybookEngine((replace_one,), CONF).propose(facts(ERRORS)) is None


@pytest.mark.parametrize(
    "parameters",
    [{"replicas": "{{ labels.replicas }}"}, {"replicas": "3; rm -rf /"}, {"replicas": -1}, {"command": "kubectl delete ns shop"}],
)
def test_parameters_are_typed_and_never_made_of_text(parameters):
    broken = playbook(steps=(Step("scale_up", parameters),))
    with pytest.raises((Invalid, ValidationError)):
        steps_of(broken, case_of(facts(ERRORS)))
    assert PlaybookEngine((broken,), CONF).propose(facts(ERRORS)) is None


@pytest.fixture
def ask(client, db):
    headers = {"Authorization": f"Bearer {make_token('viewer')}"}

    def post(ref: str):
        return client.post("/api/v1/playbooks/match", {"incident": ref}, content_type="application/json", headers=headers)

    return post


def test_the_api_scores_every_playbook_with_its_explanation(ask):
    incident = make_incident(alert_name="KubePodCrashLooping")
    make_alert(incident)
    decision = make_decision(incident)
    Evidence.objects.create(incident=incident, decision=decision, kind="workload", title="Git", facts={"managed_by": "Flux web"})
    fits = make_playbook(name="Restart", alert_names=["KubePodCrashLooping"])
    undoes = make_playbook(name="Undo", alert_names=["KubePodCrashLooping"], steps=["rollback"])
    make_playbook(name="Draft", alert_names=["KubePodCrashLooping"], status="draft")
    first, second = ask(incident.ref).json()
    assert (first["playbook"], first["leads"], first["similarity"]) == (fits.pk, True, 1.0)
    assert first["explanation"] == "matched: alert names"
    assert first["steps"][0]["command"].startswith("kubectl")
    assert (second["playbook"], second["leads"], second["reason"]) == (undoes.pk, False, "rollback cannot work: Git owns it")


def test_an_incident_that_is_not_there_is_not_matched(ask):
    assert ask("INC-999999").status_code == 404
