"""Controllers move workloads as Kubernetes does, in simulated time."""

import pickle
from datetime import UTC, datetime

import pytest

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import condition_of, is_true
from aiops.sandbox.controllers.jobs import is_due
from aiops.sandbox.controllers.pods import restarts_of
from aiops.sandbox.web.tables import age, duration, table_of
from aiops.sandbox.world import World
from tests.sandbox.worlds import ADMIN, call, evict, get, patch, pods_of, until


@pytest.fixture(scope="module")
def made() -> bytes:
    return pickle.dumps(World(seed=3))


@pytest.fixture
def world(made: bytes) -> World:
    return pickle.loads(made)


def image(tag: str, name: str = "web"):
    return {"spec": {"template": {"spec": {"containers": [{"name": name, "image": f"registry.example.net/shop/{name}:{tag}"}]}}}}


def web(world: World):
    return get(world, r.DEPLOYMENTS, "shop", "web")


def done(world: World) -> bool:
    status, spec = web(world)["status"], web(world)["spec"]
    seen = status["observedGeneration"] == web(world)["metadata"]["generation"]
    return seen and status.get("updatedReplicas") == status.get("availableReplicas") == status["replicas"] == spec["replicas"]


def test_base_world_is_healthy_and_as_rich_as_promised(world):
    assert world.is_quiet
    assert len([node for node in world.store.all(r.NODES) if "worker" in node["metadata"]["name"]]) == 4
    assert len(world.store.all(r.DEPLOYMENTS)) + len(world.store.all(r.STATEFUL_SETS)) + len(world.store.all(r.DAEMON_SETS)) >= 20
    assert {pod["metadata"]["name"] for pod in world.store.all(r.PODS, "kube-system")} >= {"etcd-cp-1", "kube-apiserver-cp-1"}
    assert web(world)["metadata"]["labels"]["aiops.dev/criticality"] == "tier-1"
    assert web(world)["metadata"]["annotations"]["aiops.dev/depends-on"] == "shop/catalog,shop/cart,payments/checkout"
    world.advance(900, step_s=5)
    assert world.is_quiet


def test_rolling_update_keeps_within_surge_and_unavailability(world):
    patch(world, r.DEPLOYMENTS, "shop", "web", image("2.15.0"))
    for _ in range(90):
        world.advance(1)
        pods = [
            pod for pod in world.store.all(r.PODS, "shop") if pod["metadata"]["labels"].get("app.kubernetes.io/name") == "web"
        ]
        alive = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        assert len(alive) <= 5
        assert sum(is_true(pod, "Ready") for pod in alive) >= 3
    assert done(world)


def test_rollout_tells_its_progress_in_the_status(world):
    revision = int(web(world)["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
    patch(world, r.DEPLOYMENTS, "shop", "web", image("2.15.0"))
    assert web(world)["status"]["observedGeneration"] < web(world)["metadata"]["generation"]
    world.advance(2)
    assert web(world)["status"]["observedGeneration"] == web(world)["metadata"]["generation"]
    assert condition_of(web(world), "Progressing")["reason"] == "ReplicaSetUpdated"
    until(world, lambda: done(world), 120)
    assert condition_of(web(world), "Progressing")["reason"] == "NewReplicaSetAvailable"
    assert int(web(world)["metadata"]["annotations"]["deployment.kubernetes.io/revision"]) == revision + 1


def test_going_back_reuses_the_old_replica_set_under_a_new_revision(world):
    before = web(world)["spec"]["template"]
    sets = {one["metadata"]["name"] for one in world.store.all(r.REPLICA_SETS, "shop")}
    patch(world, r.DEPLOYMENTS, "shop", "web", image("2.15.0"))
    until(world, lambda: done(world), 120)
    operations = [
        {
            "op": "replace",
            "path": "/spec/template",
            "value": before | {"metadata": before["metadata"] | {"creationTimestamp": None}},
        }
    ]
    patch(world, r.DEPLOYMENTS, "shop", "web", operations)
    until(world, lambda: done(world), 120)
    assert len({one["metadata"]["name"] for one in world.store.all(r.REPLICA_SETS, "shop")} - sets) == 1
    current = next(
        one
        for one in world.store.all(r.REPLICA_SETS, "shop")
        if one["metadata"]["labels"].get("app.kubernetes.io/name") == "web" and one["spec"]["replicas"]
    )
    assert current["metadata"]["name"] in sets
    assert current["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"]


def test_stuck_rollout_exceeds_its_deadline(world):
    patch(world, r.DEPLOYMENTS, "shop", "web", {"spec": {"progressDeadlineSeconds": 60}})
    world.inject("lie-old-pods", None)
    checkout = lambda: get(world, r.DEPLOYMENTS, "payments", "checkout")  # noqa: E731
    patch(world, r.DEPLOYMENTS, "payments", "checkout", {"spec": {"progressDeadlineSeconds": 60}})
    until(world, lambda: condition_of(checkout(), "Progressing")["reason"] == "ProgressDeadlineExceeded", 300)
    assert condition_of(checkout(), "Progressing")["status"] == "False"
    assert condition_of(checkout(), "Available")["status"] == "True"


def test_paused_deployment_scales_and_does_not_roll(world):
    patch(world, r.DEPLOYMENTS, "shop", "web", {"spec": {"paused": True}})
    patch(world, r.DEPLOYMENTS, "shop", "web", image("2.15.0"))
    patch(world, r.DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 6}})
    world.advance(60)
    assert {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods_of(world, "shop", "web")} == {"2.14.1"}
    assert len(pods_of(world, "shop", "web")) == 6


