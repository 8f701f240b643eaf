"""Stock kubectl against the real server, as a person drives it in a second terminal."""

import json
import re
import subprocess
import time

import pytest

from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.kubectl, pytest.mark.usefixtures("kubectl")]


@pytest.fixture(scope="module")
def _running(tmp_path_factory):
    with SandboxServer(tmp_path_factory.mktemp("kubectl"), speed=40) as sandbox:
        yield sandbox


def a_pod(sandbox: SandboxServer, app: str, namespace: str = "shop") -> str:
    names = sandbox.kubectl("get", "pods", "-n", namespace, "-l", f"app.kubernetes.io/name={app}", "-o", "name")
    return names.split()[0].removeprefix("pod/")


def test_get_prints_the_columns_that_people_know(sandbox):
    assert sandbox.kubectl("get", "deploy", "web", "-n", "shop").split("\n")[0].split() == [
        "NAME",
        "READY",
        "UP-TO-DATE",
        "AVAILABLE",
        "AGE",
    ]
    assert "worker-1" in sandbox.kubectl("get", "pods", "-A", "-o", "wide")
    everything = sandbox.kubectl("get", "all", "-n", "edge")
    for kind in ("pod/", "service/", "deployment.apps/", "replicaset.apps/", "daemonset.apps/"):
        assert kind in everything
    for kind in ("nodes", "sts", "ds", "jobs", "cronjobs", "pdb", "hpa", "pvc", "certificates", "events", "namespaces"):
        sandbox.kubectl("get", kind, "-A")


def test_get_by_selectors_and_output_formats(sandbox):
    assert sandbox.kubectl("get", "deploy", "web", "-n", "shop", "-o", "jsonpath={.spec.selector.matchLabels}").startswith("{")
    assert (
        len(
            json.loads(sandbox.kubectl("get", "pods", "-n", "shop", "-l", "app.kubernetes.io/name in (web,cart)", "-o", "json"))[
                "items"
            ]
        )
        >= 5
    )
    on_node = sandbox.kubectl("get", "pods", "-A", "--field-selector", "spec.nodeName=cp-1", "-o", "name")
    assert "pod/etcd-cp-1" in on_node


@pytest.mark.parametrize(
    ("kind", "name", "namespace"),
    [
        ("deploy", "web", "shop"),
        ("sts", "redis", "data"),
        ("ds", "log-agent", "edge"),
        ("node", "worker-1", ""),
        ("hpa", "search", "shop"),
        ("pvc", "data-redis-0", "data"),
        ("cronjob", "nightly-report", "data"),
        ("cert", "shop-example-net", "edge"),
    ],
)
def test_describe(sandbox, kind, name, namespace):
    told = sandbox.kubectl("describe", kind, name, *(["-n", namespace] if namespace else []))
    assert re.search(rf"Name:\s+{name}", told)
    assert "Events:" in told


def test_describe_pod_tells_state_and_events(sandbox):
    name = a_pod(sandbox, "cart")
    sandbox.kubectl("delete", "pod", name, "-n", "shop")
    told = sandbox.kubectl("describe", "pod", a_pod(sandbox, "cart"), "-n", "shop")
    assert "Readiness:" in told
    assert sandbox.wait_for(
        lambda: "Scheduled" in sandbox.kubectl("describe", "pods", "-n", "shop", "-l", "app.kubernetes.io/name=cart")
    )


def test_logs(sandbox):
    assert "listening on :8080" in sandbox.kubectl("logs", "deploy/web", "-n", "shop", "--tail", "5")
    assert "starting" not in sandbox.kubectl("logs", a_pod(sandbox, "web"), "-n", "shop", "--tail", "1")


def test_scale_and_rollout_status(sandbox):
    assert "scaled" in sandbox.kubectl("scale", "deploy/catalog", "-n", "shop", "--replicas", "4")
    assert "successfully rolled out" in sandbox.kubectl("rollout", "status", "deploy/catalog", "-n", "shop", "--timeout", "60s")
    assert "4/4" in sandbox.kubectl("get", "deploy", "catalog", "-n", "shop")
    assert (
        "error"
        in sandbox.kubectl(
            "scale", "deploy/catalog", "-n", "shop", "--replicas", "3", "--current-replicas", "9", check=False
        ).lower()
    )


