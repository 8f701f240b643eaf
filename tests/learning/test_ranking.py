from datetime import UTC, datetime, timedelta

import pytest

from aiops.core.actions import AdjustResources, DeletePod, NotifyOnly, RestartWorkload, Rollback, ScaleUp
from aiops.core.scales import Tier
from aiops.core.targets import Target
from learning.conf import LearningConf
from learning.ranking import History, Record, Trial, anew, recommend, summarise

CONF = LearningConf()
NOW = datetime(2026, 3, 1, tzinfo=UTC)
WEB = Target(kind="Deployment", namespace="shop", name="web")
RESTART, SCALE, ROLLBACK = RestartWorkload(target=WEB), ScaleUp(target=WEB), Rollback(target=WEB)
RESOURCES = AdjustResources(target=WEB)


def runs(action, good, of, *, seconds=60.0, blast=20, tier=Tier.AUTO, newest=NOW):
    """`of` runs of which the newest `good` worked, a minute apart."""
    return [
        Record(action, float(n < good), float(n >= good), seconds, blast, tier, newest - timedelta(minutes=n)) for n in range(of)
    ]


def names(options):
    return [type(option.action) for option in options]


def test_certain_repairs_come_before_frequent_ones():
    found = recommend([*runs(SCALE, 50, 60), *runs(RESTART, 15, 15), *runs(ROLLBACK, 65, 100)], proposed=None, conf=CONF)
    assert (type(found.action), names(found.alternatives)) == (RestartWorkload, [ScaleUp, Rollback])


def test_what_was_shut_is_never_suggested():
    found = recommend(runs(RESTART, 2, 5), proposed=RESTART, conf=CONF)
    assert (found.best, found.alternatives, found.tier) == (None, (), 4)
    assert isinstance(found.action, NotifyOnly)


def test_what_is_on_trial_is_an_alternative_and_marked():
    found = recommend([*runs(RESTART, 5, 5), *runs(SCALE, 2, 2)], proposed=None, conf=CONF)
    [scale] = found.alternatives
    assert (type(found.action), scale.trial) == (RestartWorkload, Trial.ON_TRIAL)


def test_an_untried_proposal_is_on_trial():
    found = recommend(runs(RESTART, 15, 15), proposed=SCALE, conf=CONF)
    assert [(type(o.action), o.trial, o.upper) for o in found.alternatives] == [(ScaleUp, Trial.ON_TRIAL, pytest.approx(0.8))]


@pytest.mark.parametrize(
    ("good", "of", "tier"), [(15, 15, 1), (7, 7, 1), (5, 5, 2), (3, 5, 2), (3, 4, 3), (1, 1, 3), (0, 0, 4), (1, 5, 4)]
)
def test_the_basis_of_a_recommendation(good, of, tier):
    assert recommend(runs(RESTART, good, of), proposed=None, conf=CONF).tier == tier


def test_where_two_people_are_asked_the_sceptical_bound_decides():
    # Hopefully 5 of 5 (U 0.96) is better than 50 of 60 (U 0.86); surely it is not (L 0.76 against 0.78).
    few, many = runs(RESTART, 5, 5), runs(SCALE, 50, 60)
    assert type(recommend([*few, *many], proposed=None, conf=CONF).action) is RestartWorkload
    few, many = runs(RESTART, 5, 5, tier=Tier.DUAL), runs(SCALE, 50, 60, tier=Tier.DUAL)
    assert type(recommend([*few, *many], proposed=None, conf=CONF).action) is ScaleUp


@pytest.mark.parametrize(
    ("one", "other", "proposed", "wins"),
    [
        ({}, {}, SCALE, ScaleUp),
        ({"blast": 30}, {"blast": 20}, None, ScaleUp),
        ({"seconds": 90.0}, {"seconds": 30.0}, None, ScaleUp),
        ({}, {}, None, RestartWorkload),
    ],
)
def test_ties_go_to_the_proposal_then_smaller_blast_then_faster_then_the_name(one, other, proposed, wins):
    records = [*runs(RESTART, 6, 6, **one), *runs(SCALE, 6, 6, **other)]
    assert type(recommend(records, proposed=proposed, conf=CONF).action) is wins


def test_half_successes_count_half():
    half = [Record(RESTART, 0.5, 0.5, 60.0, 20, Tier.AUTO, NOW)] * 6
    found = recommend(half, proposed=RESTART, conf=CONF)
    assert (found.best, found.tier) == (None, 4)


def test_only_the_latest_hundred_runs_of_a_repair_count():
    records = [*runs(RESTART, 0, 100, newest=NOW - timedelta(days=1)), *runs(RESTART, 100, 100)]
    best = recommend(records, proposed=None, conf=CONF).best
    assert (best.successes, best.failures) == (100.0, 0.0)


def test_seconds_are_the_mean_of_the_latest_twenty():
    records = [*runs(RESTART, 20, 20, seconds=30.0), *runs(RESTART, 5, 5, seconds=900.0, newest=NOW - timedelta(days=1))]
    assert recommend(records, proposed=None, conf=CONF).best.average_seconds == 30.0


def test_numbers_and_pod_hashes_do_not_make_another_repair():
    pods = [Target(kind="Pod", namespace="shop", name=f"web-7d9f8b6c5-x2xk{letter}") for letter in "bcdfg"]
    records = [run for pod in pods for run in runs(DeletePod(target=pod), 1, 1)]
    records += [run for replicas in (3, 5) for run in runs(ScaleUp(target=WEB, replicas=replicas), 1, 1)]
    found = recommend(records, proposed=None, conf=CONF)
    assert (found.best.runs, found.alternatives[0].runs) == (5, 2)


def test_numbers_that_were_right_then_are_asked_for_again():
    assert anew(ScaleUp(target=WEB, replicas=9)) == SCALE
    assert anew(Rollback(target=WEB, revision=41, template_hash="abc")) == ROLLBACK
    assert anew(AdjustResources(target=WEB, memory="1Gi")) == RESOURCES
    assert anew(RESTART) == RESTART


@pytest.mark.parametrize(
    ("good", "of", "status"),
    [
        (2, 2, History.INSUFFICIENT),
        (3, 3, History.LEARNING),
        (9, 9, History.LEARNING),
        (7, 10, History.SUFFICIENT),
        (8, 10, History.EXCELLENT),
        (0, 0, History.INSUFFICIENT),
    ],
)
def test_how_much_is_known(good, of, status):
    assert summarise(runs(RESTART, good, of), CONF).status is status


def test_a_summary_names_what_was_tried_and_the_best_of_three_or_more():
    found = summarise([*runs(RESTART, 3, 4), *runs(SCALE, 2, 2)], CONF)
    assert (found.attempts, found.overall_rate) == (6, pytest.approx(5 / 6))
    assert len(found.actions_tried) == 2
    assert type(found.best.action) is RestartWorkload
