from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.calibration import RedLine, Sample, autonomy_rate, bins, measure
from learning.conf import LearningConf

CONF = LearningConf()
samples = st.lists(st.builds(Sample, st.floats(0, 1), st.uuids(), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=60)


@given(samples)
def test_figures_stay_on_their_scales(found):
    figures = measure(found)
    assert 0 <= figures.ece <= 1
    assert 0 <= figures.sli <= 1
    assert abs(figures.overconfidence) <= figures.ece + 1e-9  # the bins' gaps cannot cancel
    assert figures.brier_constant <= 0.25 + 1e-9


@given(samples)
def test_bins_hold_everything_once_and_differ_by_one(found):
    made = bins(found)
    assert sum(map(len, made)) == len(found)
    assert len(made) == min(5, len(found))
    assert [len(b) for b in made] == sorted((len(b) for b in made), reverse=True)
    assert max(map(len, made)) - min(map(len, made)) <= 1


def test_equal_predictions_are_put_in_order_by_execution():
    ordered = [Sample(0.5, UUID(int=n), 1.0) for n in range(5)]
    assert [b[0] for b in bins(list(reversed(ordered)))] == ordered


def test_no_samples_no_figures():
    assert measure([]) is None


def test_a_hundred_samples_are_judged_and_too_much_confidence_is_told():
    sure = [Sample(0.9, uuid4(), float(n % 5 > 0)) for n in range(100)]
    figures = measure(sure)
    assert figures.is_judged(CONF)
    assert figures.overconfidence == pytest.approx(0.1)
    assert figures.is_overconfident(CONF)
    assert not measure(sure[:99]).is_overconfident(CONF)


@pytest.mark.parametrize(("limit", "crossed", "critical"), [(0.10, 11, 13), (0.15, 16, 18)])
def test_red_lines_of_a_hundred(limit, crossed, critical):
    assert [RedLine(k, 100, limit).is_crossed for k in (crossed - 1, crossed)] == [False, True]
    assert [RedLine(k, 100, limit).is_critical(0.80) for k in (critical - 1, critical)] == [False, True]


def test_a_red_line_needs_twenty_samples():
    assert not RedLine(19, 19, 0.1).is_crossed
    assert RedLine(20, 20, 0.1).is_crossed


def test_the_autonomy_rate_is_of_those_that_were_allowed():
    assert (autonomy_rate(19, 20), autonomy_rate(0, 0)) == (0.95, None)