def test_crash_loop_backs_off_and_keeps_its_last_words(world):
    world.inject("config-crash-loop")
    world.advance(150)
    pod = next(pod for pod in pods_of(world, "payments", "ledger") if restarts_of(pod))
    status = pod["status"]["containerStatuses"][0]
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert any("DB_POOL" in line for _, line in world.logs("payments", pod["metadata"]["name"]))
    assert any(event["reason"] == "BackOff" for event in world.store.all(r.EVENTS, "payments"))
    assert 2 <= restarts_of(pod) <= 6


def test_memory_over_the_limit_is_killed(world):
    world.inject("memory-leak")
    until(world, lambda: any(restarts_of(pod) for pod in pods_of(world, "shop", "catalog")), 1200)
    pod = next(pod for pod in pods_of(world, "shop", "catalog") if restarts_of(pod))
    ended = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


def test_pods_that_no_node_can_take_stay_pending(world):
    patch(
        world,
        r.DEPLOYMENTS,
        "shop",
        "cart",
        {
            "spec": {
                "template": {
                    "spec": {"containers": [{"name": "cart", "resources": {"limits": {"cpu": "40"}, "requests": {"cpu": "40"}}}]}
                }
            }
        },
    )
    world.advance(30)
    waiting = [pod for pod in pods_of(world, "shop", "cart") if pod["status"]["phase"] == "Pending"]
    assert waiting
    assert condition_of(waiting[0], "PodScheduled")["reason"] == "Unschedulable"
    assert any(event["reason"] == "FailedScheduling" for event in world.store.all(r.EVENTS, "shop"))


def test_stateful_set_renews_from_the_last_and_stops_at_a_bad_pod(world):
    patch(world, r.STATEFUL_SETS, "data", "queue", {"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}})
    world.advance(5)
    assert [pod["metadata"]["name"] for pod in world.store.all(r.PODS, "data") if pod["metadata"].get("deletionTimestamp")] in (
        [],
        ["queue-2"],
    )
    until(world, lambda: get(world, r.STATEFUL_SETS, "data", "queue")["status"]["updatedReplicas"] == 3, 120)
    status = get(world, r.STATEFUL_SETS, "data", "queue")["status"]
    assert status["readyReplicas"] >= 2


def test_deleted_pod_of_a_stateful_set_comes_back_under_its_name(world):
    before = world.store.find(r.PODS, "data", "redis-0")["metadata"]["uid"]
    evict(world, "data", "redis-0")
    until(
        world,
        lambda: (
            (pod := world.store.find(r.PODS, "data", "redis-0")) and pod["metadata"]["uid"] != before and is_true(pod, "Ready")
        ),
        60,
    )


def test_claim_grows_and_never_shrinks(world):
    patch(world, r.CLAIMS, "data", "data-redis-0", {"spec": {"resources": {"requests": {"storage": "8Gi"}}}})
    assert get(world, r.CLAIMS, "data", "data-redis-0")["status"]["capacity"]["storage"] == "4Gi"
    until(world, lambda: get(world, r.CLAIMS, "data", "data-redis-0")["status"]["capacity"]["storage"] == "8Gi", 60)
    with pytest.raises(Exception, match="can not be less"):
        patch(world, r.CLAIMS, "data", "data-redis-0", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})


def test_certificate_is_issued_when_its_condition_asks_for_it(world):
    before = get(world, r.CERTIFICATES, "edge", "shop-example-net")["status"]
    condition = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "execution 9"}
    conditions = [*before["conditions"], condition]
    patch(world, r.CERTIFICATES, "edge", "shop-example-net", {"status": {"conditions": conditions}}, sub="status")
    until(
        world, lambda: get(world, r.CERTIFICATES, "edge", "shop-example-net")["status"]["revision"] == before["revision"] + 1, 60
    )
    after = get(world, r.CERTIFICATES, "edge", "shop-example-net")["status"]
    assert after["notAfter"] > before["notAfter"]
    assert [one["type"] for one in after["conditions"]] == ["Ready"]


