"""What did not help is not proposed again for a while."""

from datetime import timedelta

import pytest
from django.utils import timezone

from aiops.core.actions import ActionClass, RestartWorkload, ScaleUp
from incidents import analysis
from learning.conf import LearningConf
from learning.models import Outcome
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
    return now_in_vain()


def now_in_vain(**place):
    place = {"environment": "production", "incident": HERE} | place
    return in_vain(KEY, **place, conf=LearningConf(), at=timezone.now())


@pytest.mark.parametrize(
    ("runs", "found"),
    [
        ([("failed", RESTART, 1)], set()),
        ([("failed", RESTART, HERE)], {RESTART.pattern}),
        ([("timeout", RESTART, HERE)], {RESTART.pattern}),
        ([("failed", RESTART, 1), ("failed", RESTART, 2)], {RESTART.pattern}),
        ([("failed", RESTART, 1), ("failed", SCALE, 2)], set()),
        ([("failed", RESTART, 1), ("failed", RESTART, 2), ("success", RESTART, 3)], set()),
        ([("success", RESTART, 1), ("failed", RESTART, HERE)], {RESTART.pattern}),
        ([("degraded", RESTART, HERE), ("unverifiable", RESTART, HERE), ("refused", RESTART, HERE)], set()),
    ],
)
def test_twice_within_a_day_or_once_in_this_incident(runs, found):
    assert tried(*runs) == found


def test_what_failed_longer_ago_may_be_tried_again():
    for _ in range(2):
        record_outcome("failed", action=RESTART, incident=HERE, anomaly_key=KEY, at=timezone.now() - timedelta(hours=25))
    assert now_in_vain() == frozenset()


def test_staging_says_nothing_about_production():
    tried(("failed", RESTART, 1), ("failed", RESTART, 2))
    assert now_in_vain() == {RESTART.pattern}
    assert now_in_vain(environment="staging") == frozenset()


def test_what_looked_like_a_success_and_came_back_did_not_help():
    tried(("success", RESTART, 1), ("success", RESTART, 2))
    Outcome.objects.update(successes=0.0, failures=1.0)  # as a recurrence leaves them
    assert now_in_vain() == {RESTART.pattern}


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
    assert "was tried lately and did not help" in second.proposal.reasoning