def test_restart_undo_and_history(sandbox):
    def image_set() -> str:
        return sandbox.kubectl(
            "get", "deploy", "web", "-n", "shop", "-o", "jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}"
        )

    first = int(image_set())
    sandbox.kubectl("rollout", "restart", "deploy/web", "-n", "shop")
    sandbox.kubectl("rollout", "status", "deploy/web", "-n", "shop", "--timeout", "60s")
    assert int(image_set()) == first + 1
    sandbox.kubectl("rollout", "undo", "deploy/web", "-n", "shop")
    sandbox.kubectl("rollout", "status", "deploy/web", "-n", "shop", "--timeout", "60s")
    assert int(image_set()) == first + 2
    history = sandbox.kubectl("rollout", "history", "deploy/web", "-n", "shop")
    assert "release web 2.14.0" in history
    assert "2.13.0" in sandbox.kubectl("rollout", "history", "deploy/web", "-n", "shop", "--revision", "1")


@pytest.mark.parametrize(("kind", "namespace", "name"), [("sts", "data", "redis"), ("ds", "edge", "log-agent")])
def test_restart_and_undo_of_the_other_workloads(sandbox, kind, namespace, name):
    for act in ("restart", "undo"):
        sandbox.kubectl("rollout", act, f"{kind}/{name}", "-n", namespace)
        sandbox.kubectl("rollout", "status", f"{kind}/{name}", "-n", namespace, "--timeout", "90s")
    assert "release" in sandbox.kubectl("rollout", "history", f"{kind}/{name}", "-n", namespace)


