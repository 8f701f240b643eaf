"""Which alerts are told as harm that an act did to its neighbours."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from approvals import signals
from approvals.models import Execution
from tests.factories import make_alert, make_execution

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


@pytest.fixture
def execution() -> Execution:
    """A restart of shop/web a minute ago, that payments/ledger is near to."""
    return make_execution(
        started_at=timezone.now() - 60 * SECOND, cluster="sandbox", before={"neighbours": {"payments/ledger": 2}}
    )


def alert_of(namespace: str, workload: str, execution: Execution, *, after_s: float, **fields) -> None:
    target = {"kind": "Deployment", "namespace": namespace, "name": workload}
    make_alert(target=target, first_seen=execution.started_at + after_s * SECOND, **fields)


def harmed(execution: Execution) -> list[str]:
    return sorted(signals.new_alerts(execution, settings.AIOPS.approvals))


def test_what_begins_after_the_act_nearby_is_harm(execution):
    alert_of("shop", "cart", execution, after_s=5)
    alert_of("payments", "ledger", execution, after_s=5)
    assert harmed(execution) == ["KubePodCrashLooping fires for cart", "KubePodCrashLooping fires for ledger"]


def test_what_is_far_away_or_is_the_target_itself_is_none(execution):
    alert_of("payments", "checkout", execution, after_s=5)
    alert_of("shop", "web", execution, after_s=5)
    assert harmed(execution) == []


@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_who_was_in_trouble_before_is_not_harmed_by_one_more_alert(execution, status):
    ended_at = execution.started_at + 2 * SECOND if status == "resolved" else None
    alert_of("payments", "ledger", execution, after_s=-30, name="RolloutStuck", status=status, ended_at=ended_at)
    alert_of("payments", "ledger", execution, after_s=5)
    assert harmed(execution) == []


def test_who_had_recovered_before_can_be_harmed(execution):
    alert_of("shop", "cart", execution, after_s=-600, status="resolved", ended_at=execution.started_at - 300 * SECOND)
    alert_of("shop", "cart", execution, after_s=5)
    assert harmed(execution) == ["KubePodCrashLooping fires for cart"]
