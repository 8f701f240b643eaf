"""Several steps agreed to at once, on a real (simulated) cluster: one after the other, verified between, undone on failure."""

from dataclasses import replace

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from aiops.connectors.kubernetes import client_for
from aiops.connectors.kubernetes_objects import Ref
from aiops.core.actions import Action, AdjustResources, RestartWorkload, ScaleUp
from aiops.core.scales import Tier
from aiops.core.targets import Target
from approvals import assessment, planning, policy_in_force, replay, signatures, stepping, steps
from approvals import execution as executions
from approvals.models import Approval, Execution
from approvals.plans import DryRun, Plan, Surroundings
from approvals.policy import assessment_of
from approvals.verification import verify
from incidents.models import Alert, Decision, Incident
from learning.models import Outcome, Playbook
from tests import factories
from tests.approvals.acting import SANDBOX
from tests.approvals.test_verification import _running, sandbox  # noqa: F401  (fixtures)
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db
CART = Target(kind="Deployment", namespace="shop", name="cart")
CATALOG = Target(kind="Deployment", namespace="shop", name="catalog")
SMALL = Surroundings(pods_affected=1, pods_total=8, rolling=True, replicas_left=7, criticality=3)
TWO = (ScaleUp(target=CART), RestartWorkload(target=CART))


def propose(*actions: Action, plan: Plan | None = None, broker_up: bool = False) -> Approval:
    """A playbook's proposal of these steps, planned on the cluster; without a broker it waits for signatures."""
    incident = factories.make_incident(target=CART, status="investigating")
    incident.root_alert = factories.make_alert(incident)
    incident.save()
    playbook = factories.make_playbook(steps=[action.action_class.value for action in actions])
    proposal = factories.make_proposal(actions[0], source="playbook", steps=actions, matched_playbook=playbook.pk)
    decision = factories.make_decision(incident, proposal_data=proposal.to_json())
    if plan is None:
        plan = planning.plan_all(actions, django_settings.CLUSTERS[0], conf=django_settings.AIOPS.approvals)
    approval = assessment.settle(decision, plan, broker_up=broker_up)
    assert approval is not None
    return approval


def signed(*actions: Action) -> Approval:
    approval = propose(*actions)
    for _ in range(approval.required_signatures):
        signatures.sign(approval, factories.make_principal("lead"), digest=approval.digest)
    approval.refresh_from_db()
    return approval


def run(approval: Approval, step: int, *, direction: str = "forward") -> Execution:
    """Carry out one step that was planned."""
    execution = approval.executions.get(step=step, direction=direction)
    executions.execute(execution.pk, who="test")
    execution.refresh_from_db()
    return execution


def verified(execution: Execution, server: SandboxServer) -> Execution:
    def look() -> bool:
        verify(execution.pk)
        execution.refresh_from_db()
        return execution.verified_at is not None

    server.wait_for(look, within_s=60)
    return execution


def clear(approval: Approval) -> None:
    approval.incident.alerts.update(status=Alert.Status.RESOLVED, ended_at=timezone.now())


def test_each_step_begins_when_the_one_before_is_verified(sandbox):  # noqa: F811
    approval = signed(*TWO)
    assert approval.executions.count() == 1
    first = verified(run(approval, 1), sandbox)
    assert first.verification_result == "success"  # the alert still fires: it is asked after the last step
    approval.decision.refresh_from_db()
    assert (approval.decision.state, approval.incident.status) == (Decision.State.EXECUTING, "mitigating")
    second = run(approval, 2)
    assert second.status == "succeeded", second.detail
    clear(approval)
    verified(second, sandbox)
    approval.decision.refresh_from_db()
    incident = Incident.objects.get(pk=approval.incident_id)
    assert (second.verification_result, approval.decision.state, incident.status) == ("success", "COMPLETED", "resolved")
    assert [len(sandbox.effects(mark=each.mark)) for each in (first, second)] == [1, 1]
    assert set(Outcome.objects.values_list("result", flat=True)) == {"success"}
    assert Playbook.objects.get().runs == 1  # with its last step, not with each


def test_a_failed_step_ends_it_and_takes_back_what_can_be(sandbox):  # noqa: F811
    before = replicas(sandbox)
    approval = signed(*TWO)
    verified(run(approval, 1), sandbox)
    assert replicas(sandbox) > before
    second = verified(run(approval, 2), sandbox)  # the alert goes on
    assert second.verification_result == "failed"
    assert stepping.unwind_due() == 1
    assert stepping.unwind_due() == 0  # one at a time, and never twice
    undoing = verified(run(approval, 1, direction="rollback"), sandbox)
    assert (undoing.verification_result, replicas(sandbox)) == ("success", before)
    assert stepping.unwind_due() == 0
    assert approval.executions.get(step=1, direction="forward").status == "rolled_back"
    assert approval.executions.count() == 3