def test_set_image_annotate_label_and_edit_by_patch(sandbox):
    sandbox.kubectl("set", "image", "deploy/cart", "cart=registry.example.net/shop/cart:4.3.0", "-n", "shop")
    sandbox.kubectl("annotate", "deploy/cart", "note=here", "-n", "shop")
    sandbox.kubectl("patch", "deploy/cart", "-n", "shop", "-p", '{"spec":{"minReadySeconds":2}}')
    sandbox.kubectl("set", "resources", "deploy/cart", "-n", "shop", "--limits=memory=500Mi")
    cart = json.loads(sandbox.kubectl("get", "deploy", "cart", "-n", "shop", "-o", "json"))
    container = cart["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["resources"]["limits"]["memory"]) == ("registry.example.net/shop/cart:4.3.0", "500Mi")
    assert (cart["metadata"]["annotations"]["note"], cart["spec"]["minReadySeconds"]) == ("here", 2)
    assert "successfully rolled out" in sandbox.kubectl("rollout", "status", "deploy/cart", "-n", "shop", "--timeout", "90s")


def test_delete_pod_waits_for_its_end_and_a_new_one_comes(sandbox):
    name = a_pod(sandbox, "order-worker")
    assert "deleted" in sandbox.kubectl("delete", "pod", name, "-n", "shop")
    assert name not in sandbox.kubectl("get", "pods", "-n", "shop", "-o", "name")
    sandbox.wait_for(lambda: "3/3" in sandbox.kubectl("get", "deploy", "order-worker", "-n", "shop"))


def test_server_dry_run_changes_nothing(sandbox):
    before = sandbox.kubectl("get", "deploy", "web", "-n", "shop", "-o", "jsonpath={.metadata.resourceVersion}")
    sandbox.kubectl("scale", "deploy/web", "-n", "shop", "--replicas", "9", "--dry-run=server")
    sandbox.kubectl("set", "image", "deploy/web", "web=other:1", "-n", "shop", "--dry-run=server")
    sandbox.kubectl("annotate", "deploy/web", "a=b", "-n", "shop", "--dry-run=server")
    sandbox.kubectl("delete", "pod", a_pod(sandbox, "web"), "-n", "shop", "--dry-run=server")
    assert sandbox.kubectl("get", "deploy", "web", "-n", "shop", "-o", "jsonpath={.metadata.resourceVersion}") == before


def test_discovery_and_rights(sandbox):
    listed = sandbox.kubectl("api-resources")
    assert "deployments" in listed
    assert "certificates" in listed
    assert sandbox.kubectl("auth", "can-i", "patch", "deployments.apps", "-n", "shop").strip() == "yes"
    assert sandbox.kubectl("auth", "can-i", "get", "secrets", "-n", "shop", check=False).strip() == "no"
    assert sandbox.kubectl("auth", "can-i", "create", "pods", "--subresource=eviction", "-n", "shop").strip() == "yes"
    assert sandbox.kubectl("auth", "can-i", "create", "pods", "--subresource=exec", "-n", "shop", check=False).strip() == "no"
    viewer, shop, admin = "sandbox-aiops-viewer", "sandbox-aiops-shop", "sandbox-cluster-admin"
    assert sandbox.kubectl("auth", "can-i", "delete", "pods", "-n", "shop", context=viewer, check=False).strip() == "no"
    assert sandbox.kubectl("auth", "can-i", "delete", "pods", "-n", "shop", context=shop).strip() == "yes"
    assert sandbox.kubectl("auth", "can-i", "delete", "pods", "-n", "data", context=shop, check=False).strip() == "no"
    assert sandbox.kubectl("auth", "can-i", "*", "*", "-A", context=admin).strip() == "yes"
    assert "deployments.apps" in sandbox.kubectl("auth", "can-i", "--list", "-n", "shop")
    assert "Forbidden" in sandbox.kubectl("scale", "deploy/web", "-n", "shop", "--replicas", "1", context=viewer, check=False)


def test_watch_shows_changes_as_they_happen(sandbox):
    command = ["kubectl", "--kubeconfig", str(sandbox.kubeconfig), "get", "deploy", "fraud-scoring", "-n", "payments", "-w"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        watching.stdout.readline(), watching.stdout.readline()
        sandbox.kubectl("scale", "deploy/fraud-scoring", "-n", "payments", "--replicas", "3")
        ends = time.monotonic() + 30
        while "3/3" not in watching.stdout.readline():
            assert time.monotonic() < ends
        watching.kill()


def test_drain_respects_budgets_and_daemons(sandbox):
    told = sandbox.kubectl("drain", "worker-3", "--ignore-daemonsets", "--timeout", "60s")
    assert "drained" in told
    assert "SchedulingDisabled" in sandbox.kubectl("get", "node", "worker-3")
    left = sandbox.kubectl("get", "pods", "-A", "--field-selector", "spec.nodeName=worker-3", "-o", "name").split()
    assert all(any(daemon in name for daemon in ("kube-proxy", "node-exporter", "log-agent")) for name in left)
    sandbox.kubectl("uncordon", "worker-3")
    refused = sandbox.kubectl("drain", "worker-4", "--ignore-daemonsets", "--timeout", "3s", check=False)
    assert "disruption budget" in refused
    sandbox.kubectl("uncordon", "worker-4")


def test_job_from_cron_job_and_apply(sandbox):
    sandbox.kubectl("create", "job", "again", "-n", "data", "--from", "cronjob/nightly-report")
    sandbox.kubectl("wait", "--for=condition=Complete", "job/again", "-n", "data", "--timeout", "60s")
    assert "240 of 240" in sandbox.kubectl("logs", "job/again", "-n", "data")
    manifest = json.dumps(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made", "namespace": "shop"}, "data": {"a": "b"}}
    )
    assert "created" in sandbox.kubectl("apply", "-f", "-", context="sandbox-cluster-admin", input=manifest)
    assert "unchanged" in sandbox.kubectl("apply", "-f", "-", context="sandbox-cluster-admin", input=manifest)


def test_what_people_do_is_in_the_log_under_their_tool(sandbox):
    n = len(sandbox.mutations())
    sandbox.kubectl("annotate", "deploy/web", "who=me", "-n", "shop")
    written = sandbox.mutations(n)
    assert [(one["verb"], one["object"]["name"], one["mark"]) for one in written if "kubectl" in one["user_agent"]] == [
        ("patch", "web", None)
    ]
