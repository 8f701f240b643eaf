"""What holds autonomy back is counted from what really ran, and counted once for everybody who asks at the same moment."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from aiops.core.actions import Action, RestartWorkload, Rollback
from aiops.core.clusters import Cluster
from aiops.core.targets import Target
from approvals import assessment, signatures, surveys
from approvals.conf import ApprovalsConf
from approvals.models import Approval, Execution
from approvals.plans import DryRun, Plan, Surroundings
from incidents.models import Decision
from learning.models import TrustRecord
from tests.approvals.acting import SANDBOX
from tests.factories import WEB, make_alert, make_approval, make_decision, make_execution, make_incident, make_principal
from tests.threads import together

pytestmark = pytest.mark.django_db
CONF = ApprovalsConf()
HERE = "sandbox/Deployment/shop/web"
SMALL = Surroundings(pods_affected=2, pods_total=8, rolling=True, replicas_left=7, criticality=3)


def ran(ago: timedelta, **fields) -> Execution:
    at = timezone.now() - ago
    defaults = {
        "planned_at": at, "started_at": at, "verified_at": at, "status": "succeeded", "autonomous": True,
        "verification_result": "success", "target_key": HERE,
    }  # fmt: skip
    return make_execution(make_approval(status="approved"), **(defaults | fields))


def counts(target_key: str = HERE) -> dict:
    return surveys.recent_acts(target_key, conf=CONF, at=timezone.now())


def ready(action: Action | None = None, *, target: Target = WEB, **incident) -> tuple[Decision, Plan]:
    action = action or RestartWorkload(target=target)
    row = make_incident(status="investigating", target=target, severity="P1", **incident)  # P1: nothing is watched first
    make_alert(row)
    return make_decision(row, action=action), Plan(action, "sandbox", "uid-1", {"template": 1}, DryRun(clean=True), SMALL)


def settle(decision: Decision, plan: Plan) -> Approval:
    approval = assessment.settle(decision, plan, broker_up=True)
    assert approval is not None
    approval.refresh_from_db()
    return approval


def unmet(approval: Approval) -> list[str]:
    approval.decision.refresh_from_db()
    return [reason["code"] for reason in approval.decision.assessment["reasons"] if not reason["met"]]


@pytest.fixture(autouse=True)
def _one_cluster(settings):
    settings.CLUSTERS = (SANDBOX,)


def test_the_budget_counts_what_ran_alone_within_the_hour():
    ran(timedelta(minutes=59), target_key="a")
    ran(timedelta(minutes=61), target_key="b")
    ran(timedelta(minutes=1), target_key="c", autonomous=False)
    ran(timedelta(minutes=1), target_key="d", direction="rollback")
    assert counts()["autonomous_last_hour"] == 1


def test_the_breaker_counts_what_failed_alone_within_its_time():
    ran(timedelta(minutes=5), status="failed", verification_result="", target_key="a")
    ran(timedelta(minutes=5), verification_result="failed", target_key="b")
    ran(timedelta(minutes=5), verification_result="timeout", target_key="c")
    ran(timedelta(minutes=70), verification_result="failed", target_key="d")
    ran(timedelta(minutes=5), verification_result="failed", target_key="e", autonomous=False)
    assert counts()["failed_autonomous"] == 2


def test_the_cooldown_starts_with_any_act_on_the_same_target():
    ran(timedelta(minutes=12), autonomous=False)
    assert round(counts()["repaired_ago_s"] / 60) == 12
    assert counts("sandbox/Deployment/shop/cart")["repaired_ago_s"] is None
    decision, plan = ready()
    assert unmet(settle(decision, plan)) == ["cooldown"]


def test_after_two_ineffective_tries_a_person_is_asked_until_one_worked():
    ran(timedelta(hours=3), verification_result="failed")
    ran(timedelta(hours=2), verification_result="timeout")
    ran(timedelta(hours=2), verification_result="failed", target_key="elsewhere", autonomous=False)
    approval = settle(*ready())
    assert (approval.status, unmet(approval)) == ("pending", ["third_try"])
    approval.delete()
    Decision.objects.filter(state="READY").update(state="WITHDRAWN")
    ran(timedelta(hours=1))
    assert counts()["ineffective_tries"] == 0
    assert settle(*ready()).status == "approved"


def test_an_open_breaker_asks_a_person_whatever_the_target(settings):
    for n in range(3):
        ran(timedelta(minutes=30), verification_result="failed", target_key=f"other{n}", namespace="pay")
    assert unmet(settle(*ready())) == ["breaker"]


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_no_more_start_than_the_budget_allows(settings):
    conf = settings.AIOPS.approvals.model_copy(update={"autonomy_per_hour": 2})
    settings.AIOPS = settings.AIOPS.model_copy(update={"approvals": conf})
    waiting = [
        ready(target=Target(kind="Deployment", namespace="shop", name=name))
        for name in ("alpha", "bravo", "charlie", "delta", "echo")
    ]
    answers = together([lambda d=decision, p=plan: assessment.settle(d, p, broker_up=True) for decision, plan in waiting])
    for (decision, plan), answer in zip(waiting, answers, strict=True):
        if isinstance(answer, OperationalError):  # it waited too long for its turn: the sweeper comes again
            assessment.settle(decision, plan, broker_up=True)
    assert Execution.objects.filter(autonomous=True).count() == 2
    assert Approval.objects.filter(status="pending").count() == 3


def test_in_shadow_mode_people_act_until_enough_of_them_agreed(settings):
    """Ten of ten leave it, nine do not; the row says how far it is."""
    settings.CLUSTERS = (SANDBOX.model_copy(update={"shadow": True}),)
    action = Rollback(target=WEB, revision=4)
    for n in range(10):
        decision, plan = ready(action)
        approval = settle(decision, plan)
        assert (approval.status, "trust_shadow" in unmet(approval)) == ("pending", True)
        signatures.sign(approval, make_principal("lead"), digest=approval.digest)
        Execution.objects.update(status="cancelled")
        assert (TrustRecord.objects.get().agreed, TrustRecord.objects.get().disagreed) == (n + 1, 0)
    approval = settle(*ready(action))
    assert "trust_shadow" not in unmet(approval)
    assert "trust_bound" in unmet(approval)  # agreement is no evidence that it works


def test_a_cluster_that_does_not_answer_is_asked_again(settings, tmp_path):
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\n"
        "clusters: [{name: x, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "contexts: [{name: x, context: {cluster: x, user: x}}]\nusers: [{name: x, user: {token: x}}]\n"
    )
    settings.CLUSTERS = (Cluster(name="sandbox", kubeconfig=kubeconfig, shadow=False),)
    decision, _ = ready()
    assessment.assess(decision.pk)
    decision.refresh_from_db()
    assert decision.assessed_at is None
    assert decision.assess_due_at > timezone.now()
    assert "does not answer" in decision.assessment["sentence"]
