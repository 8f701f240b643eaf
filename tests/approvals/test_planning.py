"""What would be done to the live object, with absolute values, a dry run by the server, and what lies around."""

from collections.abc import Iterator

import pytest
import yaml
from django.conf import settings as django_settings

from aiops.core.actions import Action, AdjustResources, DeletePod, RestartWorkload, Rollback, ScaleDown, ScaleUp
from aiops.core.clusters import Cluster
from aiops.core.errors import Conflict, Unavailable
from aiops.core.targets import Target
from approvals.planning import plan
from approvals.plans import Plan
from incidents.models import Dependency
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("sandbox"), speed=20) as running:
        yield running


@pytest.fixture
def planned(sandbox):
    cluster = Cluster(name="sandbox", kubeconfig=sandbox.kubeconfig, shadow=False)

    def make(action: Action) -> Plan:
        return plan(action, cluster, conf=django_settings.AIOPS.approvals)

    return make


def workload(name: str, namespace: str = "shop", kind: str = "Deployment") -> Target:
    return Target(kind=kind, namespace=namespace, name=name)


def pod_of(sandbox: SandboxServer, name: str, namespace: str = "shop") -> Target:
    pods = sandbox.kubectl("get", "pods", "-n", namespace, "-l", f"app.kubernetes.io/name={name}", "-o", "name").split()
    return Target(kind="Pod", namespace=namespace, name=pods[0].removeprefix("pod/"))


# Absolute values


def test_scaling_up_is_by_half_at_least_by_one_at_most_to_the_cap(planned):
    assert planned(ScaleUp(target=workload("web"))).action == ScaleUp(target=workload("web"), replicas=6)
    redis = workload("redis", "data", "StatefulSet")
    assert planned(ScaleUp(target=redis)).action == ScaleUp(target=redis, replicas=2)


def test_scaling_down_is_by_a_third(planned):
    assert planned(ScaleDown(target=workload("cart"))).action == ScaleDown(target=workload("cart"), replicas=2)


def test_rolling_back_names_the_previous_revision_and_its_hash(planned):
    action = planned(Rollback(target=workload("catalog"))).action
    assert isinstance(action, Rollback)
    assert action.revision == 1
    assert action.template_hash


def test_a_statefulset_is_rolled_back_by_its_controller_revisions(planned):
    action = planned(Rollback(target=workload("queue", "data", "StatefulSet"))).action
    assert isinstance(action, Rollback)
    assert action.template_hash


def test_a_restart_between_is_no_revision_to_go_back_to(planned, sandbox):
    before = planned(Rollback(target=workload("checkout", "payments"))).action
    sandbox.kubectl("rollout", "restart", "deploy/checkout", "-n", "payments")
    assert planned(Rollback(target=workload("checkout", "payments"))).action == before


def test_limits_are_filled_in_for_the_only_container(planned):
    target = workload("cart")
    action = planned(AdjustResources(target=target)).action
    assert isinstance(action, AdjustResources)
    assert action.memory == "576Mi"
    assert action.container


# The dry run


def test_the_dry_run_shows_what_would_change_and_changes_nothing(planned, sandbox):
    seen = planned(ScaleUp(target=workload("catalog"), replicas=5))
    assert seen.dry_run.clean
    assert ("replicas", 3, 5) in seen.dry_run.changes
    assert not [one for one in sandbox.mutations() if one["applied"] and one["user_agent"] == "aiops-console" and one["effect"]]


def test_a_refused_dry_run_is_part_of_the_plan(planned, sandbox):
    sandbox.misbehave(dry_run_refused=1.0)
    try:
        refused = planned(RestartWorkload(target=workload("web"))).dry_run
    finally:
        sandbox.misbehave()
    assert not refused.clean
    assert refused.error


def test_the_digest_follows_what_the_action_touches(planned, sandbox):
    restart, scale = RestartWorkload(target=workload("order-worker")), ScaleUp(target=workload("order-worker"), replicas=9)
    restart_before, scale_before = planned(restart).digest, planned(scale).digest
    sandbox.kubectl("scale", "deploy/order-worker", "-n", "shop", "--replicas=4")
    assert planned(restart).digest == restart_before
    assert planned(scale).digest != scale_before


