"""What was done on a real (simulated) cluster is looked at until there is a verdict, which is written once."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from aiops.core.actions import Action, DeletePod, RestartWorkload, Rollback, ScaleUp
from aiops.core.clusters import Cluster
from aiops.core.targets import Target
from approvals import execution as executions
from approvals import rollbacks
from approvals.models import Execution
from approvals.planning import plan
from approvals.verification import verify
from incidents.models import Alert, Decision, Incident
from learning.models import Outcome
from tests import factories
from tests.approvals.acting import signed
from tests.sandbox_server import SandboxServer
from tests.threads import together

pytestmark = pytest.mark.django_db
CART = Target(kind="Deployment", namespace="shop", name="cart")
SHORT = {
    "stable_for_s": 0.5,
    "alert_clears_within_s": 4.0,
    "verify_within_s": 20.0,
    "verify_every_s": 0.0,
    "readback_after_s": (0.1, 0.2, 0.4, 0.8),
}


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("sandbox"), speed=60) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_running: SandboxServer, settings) -> SandboxServer:
    conf = django_settings.AIOPS
    settings.AIOPS = conf.model_copy(update={"approvals": conf.approvals.model_copy(update=SHORT)})
    settings.CLUSTERS = (Cluster(name="sandbox", kubeconfig=_running.kubeconfig, shadow=False),)
    return _running


def act(action: Action, **fields: Any) -> Execution:
    approval = signed(plan(action, django_settings.CLUSTERS[0], conf=django_settings.AIOPS.approvals), **fields)
    execution = executions.plan_execution(approval, autonomous=False, at=timezone.now())
    executions.execute(execution.pk, who="test")
    execution.refresh_from_db()
    assert execution.status == Execution.Status.SUCCEEDED, execution.detail
    return execution


def clear_alert(execution: Execution) -> None:
    execution.incident.alerts.update(status=Alert.Status.RESOLVED, ended_at=timezone.now())


def look_until_verified(execution: Execution, sandbox: SandboxServer) -> Execution:
    def look() -> bool:
        verify(execution.pk)
        execution.refresh_from_db()
        return execution.verified_at is not None

    sandbox.wait_for(look, within_s=40)
    return execution


def when_converged(execution: Execution, sandbox: SandboxServer) -> None:
    def look() -> object:
        verify(execution.pk)
        execution.refresh_from_db()
        return execution.verification["memory"]["converged_at"]

    sandbox.wait_for(look, within_s=40)


def test_a_restart_that_cures_resolves_the_incident_and_is_learned_from_once(sandbox):
    execution = act(RestartWorkload(target=CART))
    when_converged(execution, sandbox)
    clear_alert(execution)
    done = look_until_verified(execution, sandbox)
    incident = Incident.objects.get(pk=done.incident_id)
    assert (done.verification_result, done.verification_reason) == ("success", "")
    assert done.decision.state == Decision.State.COMPLETED
    assert (incident.status, incident.disposition, incident.execution_success) == ("resolved", "human_approved", True)
    assert Outcome.objects.get(execution=done.pk).result == "success"
    assert sandbox.effects(mark=done.mark)


def test_two_verifiers_at_once_write_one_verdict(sandbox, transactional_db):
    execution = act(RestartWorkload(target=CART))
    when_converged(execution, sandbox)
    clear_alert(execution)
    sandbox.wait_for(lambda: _is_calm(execution))
    together([lambda: verify(execution.pk)] * 4)
    look_until_verified(execution, sandbox)
    assert execution.incident.timeline.filter(kind="execution.verified").count() == 1
    assert Outcome.objects.filter(execution=execution.pk).count() == 1


def _is_calm(execution: Execution) -> bool:
    execution.refresh_from_db()
    return (timezone.now() - execution.started_at).total_seconds() > 3


def test_a_failed_scaling_is_undone_and_the_undoing_verified(sandbox):
    execution = act(ScaleUp(target=CART, replicas=5))
    failed = look_until_verified(execution, sandbox)
    assert (failed.verification_result, failed.verification_reason) == ("failed", "alert_still_firing")
    assert failed.rollback_triggered
    undoing = failed.reversed_by.get()
    executions.execute(undoing.pk, who="test")
    look_until_verified(undoing, sandbox)
    failed.refresh_from_db()
    assert undoing.verification_result == "success"
    assert failed.status == Execution.Status.ROLLED_BACK
    assert sandbox.kubectl("get", "deploy", "cart", "-n", "shop", "-o", "jsonpath={.spec.replicas}") == "3"
    assert Outcome.objects.filter(execution__in=(failed.pk, undoing.pk)).count() == 1


def test_what_somebody_changed_after_us_is_not_undone(sandbox):
    execution = act(ScaleUp(target=CART, replicas=4))
    sandbox.kubectl("set", "env", "deploy/cart", "-n", "shop", "HOTFIX=1")
    done = look_until_verified(execution, sandbox)
    assert (done.verification_result, done.verification_reason) == ("timeout", "unverifiable")
    assert not done.rollback_triggered
    assert Outcome.objects.get(execution=done.pk).result == "unverifiable"


def test_a_human_deploy_between_verdict_and_undoing_is_left_alone(sandbox):
    execution = act(ScaleUp(target=CART, replicas=6))
    failed = look_until_verified(execution, sandbox)
    sandbox.kubectl("set", "env", "deploy/cart", "-n", "shop", "HOTFIX=2")
    undoing = failed.reversed_by.get()
    executions.execute(undoing.pk, who="test")
    undoing.refresh_from_db()
    assert (undoing.status, undoing.reason) == ("cancelled", "drifted")
    assert not sandbox.effects(mark=undoing.mark)


def test_a_rollback_goes_to_the_template_of_the_digest(sandbox):
    ledger = Target(kind="Deployment", namespace="payments", name="ledger")
    execution = act(Rollback(target=ledger))
    image = sandbox.kubectl("get", "deploy", "ledger", "-n", "payments", "-o", "jsonpath={..image}")
    assert image.endswith("ledger:5.0.2")
    when_converged(execution, sandbox)
    clear_alert(execution)
    assert look_until_verified(execution, sandbox).verification_result == "success"


def test_an_evicted_pod_is_replaced(sandbox):
    name = (
        sandbox.kubectl("get", "pods", "-n", "shop", "-l", "app.kubernetes.io/name=catalog", "-o", "name")
        .split()[0]
        .removeprefix("pod/")
    )
    execution = act(DeletePod(target=Target(kind="Pod", namespace="shop", name=name)))
    when_converged(execution, sandbox)
    clear_alert(execution)
    assert look_until_verified(execution, sandbox).verification_result == "success"
    assert sandbox.effects(mark=execution.mark)[0]["verb"] == "evict"


def test_a_person_rolls_back_what_was_verified(sandbox):
    execution = act(ScaleUp(target=Target(kind="Deployment", namespace="payments", name="fraud-scoring"), replicas=4))
    when_converged(execution, sandbox)
    clear_alert(execution)
    look_until_verified(execution, sandbox)
    undoing = rollbacks.roll_back(execution, factories.make_principal("lead"), "not needed any more")
    executions.execute(undoing.pk, who="test")
    look_until_verified(undoing, sandbox)
    execution.refresh_from_db()
    assert execution.status == Execution.Status.ROLLED_BACK


def test_a_stopped_act_counts_as_failed_and_is_undone(sandbox):
    execution = act(ScaleUp(target=Target(kind="Deployment", namespace="shop", name="order-worker"), replicas=5))
    executions.request_stop(execution, factories.make_principal("lead"), reason="wrong one")
    stopped = look_until_verified(execution, sandbox)
    assert (stopped.verification_result, stopped.verification_reason) == ("failed", "stopped")
    assert stopped.rollback_triggered
