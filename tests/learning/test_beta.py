import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.beta import cdf, inverse

parameters = st.floats(0.2, 5000.0)
inside = st.floats(0.0001, 0.9999)


@given(x=inside, a=st.integers(1, 60), b=st.integers(1, 60))
def test_for_whole_parameters_it_is_a_sum_of_binomials(x, a, b):
    n = a + b - 1
    tail = sum(math.comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(a, n + 1))
    assert cdf(x, a, b) == pytest.approx(tail, abs=1e-10)


@given(x=inside, a=parameters)
def test_with_one_parameter_at_one_it_is_a_power(x, a):
    assert cdf(x, a, 1.0) == pytest.approx(x**a, abs=1e-10)
    assert cdf(x, 1.0, a) == pytest.approx(1.0 - (1.0 - x) ** a, abs=1e-10)


@given(x=inside, a=parameters, b=parameters)
def test_both_tails_make_one(x, a, b):
    assert cdf(x, a, b) + cdf(1.0 - x, b, a) == pytest.approx(1.0, abs=1e-10)


@given(x=inside, a=st.floats(0.5, 300.0), b=st.floats(0.5, 300.0))
def test_one_more_success_follows_the_recurrence(x, a, b):
    log_step = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a + 1) - math.lgamma(b)
    assert cdf(x, a + 1, b) == pytest.approx(cdf(x, a, b) - math.exp(log_step), abs=1e-10)


@given(a=parameters, b=parameters, one=st.floats(0, 1), other=st.floats(0, 1))
def test_it_never_falls(a, b, one, other):
    low, high = sorted((one, other))
    assert 0.0 <= cdf(low, a, b) <= cdf(high, a, b) + 1e-12 <= 1.0 + 2e-12


@given(p=st.floats(0.001, 0.999), a=st.floats(1.0, 3000.0), b=st.floats(1.0, 3000.0))
def test_the_inverse_is_the_inverse(p, a, b):
    assert cdf(inverse(p, a, b), a, b) == pytest.approx(p, abs=1e-9)


@given(p=st.floats(1e-9, 1), successes=st.floats(0, 400))
def test_without_failures_the_inverse_is_a_root(p, successes):
    assert inverse(p, 1 + successes, 1.0) == pytest.approx(p ** (1 / (successes + 1)), abs=1e-9)


def test_outside_zero_and_one_it_is_certain():
    assert (cdf(-0.1, 2, 3), cdf(0, 2, 3), cdf(1, 2, 3), cdf(7, 2, 3)) == (0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize("wrong", [lambda: cdf(0.5, 0, 1), lambda: inverse(1.5, 1, 1), lambda: inverse(float("nan"), 1, 1)])
def test_what_does_not_exist_is_refused(wrong):
    with pytest.raises(ValueError):
        wrong()


def test_a_great_deal_of_evidence_still_converges():
    assert inverse(0.2, 90_000.0, 10_000.0) == pytest.approx(0.9, abs=0.002)