# What lies around


def test_surroundings_come_from_the_live_state(planned):
    around = planned(RestartWorkload(target=workload("web"))).surroundings
    assert (around.pods_affected, around.pods_total, around.rolling) == (4, 4, True)
    assert around.replicas_left == 3
    assert around.criticality == 1
    assert around.pdb_allows == 1
    assert "edge/gateway" in around.dependants
    assert not around.unread


def test_declared_dependencies_count_too(planned):
    Dependency.objects.create(downstream="mobile-app", upstream="web")
    assert "mobile-app" in planned(RestartWorkload(target=workload("web"))).surroundings.dependants


def test_the_only_pod_of_a_database_leaves_nothing(planned):
    around = planned(RestartWorkload(target=workload("orders-db", "data", "StatefulSet"))).surroundings
    assert (around.replicas_left, around.rolling) == (0, False)
    assert around.downtime_s > 0


def test_a_pod_is_one_of_its_workload(planned, sandbox):
    around = planned(DeletePod(target=pod_of(sandbox, "catalog"))).surroundings
    assert (around.pods_affected, around.pods_total, around.replicas_left) == (1, 3, 2)


def test_owners_are_named(planned):
    assert "Argo CD" in planned(RestartWorkload(target=workload("recommendations"))).surroundings.gitops_owner
    assert planned(RestartWorkload(target=workload("search"))).surroundings.hpa == "search"


# Refusals


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (RestartWorkload(target=workload("nothing")), "not_found"),
        (ScaleUp(target=workload("search"), replicas=5), "hpa_owner"),
        (Rollback(target=workload("recommendations")), "gitops_owner"),
        (ScaleUp(target=workload("web"), replicas=4), "nothing_to_do"),
        (ScaleDown(target=workload("web"), replicas=9), "nothing_to_do"),
        (Rollback(target=workload("web"), revision=99), "no_revision"),
        (AdjustResources(target=workload("web"), container="none", memory="1Gi"), "no_container"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(planned, action, code):
    with pytest.raises(Conflict) as refused:
        planned(action)
    assert refused.value.code == code
    assert action.target.name in refused.value.detail


def test_a_paused_rollout_is_refused(planned, sandbox):
    sandbox.kubectl("rollout", "pause", "deploy/cart", "-n", "shop")
    try:
        with pytest.raises(Conflict) as refused:
            planned(RestartWorkload(target=workload("cart")))
    finally:
        sandbox.kubectl("rollout", "resume", "deploy/cart", "-n", "shop")
    assert refused.value.code == "paused"


def test_missing_rights_are_named_with_verb_and_resource(sandbox, tmp_path):
    config = yaml.safe_load(sandbox.kubeconfig.read_text())
    config["current-context"] = next(c["name"] for c in config["contexts"] if "view" in c["name"] or "read" in c["name"])
    (tmp_path / "viewer").write_text(yaml.safe_dump(config))
    seen = plan(
        RestartWorkload(target=workload("web")),
        Cluster(name="sandbox", kubeconfig=tmp_path / "viewer"),
        conf=django_settings.AIOPS.approvals,
    )
    assert not seen.dry_run.clean
    assert 'cannot patch resource "deployments"' in seen.dry_run.error


def test_a_cluster_that_does_not_answer_is_said_to_be_so(planned, sandbox):
    sandbox.outage(True)
    try:
        with pytest.raises(Unavailable) as refused:
            planned(RestartWorkload(target=workload("web")))
    finally:
        sandbox.outage(False)
    assert "sandbox" in refused.value.detail


def test_a_cluster_whose_kubeconfig_is_gone_is_said_to_be_so(tmp_path):
    gone = Cluster(name="gone", kubeconfig=tmp_path / "none")
    with pytest.raises(Conflict) as refused:
        plan(RestartWorkload(target=workload("web")), gone, conf=django_settings.AIOPS.approvals)
    assert refused.value.code == "kubeconfig"
