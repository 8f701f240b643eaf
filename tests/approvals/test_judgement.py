"""Each way in which a verification can lie, and what it says instead."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals.conf import ApprovalsConf
from approvals.judgement import AlertIs, Metric, NotYet, Signals, Verdict, judge
from approvals.operations.operation import Progress

CONF = ApprovalsConf()
SENT = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
DONE = Progress(done=True, words="3 of 3 new pods ready", ready_at=SENT + timedelta(seconds=20))


def at(seconds: float) -> datetime:
    return SENT + timedelta(seconds=seconds)


def judged(now_s: float, **given: Any) -> Verdict | NotYet:
    """Converged after 30 s, its alert cleared after 60 s, unless a test says otherwise."""
    seen: dict[str, Any] = {
        "sent_at": SENT,
        "converge_by": at(CONF.verify_within_s),
        "progress": DONE,
        "converged_at": at(30),
        "quiet_since": at(30),
        "alert": AlertIs.CLEARED,
        "cleared_at": at(60),
    }
    return judge(Signals(**(seen | given)), CONF, at(now_s))


def result(verdict: Verdict | NotYet) -> tuple[str, str]:
    assert isinstance(verdict, Verdict), verdict
    return verdict.result.value, verdict.reason


def test_converged_cleared_and_stable_is_a_success():
    assert result(judged(125)) == ("success", "")


def test_it_is_too_early_until_it_has_been_stable():
    assert isinstance(judged(110), NotYet)


def test_pods_that_never_come_up_time_out():
    stuck = Progress(done=False, words="1 of 3 new pods ready")
    assert isinstance(judged(299, progress=stuck, converged_at=None), NotYet)
    assert result(judged(301, progress=stuck, converged_at=None)) == ("timeout", "not_converged")


def test_a_rollout_that_its_controller_gave_up_fails_at_once():
    given_up = Progress(done=False, words="0 of 3 new pods ready", failed="ReplicaSet web-2 has timed out progressing")
    assert result(judged(60, progress=given_up, converged_at=None)) == ("failed", "rollout_failed")


def test_new_pods_that_crash_fail():
    crashing = Progress(done=False, words="0 of 3 new pods ready", crashing="web-2-abcde: CrashLoopBackOff")
    assert result(judged(301, progress=crashing, converged_at=None)) == ("failed", "crash_loop")


def test_an_alert_that_still_fires_after_its_time_fails():
    assert isinstance(judged(200, alert=AlertIs.FIRING, cleared_at=None), NotYet)
    assert result(judged(391, alert=AlertIs.FIRING, cleared_at=None)) == ("failed", "alert_still_firing")


def test_an_alert_that_is_not_heard_any_more_is_no_cure():
    assert result(judged(391, alert=AlertIs.STALE, cleared_at=None)) == ("timeout", "unverifiable")


def test_missing_data_is_no_pass():
    assert result(judged(125, alert=AlertIs.UNKNOWN, cleared_at=None)) == ("timeout", "unverifiable")


def test_what_cannot_be_read_is_no_pass():
    unread = {"progress": None, "converged_at": None, "unread": "cluster sandbox does not answer"}
    assert isinstance(judged(100, **unread), NotYet)
    assert result(judged(301, **unread)) == ("timeout", "unverifiable")


def test_an_alert_is_watched_for_as_long_as_it_takes_to_fire_again():
    assert isinstance(judged(125, alert_for_s=900), NotYet)
    assert result(judged(961, alert_for_s=900)) == ("success", "")


def test_pods_that_keep_restarting_are_no_cure():
    assert isinstance(judged(130, quiet_since=at(120)), NotYet)
    assert result(judged(391, quiet_since=at(380))) == ("failed", "restarting")


def test_a_metric_out_of_its_band_degrades():
    slow = Metric("latency", low=0.1, high=0.3, at_act=2.0, now=0.9)
    assert isinstance(judged(200, metric=slow), NotYet)
    assert result(judged(391, metric=slow)) == ("degraded", "metric_out_of_band")


def test_a_band_may_have_one_side():
    full = Metric("errors", low=None, high=0.02, at_act=0.4, now=0.3)
    assert isinstance(judged(200, metric=full), NotYet)
    assert result(judged(391, metric=full)) == ("degraded", "metric_out_of_band")


def test_a_metric_that_went_silent_proves_nothing():
    silent = Metric("errors", low=None, high=0.02, at_act=0.4, now=None)
    assert isinstance(judged(200, metric=silent), NotYet)
    assert result(judged(391, metric=silent)) == ("timeout", "unverifiable")


def test_a_metric_alone_can_tell():
    back = Metric("latency", low=0.1, high=0.3, at_act=2.0, now=0.2)
    assert result(judged(125, alert=AlertIs.UNKNOWN, cleared_at=None, metric=back)) == ("success", "")


def test_a_neighbour_that_starves_degrades():
    starving = {"harmed": ("Deployment/cart has 1 of 3 ready pods",)}
    assert isinstance(judged(125, **starving, harmed_since=at(100)), NotYet)
    assert result(judged(170, **starving, harmed_since=at(100))) == ("degraded", "neighbour_harmed")


@pytest.mark.parametrize(("cleared_s", "needless"), [(-5, True), (10, True), (25, False)])
def test_a_fault_that_healed_before_the_new_pods_were_up_needed_nothing(cleared_s, needless):
    verdict = judged(125, cleared_at=at(cleared_s))
    assert isinstance(verdict, Verdict)
    assert verdict.is_needless is needless


def test_what_somebody_else_changed_meanwhile_cannot_be_judged():
    assert result(judged(60, is_ours=False)) == ("timeout", "unverifiable")


def test_a_person_who_stops_it_makes_it_a_failure():
    assert result(judged(60, stopped="Stopped by ann")) == ("failed", "stopped")


def test_an_undoing_is_judged_by_the_target_alone():
    assert result(judged(125, is_undoing=True, alert=AlertIs.FIRING, cleared_at=None)) == ("success", "")
