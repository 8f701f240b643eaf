"""Each kind of change on a simulated cluster: done once, with its mark, and seen to be done."""

from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from aiops.core.actions import (
    Action,
    AdjustResources,
    CordonDrainNode,
    ExpandStorage,
    RenewCertificate,
    RerunJob,
    RestartWorkload,
    Rollback,
)
from aiops.core.errors import Conflict
from aiops.core.targets import Target
from approvals import execution as executions
from approvals import leases, rollbacks
from approvals.models import Execution
from approvals.planning import plan
from tests import factories
from tests.approvals.acting import signed
from tests.faults.scenes import told, use
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db
S = Execution.Status


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("sandbox"), speed=100) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_running: SandboxServer, settings) -> SandboxServer:
    use(_running, settings, pdb_patience_s=1.0)
    return _running


def workload(kind: str, namespace: str, name: str) -> Target:
    return Target(kind=kind, namespace=namespace, name=name)


def act(action: Action, sandbox: SandboxServer) -> Execution:
    approval = signed(plan(action, django_settings.CLUSTERS[0], conf=django_settings.AIOPS.approvals))
    execution = executions.plan_execution(approval, autonomous=False, at=timezone.now())

    def is_over() -> bool:
        for pk in leases.due():
            executions.execute(pk, who="test")
        Execution.objects.filter(status=S.RUNNING, lease_until=None).update(due_at=timezone.now())  # no waiting between rounds
        execution.refresh_from_db()
        return not execution.is_active

    sandbox.wait_for(is_over)
    return execution


@pytest.mark.parametrize(
    "target",
    [
        workload("Deployment", "shop", "web"),
        workload("StatefulSet", "data", "queue"),
        workload("DaemonSet", "edge", "log-agent"),
    ],
    ids=lambda t: t.kind,
)
def test_every_kind_of_workload_is_restarted(sandbox, target):
    done = act(RestartWorkload(target=target), sandbox)
    assert done.status == S.SUCCEEDED, told(done)
    assert len(sandbox.effects(mark=done.mark)) == 1


@pytest.mark.parametrize(
    ("target", "image"),
    [
        (workload("Deployment", "shop", "catalog"), "catalog:1.31.2"),
        (workload("StatefulSet", "data", "catalog-db"), "postgres:16.3"),
        (workload("DaemonSet", "edge", "log-agent"), "fluent-bit:3.0"),
    ],
    ids=["Deployment", "StatefulSet", "DaemonSet"],
)
def test_every_kind_of_workload_is_rolled_back(sandbox, target, image):
    done = act(Rollback(target=target), sandbox)
    assert done.status == S.SUCCEEDED, told(done)
    shown = sandbox.kubectl("get", target.kind.lower(), target.name, "-n", target.namespace, "-o", "jsonpath={..image}")
    assert shown.endswith(image)


def test_limits_are_adjusted_and_put_back(sandbox):
    target = workload("Deployment", "shop", "cart")
    done = act(AdjustResources(target=target, container="cart", memory="600Mi", cpu="100m"), sandbox)
    assert done.status == S.SUCCEEDED, told(done)
    path = "jsonpath={.spec.template.spec.containers[0].resources}"
    assert '"memory":"600Mi"' in sandbox.kubectl("get", "deploy", "cart", "-n", "shop", "-o", path).replace(" ", "")
    Execution.objects.filter(pk=done.pk).update(verified_at=timezone.now(), verification_result="success")
    undoing = rollbacks.roll_back(done, factories.make_principal("lead"), "not needed")
    executions.execute(undoing.pk, who="test")
    assert '"memory":"384Mi"' in sandbox.kubectl("get", "deploy", "cart", "-n", "shop", "-o", path).replace(" ", "")


def test_a_claim_is_expanded_and_never_shrinks(sandbox):
    target = workload("PersistentVolumeClaim", "data", "data-redis-0")
    done = act(ExpandStorage(target=target), sandbox)
    assert done.status == S.SUCCEEDED, told(done)
    assert sandbox.kubectl("get", "pvc", target.name, "-n", "data", "-o", "jsonpath={.spec.resources.requests.storage}") == "6Gi"
    with pytest.raises(Conflict) as refused:
        act(ExpandStorage(target=target, size="1Gi"), sandbox)
    assert refused.value.code == "nothing_to_do"


def test_a_cron_job_runs_now_under_a_name_of_its_own(sandbox):
    done = act(RerunJob(target=workload("CronJob", "data", "nightly-report")), sandbox)
    assert done.status == S.SUCCEEDED, told(done)
    (effect,) = sandbox.effects(mark=done.mark)
    assert effect["object"]["name"].startswith("nightly-report-")


def test_a_certificate_is_renewed_as_cmctl_does(sandbox):
    done = act(RenewCertificate(target=workload("Certificate", "edge", "shop-example-net")), sandbox)
    assert done.status == S.SUCCEEDED, told(done)
    assert len(sandbox.effects(mark=done.mark)) == 1


def test_a_node_is_drained_through_its_budgets_and_put_back(sandbox):
    node = Target(kind="Node", name="worker-2")
    done = act(CordonDrainNode(target=node), sandbox)
    assert done.status == S.SUCCEEDED, told(done)
    verbs = {one["verb"] for one in sandbox.effects(mark=done.mark)}
    assert verbs == {"patch", "evict"}
    assert not [one for one in sandbox.mutations() if one["verb"] == "delete" and one["user_agent"] == "aiops-console"]
    with pytest.raises(Conflict) as refused:
        act(CordonDrainNode(target=Target(kind="Node", name="worker-3")), sandbox)
    assert refused.value.code == "drain_limit"
    Execution.objects.filter(pk=done.pk).update(verified_at=timezone.now(), verification_result="failed")
    undoing = rollbacks.roll_back(done, None, "pods stay")
    executions.execute(undoing.pk, who="test")
    undoing.refresh_from_db()
    assert undoing.status == S.SUCCEEDED, told(undoing)
    assert sandbox.kubectl("get", "node", "worker-2", "-o", "jsonpath={.spec.unschedulable}") in ("", "false")


def test_the_control_plane_is_not_drained(sandbox):
    with pytest.raises(Conflict) as refused:
        act(CordonDrainNode(target=Target(kind="Node", name="cp-1")), sandbox)
    assert refused.value.code == "control_plane"