def test_autoscaler_undoes_a_scaling_in_its_own_name(world):
    patch(world, r.DEPLOYMENTS, "shop", "search", {"spec": {"replicas": 6}})
    until(world, lambda: get(world, r.DEPLOYMENTS, "shop", "search")["spec"]["replicas"] < 6, 900)
    entry = next(one for one in world.api.mutations.entries if "horizontal-pod-autoscaler" in one.user_agent)
    assert (entry.account, entry.subresource, entry.mark) == ("system:horizontal-pod-autoscaler", "scale", None)


@pytest.mark.parametrize(
    ("namespace", "name", "agent"), [("shop", "recommendations", "argocd"), ("edge", "static-site", "kustomize")]
)
def test_gitops_puts_back_what_git_says_and_leaves_restarts_alone(world, namespace, name, agent):
    restart = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}
    patch(world, r.DEPLOYMENTS, namespace, name, restart)
    world.advance(90)
    assert not [one for one in world.api.mutations.entries if agent in one.user_agent]
    patch(world, r.DEPLOYMENTS, namespace, name, {"spec": {"replicas": 5}})
    until(world, lambda: get(world, r.DEPLOYMENTS, namespace, name)["spec"]["replicas"] == 2, 90)
    assert [one for one in world.api.mutations.entries if agent in one.user_agent]


def test_silent_node_turns_unknown_and_its_pods_unready_then_leave(world):
    world.nodes.silence("worker-3")
    world.advance(20)
    there = [pod for pod in world.store.all(r.PODS) if pod["spec"].get("nodeName") == "worker-3"]
    assert all(is_true(pod, "Ready") for pod in there if pod["status"]["phase"] == "Running")
    world.advance(30)
    node = world.store.find(r.NODES, "", "worker-3")
    assert condition_of(node, "Ready")["status"] == "Unknown"
    assert {taint["key"] for taint in node["spec"]["taints"]} == {"node.kubernetes.io/unreachable"}
    there = [pod for pod in world.store.all(r.PODS) if pod["spec"].get("nodeName") == "worker-3"]
    assert not any(is_true(pod, "Ready") for pod in there)
    world.advance(400, step_s=5)
    later = [world.store.find(r.PODS, pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in there]
    assert any(pod["metadata"].get("deletionTimestamp") for pod in later if pod)
    world.nodes.wake("worker-3")
    until(world, lambda: is_true(world.store.find(r.NODES, "", "worker-3"), "Ready"), 30)
    assert "taints" not in world.store.find(r.NODES, "", "worker-3")["spec"]


def test_deleting_an_owner_takes_what_it_owns_unless_orphaned(world):
    world.api.delete(call(r.DEPLOYMENTS, "shop", "cart", account=ADMIN), {})
    world.advance(30)
    assert pods_of(world, "shop", "cart") == []
    assert not [one for one in world.store.all(r.REPLICA_SETS, "shop") if one["metadata"]["name"].startswith("cart-")]
    world.api.delete(call(r.DEPLOYMENTS, "shop", "catalog", account=ADMIN), {"propagationPolicy": "Orphan"})
    world.advance(30)
    assert len(pods_of(world, "shop", "catalog")) == 3


def test_jobs_run_again_and_fail_for_good_after_their_limit(world):
    cron = get(world, r.CRON_JOBS, "data", "nightly-report")
    job = {"metadata": {"name": "by-hand"}, "spec": cron["spec"]["jobTemplate"]["spec"]}
    world.api.create(call(r.JOBS, "data"), job)
    until(world, lambda: is_true(get(world, r.JOBS, "data", "by-hand"), "Complete"), 120)
    world.inject("failed-job")
    until(world, lambda: any(is_true(one, "Failed") for one in world.store.all(r.JOBS, "data")), 240)


@pytest.mark.parametrize(
    ("schedule", "at", "due"),
    [
        ("15 2 * * *", "02:15", True),
        ("15 2 * * *", "02:16", False),
        ("*/20 * * * *", "07:40", True),
        ("0 8-10 * * 1,2", "09:00", True),
    ],
)
def test_schedules(schedule, at, due):
    moment = datetime.fromisoformat(f"2026-03-02T{at}:00").replace(tzinfo=UTC)  # a Monday
    assert is_due(schedule, moment) is due


@pytest.mark.parametrize(("seconds", "text"), [(5, "5s"), (119, "119s"), (120, "2m"), (185, "3m5s"), (3600, "60m"), (7 * 3600, "7h"), (90_000, "25h"), (9 * 86_400, "9d")])  # fmt: skip
def test_ages_are_written_as_kubectl_writes_them(seconds, text):
    assert duration(seconds) == text
    assert age(None, datetime.now(UTC)) == "<unknown>"


def test_every_kind_has_a_table_row(world):
    for resource in r.RESOURCES:
        documents = world.store.all(resource)
        table = table_of(resource, documents, world.clock.now())
        assert all(len(row["cells"]) == len(table["columnDefinitions"]) for row in table["rows"])
