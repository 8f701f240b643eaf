"""Every scenario keeps its word: alerts come, the true cures cure, nothing else does, and what harms is seen to harm."""

import pickle
from functools import cache

import pytest

from aiops.sandbox.cluster.documents import condition_of
from aiops.sandbox.faults.book import Injected, State
from aiops.sandbox.faults.scenarios import Scenario, scenarios
from aiops.sandbox.world import World
from tests.sandbox.worlds import act, firing, own_alerts, pods_of, until

NAMES = sorted(scenarios())
ENOUGH = {"scale_up": {"replicas": 6}, "adjust_resources": {"memory": "1536Mi"}}
SLOW_TO_ALERT_S = 1800.0


@cache
def healthy() -> bytes:
    return pickle.dumps(World(seed=5, step_s=5.0))


@cache
def broken(name: str) -> bytes:
    """A world in which the scenario's first alert about its own target has just begun to fire."""
    made: World = pickle.loads(healthy())
    injected = made.inject(name)
    until(made, lambda: own_alerts(made, injected), SLOW_TO_ALERT_S)
    return pickle.dumps(made)


@pytest.fixture
def world() -> World:
    return pickle.loads(healthy())


def alerted(name: str) -> tuple[World, Injected]:
    made: World = pickle.loads(broken(name))
    return made, made.faults.injected[0]


