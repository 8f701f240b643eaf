"""What did not help is not proposed again for a while."""

from datetime import timedelta

import pytest
from django.utils import timezone

from aiops.core.actions import ActionClass, RestartWorkload, ScaleUp
from incidents import analysis
from learning.repairs import in_vain
from tests.factories import WEB, make_alert, make_decision, make_incident, record_outcome

pytestmark = pytest.mark.django_db
KEY = "c0ffee"
RESTART, SCALE = RestartWorkload(target=WEB), ScaleUp(target=WEB)
HERE = 7


def tried(*runs):
    """`runs`: (result, action, incident), oldest first, a minute apart."""
    at = timezone.now() - timedelta(hours=1)
    for minute, (result, action, incident) in enumerate(runs):
        record_outcome(result, action=action, incident=incident, anomaly_key=KEY, at=at + timedelta(minutes=minute))
    return in_vain(KEY, incident=HERE, at=timezone.now())


@pytest.mark.parametrize(
    ("runs", "found"),
    [
        ([("failed", RESTART, 1)], set()),
        ([("failed", RESTART, HERE)], {ActionClass.RESTART_WORKLOAD}),
        ([("timeout", RESTART, HERE)], {ActionClass.RESTART_WORKLOAD}),
        ([("failed", RESTART, 1), ("failed", RESTART, 2)], {ActionClass.RESTART_WORKLOAD}),
        ([("failed", RESTART, 1), ("failed", SCALE, 2)], set()),
        ([("failed", RESTART, 1), ("failed", RESTART, 2), ("success", RESTART, 3)], set()),
        ([("success", RESTART, 1), ("failed", RESTART, HERE)], {ActionClass.RESTART_WORKLOAD}),
        ([("degraded", RESTART, HERE), ("unverifiable", RESTART, HERE), ("refused", RESTART, HERE)], set()),
    ],
)
def test_twice_within_a_day_or_once_in_this_incident(runs, found):
    assert tried(*runs) == found


def test_what_failed_longer_ago_may_be_tried_again():
    for _ in range(2):
        record_outcome("failed", action=RESTART, incident=HERE, anomaly_key=KEY, at=timezone.now() - timedelta(hours=25))
    assert in_vain(KEY, incident=HERE, at=timezone.now()) == frozenset()


async def sees_nothing(decision, within_s):
    return []


def test_the_second_analysis_of_an_incident_proposes_something_else():
    incident = make_incident(category="workload_crash", alert_name="KubePodCrashLooping", anomaly_key=KEY)
    make_alert(incident, name="KubePodCrashLooping", category="workload_crash", labels={"alertname": "KubePodCrashLooping"})
    first = make_decision(incident, state="INIT")
    analysis.decide(first.pk, collect=sees_nothing)
    first.refresh_from_db()
    assert first.proposal.action.action_class is ActionClass.RESTART_WORKLOAD
    record_outcome("failed", action=first.proposal.action, incident=incident.pk, anomaly_key=KEY)
    first.state = "COMPLETED"
    first.save()
    second = make_decision(incident, state="INIT")
    analysis.decide(second.pk, collect=sees_nothing)
    second.refresh_from_db()
    assert second.proposal.action.action_class is ActionClass.NOTIFY_ONLY
    assert "Tried lately without success" in second.proposal.reasoning
