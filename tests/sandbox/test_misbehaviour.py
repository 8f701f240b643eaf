"""The control surface over real HTTP: holds, resets, late applies, refusals and outages, seen by a real client."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.sandbox_server import SandboxServer

WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
MERGE = {"Content-Type": "application/merge-patch+json"}


class Cluster:
    """A client that verifies the certificate and sends the token, as the kubeconfig says."""

    def __init__(self, kubeconfig: Path, account: str = "aiops-console") -> None:
        import base64
        import ssl

        config = yaml.safe_load(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        token = next(one["user"]["token"] for one in config["users"] if one["name"] == account)
        context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        self.http = httpx.Client(
            base_url=cluster["server"], verify=context, headers={"Authorization": f"Bearer {token}"}, timeout=10, trust_env=False
        )

    def web(self):
        return self.http.get(WEB).raise_for_status().json()

    def scale(self, replicas: int, *, revision: str = "", mark: str = "", dry_run: bool = False) -> httpx.Response:
        meta = ({"resourceVersion": revision} if revision else {}) | (
            {"annotations": {"aiops.dev/execution": mark}} if mark else {}
        )
        query = "?dryRun=All" if dry_run else ""
        return self.http.patch(WEB + query, json={"metadata": meta, "spec": {"replicas": replicas}}, headers=MERGE)


@pytest.fixture
def cluster(sandbox: SandboxServer) -> Iterator[Cluster]:
    client = Cluster(sandbox.kubeconfig)
    yield client
    client.http.close()


def last(sandbox: SandboxServer) -> int:
    return len(sandbox.mutations())


def test_without_a_token_nothing_is_told(sandbox, cluster):
    assert cluster.http.get("/api/v1/pods", headers={"Authorization": ""}).status_code == 401
    assert cluster.http.get("/version", headers={"Authorization": ""}).json()["minor"] == "32"


def test_hold_before_keeps_the_write_from_landing_until_released(sandbox, cluster):
    replicas, n = cluster.web()["spec"]["replicas"], last(sandbox)
    sandbox.hold("before")
    writer = threading.Thread(target=cluster.scale, args=(replicas + 1,), kwargs={"mark": "41"})
    writer.start()
    assert sandbox.wait_for(lambda: sandbox.held)["object"]["name"] == "web"
    assert sandbox.effects(after=n) == []
    sandbox.release()
    writer.join(10)
    assert [one["mark"] for one in sandbox.effects(after=n)] == ["41"]


def test_held_write_lands_though_its_client_is_gone(sandbox, cluster):
    n = last(sandbox)
    sandbox.hold("before")
    with pytest.raises(httpx.ReadTimeout):
        cluster.http.patch(WEB, json={"spec": {"replicas": 3}}, headers=MERGE, timeout=0.3)
    assert sandbox.effects(after=n) == []
    sandbox.release()
    sandbox.wait_for(lambda: sandbox.effects(after=n))


def test_hold_after_keeps_the_answer_of_a_write_that_landed(sandbox, cluster):
    n, replicas = last(sandbox), cluster.web()["spec"]["replicas"]
    sandbox.hold("after")
    writer = threading.Thread(target=cluster.scale, args=(replicas + 2,))
    writer.start()
    sandbox.wait_for(lambda: sandbox.held)
    assert len(sandbox.effects(after=n)) == 1
    assert writer.is_alive()
    sandbox.release()
    writer.join(10)


def test_hold_lets_dry_runs_pass_and_catches_one_write_only(sandbox, cluster):
    sandbox.hold("before")
    assert cluster.scale(2, dry_run=True).status_code == 200
    writer = threading.Thread(target=cluster.scale, args=(2,))
    writer.start()
    sandbox.wait_for(lambda: sandbox.held)
    other = Cluster(sandbox.kubeconfig)
    assert other.scale(4).status_code == 200
    sandbox.release()
    writer.join(10)


def test_reset_before_lands_nothing_and_reset_after_lands(sandbox, cluster):
    n, replicas = last(sandbox), cluster.web()["spec"]["replicas"]
    sandbox.misbehave(reset_before=1, only={"verb": "patch"})
    with pytest.raises(httpx.TransportError):
        cluster.scale(replicas + 1)
    assert sandbox.effects(after=n) == []
    sandbox.misbehave(reset_after=1)
    with pytest.raises(httpx.TransportError):
        cluster.scale(replicas + 1)
    assert len(sandbox.effects(after=n)) == 1


def test_timeout_after_lands_and_answers_504(sandbox, cluster):
    n, replicas = last(sandbox), cluster.web()["spec"]["replicas"]
    sandbox.misbehave(timeout_after=1)
    assert cluster.scale(replicas + 1).status_code == 504
    assert len(sandbox.effects(after=n)) == 1


def test_late_apply_answers_504_and_lands_later_only_where_the_revision_still_fits(sandbox, cluster):
    n, before = last(sandbox), cluster.web()
    sandbox.misbehave(late_apply_s=0.4)
    revision, replicas = before["metadata"]["resourceVersion"], before["spec"]["replicas"]
    assert cluster.scale(replicas + 3, revision=revision, mark="51").status_code == 504
    assert sandbox.effects(after=n) == []
    sandbox.misbehave()
    assert [one["code"] for one in sandbox.wait_for(lambda: [one for one in sandbox.mutations(n) if one["mark"] == "51"])] in (
        [200],
        [409],
    )


def test_late_apply_that_is_overtaken_is_a_conflict(sandbox, cluster):
    n, before = last(sandbox), cluster.web()
    sandbox.misbehave(late_apply_s=0.5)
    assert (
        cluster.scale(before["spec"]["replicas"] + 3, revision=before["metadata"]["resourceVersion"], mark="52").status_code
        == 504
    )
    sandbox.misbehave()
    cluster.scale(before["spec"]["replicas"] + 1, mark="53")
    late = sandbox.wait_for(lambda: [one for one in sandbox.mutations(n) if one["mark"] == "52"])
    assert [(one["applied"], one["code"]) for one in late] == [(False, 409)]


@pytest.mark.parametrize(("odds", "code"), [("conflict", 409), ("rate_limit", 429), ("server_error", 500)])
def test_refusals_on_purpose_change_nothing(sandbox, cluster, odds, code):
    n = last(sandbox)
    sandbox.misbehave(**{odds: 1}, only={"verb": "patch", "kind": "Deployment"})
    answer = cluster.scale(1)
    assert answer.status_code == answer.json()["code"] == code
    assert ("Retry-After" in answer.headers) == (code == 429)
    assert sandbox.effects(after=n) == []
    assert cluster.http.get("/api/v1/nodes").status_code == 200


def test_dry_run_can_be_refused_while_the_write_would_pass(sandbox, cluster):
    sandbox.misbehave(dry_run_refused=1)
    assert cluster.scale(3, dry_run=True).status_code == 403
    assert cluster.scale(3).status_code == 200


def test_a_number_above_one_strikes_that_many_times(sandbox, cluster):
    sandbox.misbehave(server_error=2, only={"verb": "write"})
    assert [cluster.scale(3).status_code for _ in range(3)] == [500, 500, 200]


def test_churn_moves_the_revision_but_neither_spec_nor_generation(sandbox, cluster):
    sandbox.wait_for(lambda: cluster.web()["status"].get("observedGeneration") == cluster.web()["metadata"]["generation"])
    sandbox.misbehave(churn=1)
    first, second = cluster.web(), cluster.web()
    assert first["metadata"]["resourceVersion"] != second["metadata"]["resourceVersion"]
    assert first["spec"] == second["spec"]
    assert first["metadata"]["generation"] == second["metadata"]["generation"]


def test_latency_is_added(sandbox, cluster):
    sandbox.misbehave(latency_ms=300)
    assert cluster.http.get("/api/v1/nodes").elapsed.total_seconds() >= 0.3


def test_outage_refuses_connections_and_keeps_the_state(sandbox, cluster):
    cluster.scale(3)
    sandbox.outage(True)
    with pytest.raises(httpx.TransportError):
        cluster.web()  # an open connection is cut
    with pytest.raises(httpx.ConnectError):
        cluster.web()  # a new one is refused
    sandbox.outage(False)
    assert cluster.web()["spec"]["replicas"] == 3


def test_refuse_shuts_the_port(sandbox, cluster):
    sandbox.misbehave(refuse=1)

    def refused() -> bool:
        try:
            Cluster(sandbox.kubeconfig).web()
        except httpx.ConnectError:
            return True
        return False

    sandbox.wait_for(refused)
    sandbox.misbehave()
    sandbox.wait_for(lambda: not refused())


def test_stop_and_start_keep_world_log_port_and_credentials(tmp_path):
    with SandboxServer(tmp_path) as sandbox:
        cluster = Cluster(sandbox.kubeconfig)
        cluster.scale(7, mark="61")
        seen, where = cluster.web(), sandbox.cluster_url
        sandbox.stop()
        sandbox.start()
        assert sandbox.cluster_url == where
        assert cluster.web()["metadata"]["uid"] == seen["metadata"]["uid"]
        assert cluster.web()["spec"]["replicas"] == 7
        assert [one["mark"] for one in sandbox.effects()] == ["61"]
        assert int(cluster.web()["metadata"]["resourceVersion"]) >= int(seen["metadata"]["resourceVersion"])


def test_control_surface_refuses_bad_bodies_and_web_pages(sandbox):
    assert sandbox.http.put(f"{sandbox.url}/sandbox/clock", json={"speed": 5000}).status_code == 422
    assert sandbox.http.put(f"{sandbox.url}/sandbox/misbehave", json={"typo": 1}).status_code == 422
    assert sandbox.http.get(f"{sandbox.url}/sandbox/clock", headers={"Origin": "https://example.net"}).status_code == 403
    assert sandbox.http.get(f"{sandbox.url}/sandbox/clock", headers={"Host": "evil.example.net"}).status_code == 403