def cases(of: str) -> list:
    return [
        pytest.param(one, remedy, id=f"{one.name}-{remedy.action}") for one in scenarios().values() for remedy in getattr(one, of)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_alerts_come_in_the_order_that_is_promised(world, name):
    injected = world.inject(name)
    first: dict[str, float] = {}

    def all_came() -> bool:
        for alert in firing(world):
            first.setdefault(alert.rule, world.clock.elapsed)
        return set(injected.scenario.alerts) <= set(first) or injected.is_over

    until(world, all_came, SLOW_TO_ALERT_S)
    assert [alert for alert in first if alert in injected.scenario.alerts] == list(injected.scenario.alerts)


@pytest.mark.parametrize(("scenario", "cure"), cases("cures"))
def test_true_cure_ends_the_cause_and_the_alerts(scenario, cure):
    world, injected = alerted(scenario.name)
    act(world, injected, cure.action, cure.parameters)
    until(world, lambda: injected.state is not State.ACTIVE, 900)
    if cure.action not in {harm.action for harm in scenario.harms}:
        assert (injected.state, injected.cured_by) == (State.CURED, cure.action)
    until(world, lambda: not own_alerts(world, injected), 900)


@pytest.mark.parametrize(
    ("scenario", "action"),
    [pytest.param(one, action, id=f"{one.name}-{action}") for one in scenarios().values() for action in one.useless],
)
def test_useless_act_leaves_the_cause(scenario: Scenario, action):
    world, injected = alerted(scenario.name)
    act(world, injected, action, ENOUGH.get(action, {}))
    world.advance(240)
    assert injected.cured_by is None
    assert injected.state is (State.HEALED if scenario.heals_itself and injected.is_over else State.ACTIVE)


@pytest.mark.parametrize(
    ("scenario", "action"),
    [pytest.param(one, action, id=f"{one.name}-{action}") for one in scenarios().values() for action in one.relieves],
)
def test_relief_lasts_a_while_and_the_trouble_comes_back(scenario: Scenario, action):
    world, injected = alerted(scenario.name)
    act(world, injected, action, {})
    until(world, lambda: not own_alerts(world, injected), 900)
    assert injected.state is State.ACTIVE
    until(world, lambda: own_alerts(world, injected), SLOW_TO_ALERT_S)


@pytest.mark.parametrize(("scenario", "harm"), cases("harms"))
def test_harm_is_seen_as_harm(scenario, harm):
    world, injected = alerted(scenario.name)
    act(world, injected, harm.action, harm.parameters)
    until(world, lambda: injected.state is State.WORSE, 600)
    assert injected.harmed_by is harm.action


@pytest.mark.parametrize("name", [one.name for one in scenarios().values() if one.heals_itself])
def test_what_heals_by_itself_is_nobodys_merit(name):
    world, injected = alerted(name)
    until(world, lambda: injected.is_over, 7200)
    assert (injected.state, injected.cured_by) == (State.HEALED, None)
    until(world, lambda: not own_alerts(world, injected), 900)


@pytest.mark.parametrize("name", sorted({one.sort: one.name for one in scenarios().values()}.values()))
def test_reset_makes_everything_healthy(name):
    world, _ = alerted(name)
    world.reset()
    assert world.is_quiet
    assert [alert.rule for alert in firing(world)] == []


# the lies


def test_missing_data_clears_the_alert_while_the_cause_stays():
    world, injected = alerted("lie-missing-data")
    act(world, injected, "restart_workload", {})
    until(world, lambda: not own_alerts(world, injected), 600)
    assert injected.state is State.ACTIVE
    assert world.traffic.services[injected.target].error_ratio > 0.3
    assert not [
        one
        for one in world.monitoring.samples.named("http_requests_total")
        if one.label_map.get("deployment") == "search" and not one.is_stale
    ]


def test_long_for_hides_a_leak_for_a_quarter_of_an_hour():
    world, injected = alerted("lie-long-for")
    act(world, injected, "restart_workload", {})
    until(world, lambda: not own_alerts(world, injected), 300)
    world.advance(840)
    assert not own_alerts(world, injected)
    assert injected.state is State.ACTIVE
    until(world, lambda: own_alerts(world, injected), 900)


def test_old_pods_keep_every_metric_healthy_while_nothing_new_starts():
    world, injected = alerted("lie-old-pods")
    world.advance(60)
    service = world.traffic.services[injected.target]
    assert service.error_ratio == 0
    deployment = injected.place.workload()
    assert deployment["status"].get("updatedReplicas", 0) == 1
    assert deployment["status"]["availableReplicas"] == 3


def test_stale_condition_says_done_for_a_change_that_nobody_has_looked_at():
    world, injected = alerted("lie-stale-condition")

    def progressing() -> str:
        return condition_of(injected.place.workload(), "Progressing")["reason"]

    until(world, lambda: progressing() == "NewReplicaSetAvailable", 900)
    act(world, injected, "rollback", {})
    world.advance(30)
    deployment = injected.place.workload()
    assert progressing() == "NewReplicaSetAvailable"
    assert deployment["status"]["observedGeneration"] < deployment["metadata"]["generation"]
    until(world, lambda: injected.state is State.CURED, 900)


def test_cure_of_the_queue_starves_the_neighbours():
    world, injected = alerted("lie-starved-neighbour")
    act(world, injected, "scale_up", {"replicas": 8})
    until(world, lambda: not own_alerts(world, injected), 900)
    hurt = {alert.labels.get("deployment") for alert in firing(world)}
    assert {"checkout", "ledger"} <= hurt
    assert injected.state is State.WORSE


def test_a_budget_keeps_a_sick_node_from_being_emptied():
    world, injected = alerted("node-blocked")
    act(world, injected, "cordon_drain_node", {})
    world.advance(300)
    assert injected.state is State.ACTIVE
    assert pods_of(world, "data", "orders-db")[0]["spec"]["nodeName"] == "worker-4"


def test_same_seed_gives_the_same_story():
    def story() -> list[str]:
        world = World(seed=11, step_s=5.0)
        world.inject("hung-pod")
        world.advance(300)
        return [f"{one['alerts'][0]['labels'].get('deployment')} {one['alerts'][0]['startsAt']}" for one in world.notifications()]

    assert story() == story()


def test_kept_world_goes_on_where_it_stopped():
    world, injected = alerted("bad-deploy")
    again: World = pickle.loads(pickle.dumps(world))
    act(again, again.faults.injected[0], "rollback", {})
    until(again, lambda: again.faults.injected[0].state is State.CURED, 600)
    assert injected.state is State.ACTIVE