def test_a_step_that_fails_without_an_effect_takes_the_earlier_ones_back(sandbox):  # noqa: F811
    before = replicas(sandbox)
    approval = signed(*TWO)
    verified(run(approval, 1), sandbox)
    sandbox.misbehave(dry_run_refused=1.0)
    second = run(approval, 2)
    sandbox.misbehave()
    assert second.status == "failed", second.detail
    approval.decision.refresh_from_db()
    assert approval.decision.state == Decision.State.COMPLETED  # the first step had its effect
    assert stepping.unwind_due() == 1
    verified(run(approval, 1, direction="rollback"), sandbox)
    assert replicas(sandbox) == before


@pytest.mark.kubectl
def test_a_change_by_others_between_two_steps_ends_it_untouched(sandbox):  # noqa: F811
    approval = signed(*TWO)
    verified(run(approval, 1), sandbox)
    sandbox.kubectl("set", "env", "deployment/cart", "SOMEBODY=else", "-n", "shop")
    second = run(approval, 2)
    assert (second.status, second.reason) == ("cancelled", "drifted")
    assert not sandbox.effects(mark=second.mark)


def test_a_cure_by_the_first_step_leaves_the_others_out(sandbox):  # noqa: F811
    approval = signed(*TWO)
    first = run(approval, 1)
    clear(approval)
    verified(first, sandbox)
    approval.decision.refresh_from_db()
    assert (approval.executions.count(), approval.decision.state) == (1, Decision.State.COMPLETED)


def test_a_stop_leaves_no_further_step(sandbox):  # noqa: F811
    approval = signed(*TWO)
    first = run(approval, 1)
    executions.request_stop(first, factories.make_principal("lead"), reason="wrong cluster")
    verified(first, sandbox)
    assert not approval.executions.filter(step=2).exists()


def by_hand(*actions: Action) -> Plan:
    """The same plan without a cluster."""
    first, *following = (Plan(action, "sandbox", "uid-1", {"template": 1}, DryRun(clean=True), SMALL) for action in actions)
    return replace(first, following=tuple(following))


def test_a_signature_covers_every_step():
    one, both = by_hand(TWO[0]), by_hand(*TWO)
    other = by_hand(TWO[0], RestartWorkload(target=CATALOG))
    assert len({one.digest, both.digest, other.digest, by_hand(*reversed(TWO)).digest}) == 4
    approval = propose(*TWO, plan=both)
    assert [step["action"]["class"] for step in approval.steps] == ["scale_up", "restart_workload"]


def test_the_strictest_step_says_who_is_asked_and_the_policy_can_be_tried_on_all(settings):
    settings.CLUSTERS = (SANDBOX,)
    actions = (ScaleUp(target=CART, replicas=4), AdjustResources(target=CART, memory="2Gi"))
    approval = propose(*actions, plan=by_hand(*actions))
    assert (approval.status, approval.tier) == ("pending", Tier.HUMAN)
    unmet = {reason["code"]: reason["detail"] for reason in approval.decision.assessment["reasons"] if not reason["met"]}
    assert unmet["tier"].startswith("step 2: ")
    held = policy_in_force.now()
    inputs = replay.inputs_of(approval.decision.assessment)
    again = replay.judged_under(held, inputs)
    assert len(inputs) == 2
    assert assessment_of(again).items() <= approval.decision.assessment.items()


def test_steps_run_alone_only_if_each_of_them_may(settings):
    settings.CLUSTERS = (SANDBOX,)
    safe = (RestartWorkload(target=CART), RestartWorkload(target=CATALOG))
    may = propose(*safe, plan=by_hand(*safe), broker_up=True).decision.assessment
    assert may["alone"] or may["watches"]  # one in twenty is watched first
    mixed = (RestartWorkload(target=CART), AdjustResources(target=CART, memory="2Gi"))
    may = propose(*mixed, plan=by_hand(*mixed), broker_up=True).decision.assessment
    assert not may["alone"]
    assert not may["watches"]


def test_progress_and_what_is_signed_are_on_the_pages(settings, visit):
    settings.CLUSTERS = (SANDBOX,)
    approval = propose(*TWO, plan=by_hand(*TWO))
    client = visit(factories.make_user("lead"))
    for page in (approval.incident.get_absolute_url(), "/approvals"):
        assert "2. Restart cart" in client.get(page).content.decode(), page
    signatures.sign(approval, factories.make_principal("lead"), digest=approval.digest)
    approval.refresh_from_db()
    shown = [step.state for step in steps.progress(approval, list(approval.executions.all()))]
    assert shown == ["planned", "not begun"]


def replicas(server: SandboxServer) -> int:
    cluster = django_settings.CLUSTERS[0]
    return client_for(cluster).need(Ref.to(CART)).number("spec", "replicas")
