"""Each way in which a verification can lie, in the simulated cluster: the product looks, and is not fooled.

The scenarios `lie-*.yaml` say how a careless check is misled. Beside each act that only seems to help stands the true
cure, which has to be seen as one.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from aiops.core import actions
from aiops.core.scales import Severity
from aiops.core.targets import Target
from aiops.sandbox.clock import EPOCH
from aiops.sandbox.faults.book import Injected, State
from approvals import brakes, policy_in_force, proposals, signatures
from approvals.models import Execution
from bench.simulation import Simulation, healthy_world, simulation
from incidents.models import Alert, Incident
from learning import healing
from learning.scopes import Scope
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
V = Execution.Verdict
HOUR_S = 3600.0


@pytest.fixture(scope="module")
def healthy() -> bytes:
    return healthy_world(seed=1)


@pytest.fixture
def at(healthy: bytes, tmp_path: Path) -> Iterator[Simulation]:
    with simulation(1, tmp_path, healthy=healthy) as running:
        yield running


def until(at: Simulation, condition, *, within_s: float = HOUR_S):
    """Let simulated time pass until `condition` gives something."""
    ends = at.world.clock.elapsed + within_s
    while not (found := condition()):
        assert at.world.clock.elapsed < ends, "not within the time"
        at.tick()
    return found


def broken(at: Simulation, scenario: str, *, day: int = 1) -> tuple[Injected, Incident]:
    """The fault, and the incident that tells of it."""
    at.begin(EPOCH + timedelta(days=day), seed=day)
    injected = at.world.inject(scenario)
    about = Incident.objects.filter(target_name=injected.target.name, opened_at__gte=at.now)
    return injected, until(at, about.order_by("pk").first)


def done(at: Simulation, incident: Incident, injected: Injected, action_class: str, **parameters: object) -> Execution:
    """What two people agree on, carried out and verified."""
    ref = injected.target
    target = Target(kind=ref.kind, namespace=ref.namespace, name=ref.name)
    action = actions.build(action_class, target, **parameters)
    approval = proposals.propose(incident, factories.make_principal("lead"), action=action, reason="let us try")
    for _ in range(approval.required_signatures):
        signatures.sign(approval, factories.make_principal("lead"), digest=approval.digest)
    at.work()
    return until(at, lambda: Execution.objects.filter(approval=approval, verified_at__isnull=False).first(), within_s=2 * HOUR_S)


def fires(incident: Incident) -> bool:
    return incident.alerts.filter(name=incident.alert_name, status=Alert.Status.FIRING).exists()


def told(execution: Execution) -> str:
    return f"{execution.verification_result} {execution.verification_reason}: {execution.verification.get('words')}"


def test_missing_data_is_no_cure(at):
    injected, incident = broken(at, "lie-missing-data")
    execution = done(at, incident, injected, "restart_workload")
    assert not fires(incident), "the lie: the alert is gone"
    assert injected.state is State.ACTIVE
    assert execution.verification_result != V.SUCCESS, told(execution)


def test_an_alert_that_waits_longer_than_the_check_is_waited_for(at):
    injected, incident = broken(at, "lie-long-for")
    execution = done(at, incident, injected, "restart_workload")
    assert injected.state is State.ACTIVE
    assert execution.verification_result != V.SUCCESS, told(execution)


def test_the_pods_of_before_prove_nothing(at):
    injected, incident = broken(at, "lie-old-pods")
    execution = done(at, incident, injected, "restart_workload")
    assert at.world.traffic.services[injected.target].error_ratio == 0, "the lie: all that is served is well"
    assert execution.verification_result == V.FAILED, told(execution)


def test_a_stale_condition_is_not_believed(at):
    injected, incident = broken(at, "lie-stale-condition")
    execution = done(at, incident, injected, "restart_workload")
    assert injected.state is State.ACTIVE
    assert execution.verification_result != V.SUCCESS, told(execution)


def test_a_cure_that_starves_its_neighbours_is_none(at):
    injected, incident = broken(at, "lie-starved-neighbour")
    execution = done(at, incident, injected, "scale_up", replicas=8)
    harmed = next(check for check in execution.verification["checks"] if check["name"] == "Neighbours unharmed")
    assert "checkout" in harmed["detail"]
    assert execution.verification_result != V.SUCCESS, told(execution)


def test_what_heals_by_itself_is_watched_before_anything_earns_by_it(at):
    """Nobody can tell afterwards whether an act or time has cured it, so it is measured where nobody acts."""
    for day in (1, 2):
        injected, incident = broken(at, "lie-heals-meanwhile", day=day)
        until(at, lambda incident=incident: not Incident.objects.live().filter(pk=incident.pk).exists())
        assert injected.state is State.HEALED
    scope = Scope("restart:recommendations-*", incident.environment, incident.namespace, incident.alert_name)
    (held,) = brakes.of_scopes([scope], policy=policy_in_force.now(), at=at.now)
    assert (held.healed_k, held.healed_n) == (2, 2)
    assert healing.watches(2, 2, Severity(incident.severity), settings.AIOPS.learning)


@pytest.mark.parametrize(
    ("scenario", "action_class", "parameters"),
    [
        ("lie-missing-data", "rollback", {}),
        ("lie-long-for", "adjust_resources", {"memory": "1536Mi"}),
        ("lie-old-pods", "rollback", {}),
    ],
)
def test_the_true_cure_is_seen_as_one(at, scenario, action_class, parameters):
    injected, incident = broken(at, scenario)
    execution = done(at, incident, injected, action_class, **parameters)
    assert injected.state is State.CURED
    assert execution.verification_result == V.SUCCESS, told(execution)
    assert execution.verified_at >= at.now - timedelta(seconds=60)
