from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from aiops.core.errors import Conflict, Invalid
from learning import hindsight
from learning.models import TrustEvent, TrustRecord
from tests.factories import make_playbook, record_outcome

pytestmark = pytest.mark.django_db


def rate(outcome, score, actor="ana"):
    return hindsight.rate(outcome.execution, score=score, actor=actor, at=timezone.now())


def review(outcome, *, right, actor="cleo"):
    return hindsight.review(outcome.execution, right=right, actor=actor, at=timezone.now())


def row():
    record = TrustRecord.objects.get()
    return record.successes, record.failures, record.score


def moved(event):
    return event.ds, event.df, event.dscore


def test_a_bad_rating_makes_half_of_a_success():
    outcome = record_outcome()
    event = rate(outcome, 2)
    assert moved(event) == (-0.5, 0.5, -2)
    assert (event.kind, event.at, event.execution, event.actor) == ("rating", outcome.at, outcome.execution, "ana")
    assert row() == (0.5, 0.5, 0)


def test_the_correction_carries_the_runs_time_so_an_old_run_moves_little():
    record_outcome(at=timezone.now())
    old = record_outcome(at=timezone.now() - timedelta(days=90))
    rate(old, 1)
    successes, failures, _ = row()
    assert (successes, failures) == (pytest.approx(1.25, abs=1e-3), pytest.approx(0.25, abs=1e-3))


def test_a_good_rating_of_a_success_moves_nothing_and_writes_nothing():
    outcome = record_outcome()
    assert rate(outcome, 5) is None
    assert TrustEvent.objects.count() == 1


def test_a_good_rating_makes_a_degraded_run_a_success():
    outcome = record_outcome("degraded")
    assert moved(rate(outcome, 4)) == (0.5, -0.5, 1)
    assert TrustRecord.objects.get().verified_days == 1


def test_a_changed_rating_takes_back_what_the_first_one_moved():
    outcome = record_outcome()
    rate(outcome, 1)
    assert moved(rate(outcome, 5)) == (0.5, -0.5, 2)
    assert row()[:2] == (1.0, 0.0)
    assert [event.revision for event in TrustEvent.objects.filter(kind="rating")] == [0, 1]


def test_the_same_rating_again_moves_nothing():
    outcome = record_outcome()
    rate(outcome, 1)
    assert rate(outcome, 1) is None
    assert rate(outcome, 2) is None


def test_two_people_who_rate_badly_leave_nothing_of_a_success_and_a_third_nothing_to_move():
    outcome = record_outcome()
    rate(outcome, 1, "ana")
    rate(outcome, 2, "ben")
    assert rate(outcome, 1, "cleo") is None
    assert row()[:2] == (0.0, 1.0)


def test_a_wrong_review_turns_a_success_into_a_failure():
    outcome = record_outcome()
    assert moved(review(outcome, right=False)) == (-1.0, 1.0, -6)
    record = TrustRecord.objects.get()
    assert (record.verified_days, record.people) == (0, 0)


def test_the_latest_review_counts_whoever_gave_it():
    outcome = record_outcome()
    review(outcome, right=False, actor="cleo")
    assert moved(review(outcome, right=True, actor="lea")) == (1.0, -1.0, 6)
    assert moved(review(outcome, right=False, actor="cleo")) == (-1.0, 1.0, -6)


def test_a_right_review_moves_nothing():
    assert review(record_outcome(), right=True) is None


def test_a_rated_run_that_turns_out_wrong_weighs_one():
    outcome = record_outcome()
    rate(outcome, 1)
    assert moved(review(outcome, right=False)) == (-0.5, 0.5, -4)
    assert row()[:2] == (0.0, 1.0)


def test_the_anomaly_back_within_half_an_hour_turns_the_success_into_a_failure():
    outcome = record_outcome(anomaly_key="a" * 16)
    [event] = hindsight.recurred("a" * 16, at=outcome.at + timedelta(minutes=30))
    assert (event.kind, *moved(event), event.actor) == ("recurrence", -1.0, 1.0, -6, "system")
    assert event.reason == "firing again after 30 min"
    outcome.refresh_from_db()
    assert (outcome.successes, outcome.failures, outcome.result) == (0.0, 1.0, "success")


