from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from learning.conf import LearningConf
from learning.evidence import RUNS, Evidence, Hindsight, Worth, age, fold, worth

CONF = LearningConf()
START = datetime(2026, 1, 1, tzinfo=UTC)
RUN_RESULTS = st.sampled_from(sorted(RUNS))
hours = st.integers(0, 24 * 400)
worths = st.builds(Worth, st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([-6, -2, 0, 1]))


def at(hour):
    return START + timedelta(hours=hour)


def row_of(events):
    row = Evidence()
    for hour, moved in events:
        row = row.after(moved, at(hour), half_life_days=90)
    return row


@given(st.lists(st.tuples(hours, worths), min_size=1, max_size=15), st.randoms())
def test_late_events_come_to_the_same_evidence_as_punctual_ones(events, random):
    shuffled = list(events)
    random.shuffle(shuffled)
    one, other = row_of(sorted(events, key=lambda event: event[0])), row_of(shuffled)
    assert one.at == other.at
    assert (one.successes, one.failures) == pytest.approx((other.successes, other.failures), abs=1e-9)


@given(st.lists(st.tuples(hours, worths), min_size=1, max_size=15))
def test_the_row_is_the_sum_of_its_aged_events(events):
    row = row_of(events)
    expected = sum(moved.ds * age((row.at - at(hour)) / timedelta(days=1), 90) for hour, moved in events)
    assert row.successes == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(hours, worths), max_size=10), st.integers(0, 400))
def test_aging_in_two_steps_is_aging_in_one(events, days):
    row = row_of(events)
    assume(row.at is not None)
    half = row.aged(row.at + timedelta(days=days / 2), 90).aged(row.at + timedelta(days=days), 90)
    whole = row.aged(row.at + timedelta(days=days), 90)
    assert half.successes == pytest.approx(whole.successes, abs=1e-9)


@given(st.lists(st.tuples(hours, st.builds(Worth, st.floats(-3, 3), st.floats(-3, 3), st.integers(-12, 12))), max_size=20))
def test_nothing_leaves_its_scale(events):
    row = Evidence()
    for hour, moved in events:
        row = row.after(moved, at(hour), half_life_days=90)
        assert row.successes >= 0
        assert row.failures >= 0
        assert 0 <= row.score <= 10


def test_an_event_in_the_future_has_not_aged():
    row = row_of([(48, RUNS["success"])])
    assert row.aged(at(0), 90).successes == 1.0


def test_the_first_event_sets_the_time_of_the_row():
    assert row_of([(5, RUNS["success"])]) == Evidence(1.0, 0.0, at(5), 1)


@given(RUN_RESULTS, st.lists(st.integers(1, 5), max_size=4), st.booleans(), st.booleans(), st.booleans())
def test_a_run_never_weighs_more_than_one(result, ratings, is_wrong, recurred, undone):
    counts = worth(result, Hindsight(ratings, is_wrong, recurred, undone), CONF)
    assert counts.ds + counts.df == RUNS[result].ds + RUNS[result].df <= 1.0
    assert counts.ds >= 0
    assert counts.df >= 0


@pytest.mark.parametrize(
    ("result", "hindsight", "moves"),
    [
        ("success", Hindsight([2]), Worth(-0.5, 0.5, -2)),
        ("success", Hindsight([1]), Worth(-0.5, 0.5, -2)),
        ("degraded", Hindsight([2]), Worth(-0.5, 0.5, -2)),
        ("failed", Hindsight([1]), Worth()),
        ("unverifiable", Hindsight([1]), Worth()),
        ("success", Hindsight([5]), Worth()),
        ("success", Hindsight([3]), Worth()),
        ("degraded", Hindsight([4]), Worth(0.5, -0.5, 1)),
        ("timeout", Hindsight([5]), Worth()),
        ("failed", Hindsight([5]), Worth()),
        ("success", Hindsight(is_wrong=True), Worth(-1.0, 1.0, -6)),
        ("success", Hindsight(recurred=True), Worth(-1.0, 1.0, -6)),
        ("success", Hindsight(is_wrong=True, recurred=True), Worth(-1.0, 1.0, -6)),
        ("degraded", Hindsight(recurred=True), Worth()),
        ("failed", Hindsight(is_wrong=True), Worth()),
        ("success", Hindsight(undone=True), Worth(-1.0, 1.0, -6)),
        ("degraded", Hindsight(undone=True), Worth(-0.5, 0.5, -6)),
        ("failed", Hindsight(undone=True), Worth()),
        ("degraded", Hindsight([5], recurred=True), Worth(-0.5, 0.5, -5)),
    ],
)
def test_what_becomes_known_moves(result, hindsight, moves):
    assert worth(result, hindsight, CONF) - RUNS[result] == moves


@dataclass
class Line:
    at: datetime
    ds: float = 0.0
    df: float = 0.0
    dscore: int = 0
    execution: UUID | None = field(default_factory=uuid4)
    decision: int | None = None
    signers: tuple[str, ...] = ()
    agrees: bool | None = None


def test_days_and_people_are_those_of_successes():
    first, second, failed = (
        Line(at(1), 1.0, 0.0, 1, signers=("ana",)),
        Line(at(2), 1.0, 0.0, 1, signers=("ana", "ben")),
        Line(at(90), 0.0, 1.0, -6, signers=("cleo",)),
    )
    folded = fold([first, second, failed], half_life_days=90)
    assert (folded.verified_days, folded.people) == (1, 2)


def test_a_run_that_turned_out_a_failure_loses_its_day_and_its_signer():
    run = Line(at(1), 1.0, 0.0, 1, signers=("ana",))
    wrong = Line(at(1), -1.0, 1.0, -6, execution=run.execution, signers=("ana",))
    folded = fold([run, wrong], half_life_days=90)
    assert (folded.verified_days, folded.people, folded.evidence.successes, folded.evidence.failures) == (0, 0, 0.0, 1.0)


def test_days_are_days_of_utc():
    late = datetime(2026, 1, 2, 0, 30, tzinfo=UTC)
    elsewhere = late.astimezone(timezone(timedelta(hours=-5)))
    assert (
        fold([Line(late, 1.0), Line(elsewhere, 1.0), Line(late - timedelta(hours=1), 1.0)], half_life_days=90).verified_days == 2
    )


def test_a_proposal_that_got_both_answers_counts_as_disagreed():
    said = [
        Line(at(1), execution=None, decision=1, agrees=True),
        Line(at(2), execution=None, decision=1, agrees=False),
        Line(at(3), execution=None, decision=2, agrees=True),
        Line(at(4), execution=None, decision=2, agrees=True),
        Line(at(5), execution=None, decision=3, agrees=None),
    ]
    folded = fold(said, half_life_days=90)
    assert (folded.agreed, folded.disagreed) == (1, 1)


def test_a_shorter_half_life_forgets_faster():
    lines = [Line(at(0), 1.0), Line(at(24 * 90), 1.0)]
    assert fold(lines, half_life_days=45).evidence.successes == pytest.approx(1.25)
    assert fold(lines, half_life_days=90).evidence.successes == pytest.approx(1.5)
