"""Each kind of change on a simulated cluster: done once, with its mark, and seen to be done."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from aiops.connectors.errors import Ambiguous
from aiops.connectors.kubernetes import Api, Request
from aiops.connectors.kubernetes_objects import KubeObject
from aiops.core.actions import (
    SPECS,
    Action,
    AdjustResources,
    CordonDrainNode,
    DeletePod,
    Executor,
    ExpandStorage,
    RenewCertificate,
    RerunJob,
    RestartWorkload,
    Rollback,
    ScaleDown,
    ScaleUp,
    Undo,
)
from aiops.core.commands import parse
from aiops.core.errors import Conflict, Unavailable
from aiops.core.targets import Target
from approvals import execution as executions
from approvals import leases, proposals, rollbacks
from approvals.models import Execution
from approvals.planning import plan
from approvals.plans import Plan
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


def planned(action: Action, sandbox: SandboxServer) -> Plan:
    """The plan, once a busy machine lets the cluster answer."""
    found: list[Plan] = []

    def is_there() -> bool:
        with contextlib.suppress(Unavailable):
            found.append(plan(action, django_settings.CLUSTERS[0], conf=django_settings.AIOPS.approvals))
        return bool(found)

    sandbox.wait_for(is_there, within_s=60)
    return found[0]


def act(action: Action, sandbox: SandboxServer, **options: Any) -> Execution:
    approval = signed(planned(action, sandbox))
    return carried_out(executions.plan_execution(approval, autonomous=False, at=timezone.now()), sandbox, **options)


def carried_out(execution: Execution, sandbox: SandboxServer, **options: Any) -> Execution:
    def is_over() -> bool:
        for pk in leases.due():
            executions.execute(pk, who="test", **options)
        Execution.objects.filter(status=S.RUNNING, lease_until=None).update(due_at=timezone.now())  # no waiting between rounds
        execution.refresh_from_db()
        return not execution.is_active

    sandbox.wait_for(is_over, within_s=60)
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


def test_the_history_says_what_rolled_back_and_not_what_the_bad_release_was_for(sandbox):
    done = act(Rollback(target=workload("Deployment", "shop", "catalog")), sandbox)
    newest = sandbox.kubectl("rollout", "history", "deployment/catalog", "-n", "shop").strip().splitlines()[-1]
    assert "rolled back to revision" in newest
    assert f"aiops.dev/execution={done.mark}" in newest


def test_limits_are_adjusted_and_put_back(sandbox):
    target = workload("Deployment", "shop", "cart")
    done = act(AdjustResources(target=target, container="cart", memory="600Mi", cpu="100m"), sandbox)
    assert done.status == S.SUCCEEDED, told(done)
    path = "jsonpath={.spec.template.spec.containers[0].resources}"
    assert '"memory":"600Mi"' in sandbox.kubectl("get", "deploy", "cart", "-n", "shop", "-o", path).replace(" ", "")
    Execution.objects.filter(pk=done.pk).update(verified_at=timezone.now(), verification_result="success")
    undoing = rollbacks.roll_back(done, factories.make_principal("lead"), "not needed")
    carried_out(undoing, sandbox)
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
    carried_out(undoing, sandbox)
    assert undoing.status == S.SUCCEEDED, told(undoing)
    assert sandbox.kubectl("get", "node", "worker-2", "-o", "jsonpath={.spec.unschedulable}") in ("", "false")


def test_the_control_plane_is_not_drained(sandbox):
    with pytest.raises(Conflict) as refused:
        act(CordonDrainNode(target=Target(kind="Node", name="cp-1")), sandbox)
    assert refused.value.code == "control_plane"


# Every kind of change, with its answer or its request lost on the way

KINDS = {
    "restart_workload": lambda sandbox: RestartWorkload(target=workload("Deployment", "shop", "order-worker")),
    "scale_up": lambda sandbox: ScaleUp(target=workload("Deployment", "payments", "fraud-scoring")),
    "scale_down": lambda sandbox: ScaleDown(target=workload("Deployment", "shop", "web")),
    "rollback": lambda sandbox: Rollback(target=workload("Deployment", "payments", "ledger")),
    "adjust_resources": lambda sandbox: AdjustResources(target=workload("Deployment", "edge", "gateway")),
    "delete_pod": lambda sandbox: DeletePod(target=workload("Pod", "shop", pod_of(sandbox, "cart"))),
    "cordon_drain_node": lambda sandbox: CordonDrainNode(target=Target(kind="Node", name="worker-3")),
    "rerun_job": lambda sandbox: RerunJob(target=workload("CronJob", "payments", "settlement")),
    "expand_storage": lambda sandbox: ExpandStorage(target=workload("PersistentVolumeClaim", "data", "data-queue-0")),
    "renew_certificate": lambda sandbox: RenewCertificate(target=workload("Certificate", "edge", "static-example-net")),
}
CAN_BE_PUT_BACK = {Undo.INVERSE, Undo.HALF}


def pod_of(sandbox: SandboxServer, name: str) -> str:
    path = "jsonpath={.items[0].metadata.name}"
    return sandbox.kubectl("get", "pods", "-n", "shop", "-l", f"app.kubernetes.io/name={name}", "-o", path)


class Lossy:
    """The cluster, but of the first change to it the request or the answer is lost."""

    def __init__(self, real: Api, lost: str) -> None:
        self.real, self.lost = real, lost

    def __getattr__(self, name: str):
        return getattr(self.real, name)

    def send(self, request: Request, *, dry_run: bool = False) -> KubeObject:
        lost, self.lost = ("", self.lost) if dry_run else (self.lost, "")
        if lost != "request":
            answer = self.real.send(request, dry_run=dry_run)
        if lost:
            raise Ambiguous(request.words, "connection reset")
        return answer


# One of each way in which two requests land at most once, and the one with requests that follow.
OF_EACH_BOUND = ("restart_workload", "delete_pod", "rerun_job", "cordon_drain_node")


@pytest.mark.parametrize(
    ("kind", "lost"), [*((kind, "answer") for kind in KINDS), *((kind, "request") for kind in OF_EACH_BOUND)]
)
def test_whatever_is_lost_each_kind_is_rehearsed_done_once_and_undone_if_it_says_so(sandbox, kind, lost):
    action = KINDS[kind](sandbox)
    after = max((one["n"] for one in sandbox.mutations()), default=0)
    exact = planned(action, sandbox)
    assert exact.dry_run.clean, exact.dry_run.error
    assert not [one for one in sandbox.effects(after=after) if one["mark"]], "a dry run changes nothing"
    reach = Lossy(executions.connector(django_settings.AIOPS.approvals)(django_settings.CLUSTERS[0]), lost)
    done = act(action, sandbox, connect=lambda _: reach)
    assert done.status == S.SUCCEEDED, told(done)
    changes = [one for one in sandbox.effects(mark=done.mark) if one["verb"] != "evict" or kind == "delete_pod"]
    assert len(changes) == 1, changes
    inverse = rollbacks.inverse_of(done)
    assert (inverse is not None) == (action.spec.undo in CAN_BE_PUT_BACK)
    if kind == "cordon_drain_node":
        sandbox.kubectl("uncordon", "worker-3")


def test_every_class_of_the_cluster_is_tried_that_way():
    of_the_cluster = {name.value for name, spec in SPECS.items() if spec.executor is Executor.KUBERNETES}
    assert set(KINDS) == of_the_cluster


def test_more_replicas_than_the_limit_are_refused(sandbox):
    with pytest.raises(Conflict) as refused:
        act(ScaleUp(target=workload("Deployment", "shop", "web"), replicas=101), sandbox)
    assert refused.value.code == "max_replicas"


def test_a_scaling_that_a_person_types_goes_the_way_the_live_object_says(sandbox):
    incident = factories.make_incident(target=workload("Deployment", "shop", "catalog"))
    factories.make_alert(incident)
    action = parse("kubectl scale deployment/catalog -n shop --replicas=2")
    approval = proposals.propose(incident, factories.make_principal("lead"), action=action, reason="quiet night")
    assert approval.action == ScaleDown(target=action.target, replicas=2)
    assert approval.risk == "medium"
