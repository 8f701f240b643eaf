"""The worked examples of the trust model: numbers that were computed by hand and by another program."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from aiops.core.scales import Tier
from learning import calibration, healing
from learning.calibration import Sample
from learning.conf import LearningConf
from learning.evidence import RUNS, Evidence, Posterior, age
from learning.judgement import Brakes, Row, has_left_shadow, judge
from learning.playbook_record import trust_after
from learning.ranking import Trial, trial
from learning.scopes import Scope

CONF = LearningConf()
BOLD = LearningConf(need_human=0.75)
STRICT = LearningConf(sure=0.95)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SCOPE = Scope("restart:web-*", "production", "shop", "HighMemory")


def approx(number):
    return pytest.approx(number, abs=5e-5)


def day(number):
    return NOON + timedelta(days=number)


def standing(evidence, *, tier=Tier.HUMAN, days=9, people=2, at=None, conf=CONF):
    row = Row(evidence, verified_days=days, people=people)
    return judge(row, [], tier, Brakes(), scope=SCOPE, conf=conf, at=at or evidence.at or NOON)


def proven(s, f):
    """Evidence without age and with a full score, so that only the bound decides."""
    return Evidence(s, f, NOON, 10)


@pytest.mark.parametrize(
    ("s", "f", "mean", "lower", "upper", "at_60", "at_80", "at_90"),
    [
        (0, 0, 0.5000, 0.2000, 0.8000, 0.6000, 0.8000, 0.9000),
        (0, 1, 0.3333, 0.1056, 0.5528, 0.8400, 0.9600, 0.9900),
        (1, 2, 0.4000, 0.2123, 0.5825, 0.8208, 0.9728, 0.9963),
        (2, 2, 0.5000, 0.3266, 0.6734, 0.6826, 0.9421, 0.9914),
        (5, 0, 0.8571, 0.7647, 0.9635, 0.0467, 0.2621, 0.5314),
        (6, 0, 0.8750, 0.7946, 0.9686, 0.0280, 0.2097, 0.4783),
        (7, 0, 0.8889, 0.8178, 0.9725, 0.0168, 0.1678, 0.4305),
        (12.5, 2.5, 0.7941, 0.7162, 0.8781, 0.0362, 0.4763, 0.8757),
        (14, 0, 0.9375, 0.8983, 0.9852, 0.0005, 0.0352, 0.2059),
        (14, 1, 0.8824, 0.8242, 0.9482, 0.0033, 0.1407, 0.5147),
        (15, 0, 0.9412, 0.9043, 0.9862, 0.0003, 0.0281, 0.1853),
        (20, 2, 0.8750, 0.8230, 0.9325, 0.0010, 0.1332, 0.5920),
        (48, 12, 0.7903, 0.7479, 0.8345, 0.0006, 0.5509, 0.9934),
    ],
)
def test_posterior(s, f, mean, lower, upper, at_60, at_80, at_90):
    posterior = Evidence(s, f, NOON).posterior
    assert posterior.mean == approx(mean)
    assert (posterior.lower(0.80), posterior.upper(0.80)) == (approx(lower), approx(upper))
    assert [posterior.below(p) for p in (0.60, 0.80, 0.90)] == [approx(at_60), approx(at_80), approx(at_90)]


def test_the_bound_at_95_percent():
    assert Evidence(14, 0, NOON).posterior.lower(0.95) == approx(0.8190)


@pytest.mark.parametrize(("s", "f", "step"), [(0, 0, 0), (0, 1, 1), (1, 2, 1), (2, 2, 0)])
def test_a_low_tier_asks_once_it_surely_does_not_work(s, f, step):
    assert standing(proven(s, f), tier=Tier.AUTO).step == step


@pytest.mark.parametrize(
    ("s", "f", "step"),
    [(0, 0, 0), (5, 0, 0), (6, 0, 0), (7, 0, -1), (12.5, 2.5, 0), (14, 0, -1), (14, 1, -1), (20, 2, -1), (48, 12, 0)],
)
def test_a_medium_tier_runs_alone_once_it_surely_works(s, f, step):
    assert standing(proven(s, f)).step == step


@pytest.mark.parametrize(("s", "f", "step"), [(14, 0, 0), (15, 0, -1), (20, 2, 0)])
def test_a_high_tier_needs_one_signature_with_more_evidence(s, f, step):
    assert standing(proven(s, f), tier=Tier.DUAL).step == step


@pytest.mark.parametrize(("conf", "flawless"), [(STRICT, 13), (CONF, 7), (BOLD, 5)])
def test_profiles_ask_for_so_many_flawless_runs(conf, flawless):
    assert standing(proven(flawless - 1, 0), conf=conf).step == 0
    assert standing(proven(flawless, 0), conf=conf).step == -1


def test_evidence_ages_by_half_in_ninety_days():
    assert [age(d, 90) for d in (1, 7, 30, 90, 180)] == [approx(a) for a in (0.9923, 0.9475, 0.7937, 0.5000, 0.2500)]


def test_one_rows_ledger():
    row, days, told = Evidence(), 0, []
    for number, result in enumerate(["success"] * 8 + ["failed", "success"]):
        row = row.after(RUNS[result], day(number), half_life_days=90)
        days += result == "success"
        stands = standing(row, days=days, people=min(days, 2))
        told.append((row.successes, row.failures, row.score, stands.bound, stands.step))
    for number, s, f, score, bound, step in [
        (2, 2.9770, 0, 3, 0.6672, 0),
        (4, 4.9239, 0, 5, 0.7621, 0),
        (6, 6.8409, 0, 7, 0.8144, -1),
        (7, 7.7884, 0, 8, 0.8327, -1),
        (8, 7.7287, 1.0000, 2, 0.7222, 0),
        (9, 8.6694, 0.9923, 3, 0.7451, 0),
    ]:
        assert told[number] == (approx(s), approx(f), score, approx(bound), step), f"day {number}"


def test_one_rows_ledger_says_what_is_missing():
    fifth = Evidence(4.9239, 0, day(4), 5)
    assert standing(fifth).first_unmet.code == "trust_bound"
    failed = Evidence(7.7287, 1.0, day(8), 2)
    assert standing(failed).first_unmet.code == "trust_score"


def test_a_proven_row_comes_back_after_one_success_and_later_after_five():
    row, told = Evidence(), {}
    results = ["success"] * 30 + ["failed", "success", "success", "failed"] + ["success"] * 5
    for number, result in enumerate(results):
        row = row.after(RUNS[result], day(number), half_life_days=90)
        stands = standing(row)
        told[number] = (row.successes, row.failures, row.score, stands.bound, stands.step)
    assert told[29][0] == approx(26.8897)
    assert told[29][2:4] == (10, approx(0.9439))
    assert told[30][1:] == (approx(1.0), 4, approx(0.8992), 0)
    assert told[31][2:] == (5, approx(0.9021), -1)
    assert told[33][2] == 0
    assert [told[n][4] for n in (34, 35, 36, 37)] == [0, 0, 0, 0]
    assert told[38][2:] == (5, approx(0.8844), -1)


def test_a_row_left_alone_loses_its_step_between_90_and_120_days():
    row = proven(20, 1)
    bounds = {d: standing(row, at=day(d)) for d in (30, 60, 90, 120)}
    assert [stands.bound for stands in bounds.values()] == [approx(b) for b in (0.8542, 0.8355, 0.8135, 0.7877)]
    assert [stands.step for stands in bounds.values()] == [-1, -1, -1, 0]


def test_fourteen_successes_every_second_day_are_the_88_percent_of_the_sentence():
    row = Evidence()
    for number in range(14):
        row = row.after(RUNS["success"], day(2 * number), half_life_days=90)
    assert (row.successes, row.posterior.lower(0.80)) == (approx(12.6906), approx(0.8891))


def test_a_late_event_is_aged_to_the_row():
    row = Evidence(4, 0, day(10), 4).after(RUNS["success"], day(4), half_life_days=90)
    assert (row.successes, row.at) == (approx(4.9548), day(10))


@pytest.mark.parametrize(
    ("k", "n", "share", "watched"),
    [(0, 0, 0.2000, False), (1, 1, 0.3333, False), (2, 2, 0.4286, True), (3, 5, 0.4000, True), (8, 20, 0.3600, False)],
)
def test_healed_share(k, n, share, watched):
    assert healing.healed(k, n) == approx(share)
    assert (healing.healed(k, n) >= CONF.healed_watch - 1e-9) is watched


@pytest.mark.parametrize(
    ("agreed", "disagreed", "below", "leaves"),
    [(10, 0, 0.0859, True), (11, 1, 0.2336, False), (12, 1, 0.1979, True), (17, 2, 0.2061, False)],
)
def test_shadow_mode(agreed, disagreed, below, leaves):
    assert Posterior(1 + agreed, 1 + disagreed).below(0.80) == approx(below)
    assert has_left_shadow(agreed, disagreed, CONF) is leaves


@pytest.mark.parametrize(
    ("s", "n", "upper"), [(15, 15, 0.9862), (50, 60, 0.8641), (0, 0, 0.8000), (130, 200, 0.6769), (3, 5, 0.7314)]
)
def test_the_hopeful_bound(s, n, upper):
    assert Posterior(1 + s, 1 + n - s).upper(0.80) == approx(upper)


@pytest.mark.parametrize(
    ("s", "n", "is_"), [(2, 5, Trial.SHUT), (3, 5, Trial.PROVEN), (4, 4, Trial.ON_TRIAL), (0, 0, Trial.ON_TRIAL)]
)
def test_proven_shut_and_on_trial(s, n, is_):
    assert trial(s, n - s, CONF) is is_


def test_playbook_trust_falls_twice_as_fast_as_it_rises():
    trust, told = 0.50, []
    for result in "SSSSSFSFFF":
        trust = trust_after(trust, RUNS["success" if result == "S" else "failed"], CONF)
        told.append(trust)
    assert told == [approx(t) for t in (0.5500, 0.5950, 0.6355, 0.6720, 0.7048, 0.5638, 0.6074, 0.4859, 0.3888, 0.3110)]


@pytest.mark.parametrize(("start", "failures"), [(0.90, 7), (0.50, 5)])
def test_playbook_trust_alarms_after_so_many_failures_in_a_row(start, failures):
    trust = start
    for _ in range(failures - 1):
        trust = trust_after(trust, RUNS["failed"], CONF)
    assert trust >= 0.20
    assert trust_after(trust, RUNS["failed"], CONF) < 0.20


@pytest.mark.parametrize(("rate", "value"), [(0.9, 0.82), (0.8, 0.67), (1 / 3, 0.20)])
def test_playbook_trust_settles_at_p_over_two_minus_p(rate, value):
    settled = rate / (2 - rate)
    gain = rate * (trust_after(settled, RUNS["success"], CONF) - settled)
    loss = (1 - rate) * (settled - trust_after(settled, RUNS["failed"], CONF))
    assert (settled, gain) == (pytest.approx(value, abs=0.005), pytest.approx(loss))


def test_calibration_arithmetic():
    predicted = [0.55, 0.60, 0.70, 0.75, 0.80, 0.85, 0.88, 0.90, 0.95, 0.97]
    happened = [0, 1, 1, 1, 0, 1, 1, 1, 1, 0.5]
    figures = calibration.measure([Sample(p, uuid4(), y) for p, y in zip(predicted, happened, strict=True)])
    assert figures is not None
    assert (figures.ece, figures.sli) == (approx(0.1990), approx(0.6020))
    assert (figures.brier, figures.brier_constant, figures.overconfidence) == (approx(0.1525), approx(0.1625), approx(0.0450))
    assert not figures.is_judged(CONF)


def test_a_bound_exactly_at_its_limit_passes():
    # CDF(x; S + 1, 1) = x ** (S + 1) is 0.20 at this S, up to rounding.
    exactly = LearningConf(need_human=0.20 ** (1 / 8))
    assert standing(proven(7, 0), conf=exactly).step == -1
