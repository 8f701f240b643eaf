"""Everything that the sandbox can break: from the alert through a look at the live cluster to what is proposed.

The cluster, its Prometheus and its alerts are the sandbox's own; only the wire is left out. What is right says the scenario.
"""

import pytest
from django.core.management import call_command

from aiops.core.actions import HARMLESS, ActionClass
from aiops.core.clusters import Cluster
from aiops.sandbox.faults.scenarios import Scenario, scenarios
from aiops.sandbox.telemetry.rules import Alert
from aiops.sandbox.world import World
from incidents import analysis, evidence
from incidents.evidence import look, patient_of
from incidents.models import Decision, Incident
from tests.incidents import live
from tests.incidents.senders import ByToken
from tests.sandbox.worlds import firing, own_alerts

# What has a cure that nobody should take without a person: a store that hangs, and workers whose database is full.
PEOPLE = frozenset({"dependency-down", "lie-starved-neighbour"})
CASES = [pytest.param(one, alert, id=f"{one.name}-{alert}") for one in scenarios().values() for alert in one.alerts]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _console(settings, tmp_path):
    settings.CLUSTERS = (Cluster(name="sandbox", environment="production", kubeconfig=tmp_path / "unused", shadow=False),)
    call_command("playbooks", "import", verbosity=0)


def decided(world: World, alerts: list[Alert]) -> list[Decision]:
    """Post them as Alertmanager does, look at that world, and decide."""
    assert ByToken("alertmanager")(live.webhook(world, alerts)).status_code == 200
    found = []
    for decision in Decision.objects.filter(state=Decision.State.INIT):
        analysis.decide(decision.pk, collect=lambda decision, _: look_at(world, decision))
        decision.refresh_from_db()
        found.append(decision)
    return found


def look_at(world: World, decision: Decision):
    conf = evidence.settings.AIOPS.incidents
    return look(patient_of(decision.incident), live.sources(world), now=world.clock.now(), within_s=30, conf=conf)


def is_of(scenario: Scenario, incident: Incident) -> bool:
    """A run of a CronJob is named after it."""
    place, name = scenario.workload.namespace, scenario.workload.name
    return incident.namespace == place and (incident.target_name == name or incident.target_name.startswith(f"{name}-"))


@pytest.mark.parametrize(("scenario", "rule"), CASES)
def test_the_cure_is_proposed_for_what_is_broken_and_nothing_for_its_victims(scenario: Scenario, rule: str):
    world = live.broken(scenario.name, rule)
    cures = {cure.action for cure in scenario.cures} if scenario.name not in PEOPLE else set()
    is_first = rule == scenario.alerts[0]  # later on it is the alert itself that matters; its victims fire as before
    for decision in decided(world, firing(world) if is_first else own_alerts(world, world.faults.injected[0])):
        action = decision.proposal.action
        if action.action_class in HARMLESS:
            assert not (cures and is_of(scenario, decision.incident)), f"nobody cures {scenario.workload}"
            continue
        assert is_of(scenario, decision.incident), f"{action.action_class} of {action.target} for somebody else's fault"
        assert action.action_class in cures
        place = scenario.workload.name
        assert action.target.namespace == (scenario.workload.namespace or None)
        assert action.target.name == place or action.target.name.startswith(f"{place}-")
        assert action.action_class is not ActionClass.DELETE_POD or action.target.kind == "Pod"
