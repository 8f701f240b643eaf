"""The whole program from outside: a fault, its alerts at a webhook, its metrics at Prometheus, the truth at the control surface."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO

import httpx
import pytest
from django.core.management import CommandError, call_command

from tests.sandbox_server import SandboxServer


class Receiver(HTTPServer):
    """Takes webhooks; answers the codes in `answers` first, then 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[dict] = []
        self.codes: list[int] = []
        self.tokens: set[str | None] = set()
        self.answers: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/v1/webhooks/alertmanager"

    def about(self, deployment: str) -> list[dict]:
        """Notifications that were taken and name that deployment."""
        taken = [body for body, code in zip(list(self.bodies), list(self.codes), strict=False) if code == 200]
        return [body for body in taken if any(alert["labels"].get("deployment") == deployment for alert in body["alerts"])]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        code = self.server.answers.pop(0) if self.server.answers else 200
        self.server.tokens.add(self.headers.get("Authorization"))
        self.server.bodies.append(body)
        self.server.codes.append(code)
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        return


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture(scope="module")
def running(tmp_path_factory, receiver) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("server"), speed=120, webhook_url=receiver.url, webhook_token="secret") as made:
        yield made


@pytest.fixture
def sandbox(running) -> Iterator[SandboxServer]:
    yield running
    running.reset()


def query(sandbox: SandboxServer, text: str, **more: object):
    path = "query_range" if "step" in more else "query"
    answer = sandbox.http.get(f"{sandbox.url}/api/v1/{path}", params={"query": text, **more}).json()
    assert answer["status"] == "success", answer
    return answer["data"]["result"]


def test_fault_fires_at_the_webhook_and_its_cure_resolves_it(sandbox, receiver):
    fault = sandbox.inject("bad-deploy")
    firing = sandbox.wait_for(lambda: receiver.about("web"))[0]
    assert firing["status"] == "firing"
    labels = firing["alerts"][0]["labels"]
    assert (labels["alertname"], labels["namespace"], labels["cluster"], labels["severity"]) == (
        "HighErrorRate",
        "shop",
        "sandbox",
        "critical",
    )
    assert receiver.tokens == {"Bearer secret"}
    sandbox.kubectl("rollout", "undo", "deploy/web", "-n", "shop")
    assert sandbox.wait_for(lambda: sandbox.fault(fault)["cured_by"]) == "rollback"
    resolved = sandbox.wait_for(lambda: [body for body in receiver.about("web") if body["status"] == "resolved"])[0]
    assert resolved["alerts"][0]["endsAt"] > resolved["alerts"][0]["startsAt"]
    assert resolved["alerts"][0]["fingerprint"] == firing["alerts"][0]["fingerprint"]


def test_receiver_that_fails_is_told_again_soon(sandbox, receiver):
    begin = len(receiver.codes)
    receiver.answers = [503, 503]
    sandbox.inject("hung-pod")
    sandbox.wait_for(lambda: receiver.about("checkout"))
    answered = list(zip(receiver.bodies, receiver.codes, strict=False))[begin:]
    refused = [(i, body) for i, (body, code) in enumerate(answered) if code == 503]
    assert len(refused) == 2
    for i, body in refused:
        sandbox.wait_for(
            lambda i=i, body=body: (body, 200) in list(zip(receiver.bodies, receiver.codes, strict=False))[begin + i :]
        )


def test_metrics_show_the_fault_over_time(sandbox):
    assert query(sandbox, 'sum(up{namespace="shop", deployment="web"})')[0]["value"][1] == "4"
    sandbox.inject("bad-deploy")
    ratio = (
        'sum(rate(http_requests_total{deployment="web", code="500"}[2m])) / sum(rate(http_requests_total{deployment="web"}[2m]))'
    )
    sandbox.wait_for(lambda: float(query(sandbox, ratio)[0]["value"][1]) > 0.2)
    now = float(query(sandbox, "time()")[1])
    values = [float(value) for _, value in query(sandbox, ratio, start=now - 10, end=now, step=1)[0]["values"]]
    assert values[0] < 0.05 < 0.2 < values[-1]
    assert query(sandbox, 'ALERTS{alertname="HighErrorRate"}')


def test_prometheus_answers_errors_and_metadata_as_prometheus_does(sandbox):
    bad = sandbox.http.get(f"{sandbox.url}/api/v1/query", params={"query": "rate(up)"})
    assert (bad.status_code, bad.json()["errorType"]) == (400, "bad_data")
    assert sandbox.http.post(f"{sandbox.url}/api/v1/query", data={"query": "1 + 1"}).json()["data"]["result"][1] == "2"
    assert "namespace" in sandbox.http.get(f"{sandbox.url}/api/v1/labels").json()["data"]
    assert "shop" in sandbox.http.get(f"{sandbox.url}/api/v1/label/namespace/values").json()["data"]
    found = sandbox.http.get(f"{sandbox.url}/api/v1/series", params={"match[]": 'up{deployment="web"}'}).json()["data"]
    assert len(found) >= 4
    assert sandbox.http.get(f"{sandbox.url}/api/v1/rules").json()["data"]["groups"][0]["rules"]
    assert sandbox.http.get(f"{sandbox.url}/api/v1/alerts").json()["data"]["alerts"]
    assert sandbox.http.get(f"{sandbox.url}/api/v2/alerts").json()[0]["labels"]["alertname"]