def test_back_again_and_again_counts_once():
    outcome = record_outcome(anomaly_key="a" * 16)
    for minutes in (5, 10):
        hindsight.recurred("a" * 16, at=outcome.at + timedelta(minutes=minutes))
    assert TrustEvent.objects.filter(kind="recurrence").count() == 1


@pytest.mark.parametrize("minutes", [31, -1])
def test_long_after_or_before_the_run_it_is_another_story(minutes):
    outcome = record_outcome(anomaly_key="a" * 16)
    assert hindsight.recurred("a" * 16, at=outcome.at + timedelta(minutes=minutes)) == []
    assert hindsight.recurred("b" * 16, at=outcome.at) == []


def test_a_failed_run_cannot_recur():
    outcome = record_outcome("failed", anomaly_key="a" * 16)
    assert hindsight.recurred("a" * 16, at=outcome.at) == []


def test_a_run_that_is_put_back_is_a_failure():
    outcome = record_outcome()
    event = hindsight.rolled_back(outcome.execution, actor="ana", at=timezone.now(), reason="made it worse")
    assert (event.kind, *moved(event), event.reason) == ("outcome", -1.0, 1.0, -6, "rolled back: made it worse")
    outcome.refresh_from_db()
    assert outcome.rolled_back
    assert hindsight.rolled_back(outcome.execution, actor="ben", at=timezone.now()) is None


def test_a_run_that_is_stopped_after_all_is_a_failure():
    outcome = record_outcome("degraded")
    assert moved(hindsight.stopped(outcome.execution, actor="ana", at=timezone.now())) == (-0.5, 0.5, -6)


def test_a_run_without_an_outcome_cannot_be_rated():
    with pytest.raises(Conflict) as refused:
        hindsight.rate(uuid4(), score=5, actor="ana", at=timezone.now())
    assert refused.value.code == "not_verified"


@pytest.mark.parametrize("score", [0, 6])
def test_there_is_no_other_rating(score):
    outcome = record_outcome()
    with pytest.raises(Invalid) as refused:
        rate(outcome, score)
    assert refused.value.loc == ("score",)


def test_ratings_move_a_playbooks_confidence_once_a_person_and_run():
    playbook = make_playbook()
    outcome = record_outcome(playbook=playbook.pk)
    for score, actor, confidence in [(5, "ana", 0.60), (5, "ana", 0.60), (4, "ben", 0.70), (1, "ana", 0.45), (3, "ana", 0.60)]:
        rate(outcome, score, actor)
        playbook.refresh_from_db()
        assert playbook.confidence == pytest.approx(confidence)


def test_good_ratings_make_a_draft_ready_for_review():
    playbook = make_playbook(status="draft", confidence=0.85)
    rate(record_outcome(playbook=playbook.pk), 5)
    playbook.refresh_from_db()
    assert (playbook.status, playbook.confidence) == ("review", pytest.approx(0.95))


@pytest.mark.parametrize(("results", "status"), [(["failed"], "deprecated"), (["success", "success"], "approved")])
def test_bad_ratings_deprecate_what_mostly_fails(results, status):
    playbook = make_playbook(confidence=0.40)
    runs = [record_outcome(result, playbook=playbook.pk) for result in results]
    rate(runs[0], 1)
    playbook.refresh_from_db()
    assert (playbook.status, playbook.confidence) == (status, pytest.approx(0.25))


def test_a_playbooks_rate_follows_what_its_runs_count_now():
    playbook = make_playbook()
    outcome = record_outcome(playbook=playbook.pk)
    review(outcome, right=False)
    playbook.refresh_from_db()
    assert (playbook.runs, playbook.success_rate) == (1, 0.0)
    assert playbook.trust == pytest.approx(0.55 * 0.8)
