from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.core.scales import DataImpact, Tier
from approvals.blast_radius import measure
from approvals.conf import ApprovalsConf
from approvals.plans import Surroundings

CONF = ApprovalsConf()
ROLLING = Surroundings(pods_affected=6, pods_total=6, rolling=True, replicas_left=5, pdb_allows=1, criticality=1)

surroundings = st.builds(
    Surroundings,
    pods_affected=st.integers(0, 50),
    pods_total=st.integers(1, 50),
    rolling=st.booleans(),
    replicas_left=st.integers(0, 20),
    pdb_allows=st.none() | st.integers(0, 3),
    downtime_s=st.floats(0, 600),
    criticality=st.none() | st.integers(1, 3),
    dependants=st.lists(st.sampled_from(["cart", "orders", "storefront", "search", "mail"]), max_size=5, unique=True).map(tuple),
    burn_rate=st.none() | st.floats(0, 20),
)


def score(around, environment="production", data=DataImpact.NONE):
    return measure(around, environment=environment, data=data, conf=CONF).score


def test_a_rolling_restart_of_a_critical_service_in_production():
    around = replace(ROLLING, dependants=("storefront", "cart"), burn_rate=6.2)
    result = measure(around, environment="production", data=DataImpact.NONE, conf=CONF)
    points = {factor.code: factor.points for factor in result.factors}
    assert points == {
        "pods": 10, "replicas_left": 0, "environment": 10, "criticality": 14, "data": 0, "dependants": 8, "downtime": 0,
        "burn": 16, "pdb": 0,
    }  # fmt: skip
    assert (result.score, result.tier) == (58, Tier.HUMAN)


@pytest.mark.parametrize(
    ("changed", "points"),
    [
        ({"replicas_left": 0}, 20), ({"replicas_left": 1}, 10), ({"replicas_left": 2}, 5), ({"replicas_left": 3}, 0),
        ({"burn_rate": 0.9}, 0), ({"burn_rate": 1.0}, 4), ({"burn_rate": 2.0}, 8), ({"burn_rate": 6.0}, 16),
        ({"downtime_s": 1}, 3), ({"downtime_s": 30}, 3), ({"downtime_s": 31}, 6), ({"downtime_s": 999}, 12),
        ({"dependants": ("a",)}, 4), ({"dependants": ("a", "b", "c", "d", "e")}, 12), ({"pdb_allows": 0}, 25),
        ({"criticality": 1}, 14), ({"criticality": 2}, 7), ({"criticality": 3}, 0),
    ],
)  # fmt: skip
def test_each_circumstance_adds_its_points(changed, points):
    plain = Surroundings(pods_affected=0, pods_total=6, replicas_left=6, criticality=3)
    assert score(replace(plain, **changed)) - score(plain) == points


def test_data_impact_adds_up_to_destructive():
    plain = Surroundings(pods_affected=0, pods_total=6, replicas_left=6, criticality=3)
    assert [score(plain, "staging", data) for data in DataImpact] == [3, 6, 18, 63]


def test_an_unclassified_service_weighs_in_production_only():
    plain = Surroundings(pods_affected=0, pods_total=6, replicas_left=6)
    assert (score(plain, "production"), score(plain, "staging"), score(plain, "development")) == (17, 3, 0)


def test_what_cannot_be_read_about_the_target_asks_a_person():
    around = Surroundings(pods_affected=0, pods_total=1, replicas_left=5, criticality=3, unread=("pods",))
    assert measure(around, environment="development", data=DataImpact.NONE, conf=CONF).tier is Tier.HUMAN


def test_a_missing_metric_alone_adds_nothing_and_is_named():
    result = measure(replace(ROLLING, burn_rate=None), environment="production", data=DataImpact.NONE, conf=CONF)
    burn = next(factor for factor in result.factors if factor.code == "burn")
    assert (burn.points, burn.unknown, burn.detail) == (0, True, "not measured")


@given(surroundings, st.sampled_from(["production", "staging", "development"]), st.sampled_from(list(DataImpact)))
def test_the_same_facts_give_the_same_score_between_0_and_100(around, environment, data):
    first = measure(around, environment=environment, data=data, conf=CONF)
    assert first == measure(around, environment=environment, data=data, conf=CONF)
    assert 0 <= first.score <= 100
    assert first.score == min(100, sum(factor.points for factor in first.factors))
    assert all(0 <= factor.points <= factor.most for factor in first.factors)


@given(surroundings, st.integers(0, 50))
def test_more_pods_affected_never_lower_it(around, more):
    wider = replace(around, pods_affected=(around.pods_affected or 0) + more)
    assert score(wider) >= score(around)


@given(surroundings, st.integers(0, 20))
def test_fewer_replicas_left_never_lower_it(around, fewer):
    thinner = replace(around, replicas_left=max(0, (around.replicas_left or 0) - fewer))
    assert score(thinner) >= score(around)