def test_scenarios_are_told_as_the_contract_says(sandbox):
    listed = sandbox.scenarios()
    assert len(listed) >= 19
    for one in listed:
        assert {"name", "title", "fault", "workload", "cures", "harms", "heals_itself"} <= one.keys()
    sorts = {one["fault"] for one in listed}
    wanted = "bad_deploy memory_leak traffic_surge hung_worker config_crash_loop blip dependency_down node_loss disk_filling certificate_expiring"
    assert set(wanted.split()) <= sorts


def test_scenario_can_be_put_on_another_workload_that_fits(sandbox):
    fault = sandbox.inject("bad-deploy", {"kind": "Deployment", "namespace": "payments", "name": "checkout"})
    assert sandbox.fault(fault)["workload"] == {"kind": "Deployment", "namespace": "payments", "name": "checkout"}


@pytest.mark.parametrize(
    "body",
    [
        {"scenario": "nonsense"},
        {"scenario": "bad-deploy", "workload": {"kind": "StatefulSet", "namespace": "data", "name": "redis"}},
        {"scenario": "bad-deploy", "workload": {"kind": "Deployment", "namespace": "shop", "name": "nobody"}},
        {"scenario": "bad-deploy", "workload": {"kind": "Nonsense", "name": "x"}},
        {},
    ],
)
def test_what_cannot_be_injected_is_refused_with_words(sandbox, body):
    answer = sandbox.http.post(f"{sandbox.url}/sandbox/inject", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_reset_resolves_and_puts_back(sandbox, receiver):
    seen = len(receiver.bodies)
    sandbox.inject("hung-worker")
    sandbox.wait_for(lambda: any(body["status"] == "firing" for body in receiver.bodies[seen:]))
    sandbox.kubectl("scale", "deploy/order-worker", "-n", "shop", "--replicas", "9")
    sandbox.reset()
    assert all(one["state"] != "active" for one in sandbox.faults())
    assert "3/3" in sandbox.kubectl("get", "deploy", "order-worker", "-n", "shop")
    sandbox.wait_for(lambda: any(body["status"] == "resolved" for body in receiver.bodies[seen:]))


def test_kubernetes_paths_are_served_beside_the_control_surface_too(sandbox):
    assert sandbox.http.get(f"{sandbox.url}/api/v1/pods").status_code == 401
    assert sandbox.http.get(f"{sandbox.url}/version").json()["major"] == "1"


def test_lists_page_and_watches_begin_where_they_are_asked_to(sandbox):
    with kubernetes(sandbox) as cluster:
        first = cluster.get("/api/v1/pods?limit=10").json()
        rest = cluster.get(f"/api/v1/pods?limit=500&continue={first['metadata']['continue']}").json()
        everything = cluster.get("/api/v1/pods").json()
        assert len(first["items"]) + len(rest["items"]) == len(everything["items"])
        assert "kind" not in everything["items"][0]
        revision = everything["metadata"]["resourceVersion"]
        sandbox.kubectl("annotate", "pod", "redis-0", "-n", "data", "seen=yes", "--overwrite")
        path = f"/api/v1/namespaces/data/pods?watch=true&resourceVersion={revision}&fieldSelector=metadata.name=redis-0&timeoutSeconds=2"
        events = [json.loads(line) for line in cluster.get(path).text.splitlines()]
        assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [("MODIFIED", "redis-0")]
        gone = cluster.get("/api/v1/pods?watch=true&resourceVersion=1&timeoutSeconds=1").text
        assert json.loads(gone.splitlines()[0])["object"]["code"] == 410


def kubernetes(sandbox: SandboxServer) -> httpx.Client:
    from tests.sandbox.test_misbehaviour import Cluster

    return Cluster(sandbox.kubeconfig).http


# the command


def command(sandbox: SandboxServer, *arguments: str) -> str:
    out = StringIO()
    call_command("sandbox", *arguments, "--url", sandbox.url, stdout=out)
    return out.getvalue()


def test_command_lists_injects_and_resets(sandbox):
    assert "bad-deploy" in command(sandbox, "scenarios")
    assert {one["name"] for one in json.loads(command(sandbox, "scenarios", "--json"))} >= {"blip", "hung-worker"}
    made = json.loads(command(sandbox, "inject", "bad-deploy", "--workload", "Deployment/shop/cart", "--json"))
    assert sandbox.fault(made["id"])["workload"]["name"] == "cart"
    assert "is broken" in command(sandbox, "inject", "blip")
    assert "healthy" in command(sandbox, "reset")


def test_command_says_what_is_wrong(sandbox, tmp_path, settings):
    with pytest.raises(CommandError, match="there is no scenario"):
        command(sandbox, "inject", "nonsense")
    with pytest.raises(CommandError, match="KIND/NAMESPACE/NAME"):
        command(sandbox, "inject", "blip", "--workload", "web")
    with pytest.raises(CommandError, match="names no sandbox"):
        call_command("sandbox", "scenarios")
    with pytest.raises(CommandError, match="does not answer"):
        call_command("sandbox", "scenarios", "--url", "http://127.0.0.1:9")
