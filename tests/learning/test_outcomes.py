from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from aiops.core.actions import Rollback
from learning import outcomes
from learning.conf import LearningConf
from learning.models import Outcome, TrustEvent, TrustRecord
from learning.scopes import Scope
from tests.factories import WEB, make_playbook, record_outcome

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("result", "ds", "df", "dscore"),
    [
        ("success", 1.0, 0.0, 1),
        ("degraded", 0.5, 0.5, 0),
        ("timeout", 0.5, 0.5, 0),
        ("failed", 0.0, 1.0, -6),
        ("stopped", 0.0, 1.0, -6),
        ("refused", 0.0, 0.5, -2),
        ("unverifiable", 0.0, 0.0, 0),
    ],
)
def test_each_result_writes_one_line(result, ds, df, dscore):
    outcome = record_outcome(result)
    line = TrustEvent.objects.get()
    assert (line.kind, line.ds, line.df, line.dscore) == ("outcome", ds, df, dscore)
    assert (line.execution, line.decision, line.at) == (outcome.execution, outcome.decision, outcome.at)
    assert (outcome.successes, outcome.failures) == (ds, df)


def test_the_same_execution_again_changes_nothing():
    execution = uuid4()
    first = record_outcome("success", execution=execution)
    again = record_outcome("failed", execution=execution)
    assert (again.pk, again.result) == (first.pk, "success")
    assert TrustRecord.objects.get().successes == 1.0


def test_it_stands_and_falls_with_the_callers_transaction():
    with transaction.atomic():
        record_outcome()
        transaction.set_rollback(True)
    assert not Outcome.objects.exists()
    assert not TrustRecord.objects.exists()


def test_a_run_that_was_rolled_back_at_once_is_a_failure():
    outcome = record_outcome("success", rolled_back=True)
    assert (outcome.successes, outcome.failures, outcome.rolled_back) == (0.0, 1.0, True)


def test_an_unknown_result_is_an_error_of_the_caller():
    with pytest.raises(ValueError):
        record_outcome("splendid")


def test_signers_of_successes_are_the_people_of_the_row():
    record_outcome(signers=["ana", "autonomy"])
    record_outcome(signers=["ben"])
    record_outcome("failed", signers=["cleo"])
    assert TrustRecord.objects.get().people == 2


def test_the_first_run_of_a_row_tells_its_tier():
    record_outcome(action=Rollback(target=WEB), tier="dual")
    assert TrustRecord.objects.get().tier == "dual"


def test_a_playbook_learns_from_its_runs():
    playbook = make_playbook()
    for result in ("success", "degraded", "failed"):
        record_outcome(result, playbook=playbook.pk)
    playbook.refresh_from_db()
    assert (playbook.runs, playbook.success_rate) == (3, 0.5)
    assert playbook.trust == pytest.approx((0.55 + 0.1 * (0.5 - 0.55)) * 0.8)
    assert playbook.last_used_at is not None


@pytest.mark.parametrize("result", ["unverifiable", "refused"])
def test_what_says_nothing_about_a_playbook_is_a_use_and_no_run(result):
    playbook = make_playbook()
    outcome = record_outcome(result, playbook=playbook.pk)
    playbook.refresh_from_db()
    assert (playbook.runs, playbook.trust, playbook.last_used_at) == (0, 0.5, outcome.at)


def test_an_outcome_of_a_playbook_that_is_gone_is_still_recorded():
    assert record_outcome(playbook=987654).pk


def test_the_breaker_counts_what_failed_alone_on_the_resource_group():
    now = timezone.now()
    record_outcome("failed", autonomous=True)
    record_outcome("failed", autonomous=True, action=Rollback(target=WEB), alert_name="Other")
    record_outcome("failed", autonomous=False)
    record_outcome("success", autonomous=True)
    record_outcome("failed", autonomous=True, at=now - timedelta(hours=5))
    record_outcome("failed", autonomous=True, namespace="payments")
    shop = Scope("scale:web-*", "production", "shop", "HighMemory")
    staging = Scope("scale:web-*", "staging", "shop", "HighMemory")
    counted = outcomes.failed_alone([shop, staging], at=timezone.now(), conf=LearningConf())
    assert counted == {shop: 2, staging: 0}
