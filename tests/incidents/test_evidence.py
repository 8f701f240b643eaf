"""A look at the live system: together, bounded, without secrets, and never in the way of a decision."""

import asyncio
import time
from datetime import timedelta

import httpx2
import pytest
from django.utils import timezone
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster as ClusterConfig
from lightkube.config.models import Context

from aiops.connectors.kubernetes import Kubernetes
from aiops.core.clusters import Cluster
from aiops.core.redaction import MARK
from aiops.core.targets import Target
from aiops.sandbox.faults.scenarios import scenarios
from incidents import analysis, evidence
from incidents.collectors import Collector
from incidents.collectors.finding import Finding
from incidents.collectors.past import past
from incidents.collectors.scene import Patient, Scene
from incidents.conf import IncidentsConf
from incidents.evidence import Sources, look
from incidents.models import Decision, Evidence
from tests.factories import make_alert, make_decision, make_incident, make_user, record_outcome
from tests.incidents import live

CONF = IncidentsConf()
WEB = Target(kind="Deployment", namespace="shop", name="web")


def seen(world, patient: Patient, *, within_s: float = 30, conf: IncidentsConf = CONF, sources: Sources | None = None):
    """What one look finds, by kind."""
    rows = asyncio.run(look(patient, sources or live.sources(world), now=world.clock.now(), within_s=within_s, conf=conf))
    return {row.kind: row for row in rows}


def cluster(answer) -> Sources:
    """A cluster whose every answer is made by `answer`, an async function of the request."""
    config = SingleConfig(context_name="it", context=Context(cluster="it"), cluster=ClusterConfig(server="http://it.example"))
    return Sources(Kubernetes(config, transport=httpx2.MockTransport(answer)), None)


@pytest.fixture(scope="module")
def world():
    return live.healthy()


def test_a_healthy_workload_is_seen_whole(world):
    found = seen(world, Patient(WEB))
    assert {"workload", "rollouts", "pods", "logs", "nodes"} <= set(found)
    assert found["workload"].facts == {"managed_by": "", "replicas": 4, "ready": 4, "hpa": ""}
    assert found["rollouts"].facts["previous_images"] == ["registry.example.net/shop/web:2.14.0"]
    assert found["rollouts"].facts["stuck"] is False
    assert found["pods"].facts == {"reasons": [], "restarts": 0, "not_ready": [], "count": 4}
    assert found["nodes"].facts["unsteady"] == []
    assert not any(row.error for row in found.values())


def test_load_and_needs_are_measured(world):
    found = seen(world, Patient(Target(kind="Deployment", namespace="payments", name="checkout"), began_at=world.clock.now()))
    numbers = found["metrics"].facts
    assert 0 < numbers["cpu_ratio"] < 0.5
    assert 0.3 < numbers["memory_ratio"] < 0.6
    assert numbers["rps"] == pytest.approx(numbers["rps_before"], rel=0.2)
    assert "outlier" not in numbers
    assert found["dependencies"].facts["failing"] == []
    assert 0.7 < found["dependencies"].facts["connections_ratio"] < 0.8
    assert [line["name"] for line in found["curves"].facts["series"]] == ["Requests", "CPU"]


def test_who_git_owns_and_who_owns_a_pod_is_seen(world):
    assert seen(world, Patient(Target(kind="Deployment", namespace="edge", name="static-site")))["workload"].facts["managed_by"]
    pod = next(p for p in world.store.all(live.PODS, "data") if p["metadata"]["name"] == "queue-1")
    target = Target(kind="Pod", namespace="data", name=pod["metadata"]["name"])
    assert seen(world, Patient(target, pod=target))["owner"].facts == {
        "kind": "StatefulSet",
        "namespace": "data",
        "name": "queue",
    }


def test_a_service_is_followed_to_the_one_workload_behind_it(world):
    owner = seen(world, Patient(Target(kind="Service", namespace="shop", name="cart")))["owner"]
    assert owner.facts == {"kind": "Deployment", "namespace": "shop", "name": "cart"}


def test_a_restart_is_no_release():
    world = live.healthy()
    before = seen(world, Patient(WEB))["rollouts"].facts["revision"]
    live.restart(world, WEB)
    world.advance(120)
    assert seen(world, Patient(WEB))["rollouts"].facts["revision"] == before


def test_a_node_that_holds_what_cannot_move_says_so():
    found = seen(live.healthy(), Patient(Target(kind="Node", name="worker-4")))["nodes"]
    assert any("orders-db-0" in pod for pod in found.facts["pinned"])
    assert seen(live.healthy(), Patient(Target(kind="Node", name="worker-2")))["nodes"].facts["pinned"] == []


def test_what_is_read_is_bounded_and_keeps_no_secret():
    finding = Finding("logs", "token=abcdefgh12345", ["password: hunter2hunter2"] + ["x" * 99] * 9, {"password": "hunter2"}, True)
    row = finding.row(most=400)
    assert len(row.content) < 420
    assert row.truncated
    assert row.facts == {"password": MARK}
    assert "abcdefgh12345" not in row.title
    assert "hunter2" not in finding.row(most=4000).content


def test_all_pieces_together_stay_within_their_bounds(world):
    rows = seen(world, Patient(WEB), conf=CONF.model_copy(update={"evidence_items": 3, "evidence_bytes": 200}))
    assert len(rows) == 3
    assert sum(len(row.content) for row in rows.values()) < 300


def test_a_secret_in_a_log_never_reaches_the_database():
    world = live.healthy()
    pod, runtime = live.pods(world, "shop", "web")[0]
    world.kubelet.log(runtime, "INFO connecting to postgres://app:s3cr3t-pass@db:5432/shop with api_key=abcdef0123456789")
    row = seen(world, Patient(WEB, pod=Target(kind="Pod", namespace="shop", name=pod["metadata"]["name"])))["logs"]
    assert "connecting to" in row.content
    assert "s3cr3t-pass" not in row.content
    assert "abcdef0123456789" not in row.content


def test_a_slow_collector_is_missing_and_costs_the_others_nothing(world, monkeypatch):
    async def sleeps(scene: Scene) -> list[Finding]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(evidence, "OF_CLUSTER", (Collector("slow", sleeps, 0.2), *evidence.OF_CLUSTER))
    begun = time.monotonic()
    found = seen(world, Patient(WEB))
    assert found["slow"].error == "no answer within 0.2 s"
    assert found["workload"].facts["ready"] == 4
    assert time.monotonic() - begun < 30


def test_a_collector_that_breaks_is_missing_and_the_others_are_there(world, monkeypatch):
    async def breaks(scene: Scene) -> list[Finding]:
        raise ZeroDivisionError

    monkeypatch.setattr(evidence, "OF_CLUSTER", (Collector("broken", breaks, 1.0), *evidence.OF_CLUSTER))
    found = seen(world, Patient(WEB))
    assert found["broken"].error == "its collector broke; the log says how"
    assert found["workload"].facts["ready"] == 4


def test_one_forbidden_read_is_told_with_its_reason(world):
    sources = live.sources(world, forbidden=("events",))
    found = seen(world, Patient(WEB), sources=sources)
    assert "forbidden" in found["events"].error
    assert found["workload"].facts["ready"] == 4


def test_every_object_is_read_once_over_shared_connections(world):
    paths: list[str] = []
    seen(world, Patient(WEB), sources=live.sources(world, paths=paths))
    assert len(paths) == len(set(paths))


def test_what_came_of_earlier_incidents_is_told(db):
    now = timezone.now()
    old = make_incident(anomaly_key="a" * 16, opened_at=now - timedelta(days=3), status="resolved", disposition="human_approved")
    make_incident(anomaly_key="a" * 16, opened_at=now - timedelta(days=9), status="resolved", disposition="self_resolved")
    make_incident(anomaly_key="b" * 16)
    record_outcome("success", incident=old.pk, anomaly_key="a" * 16)
    [finding] = past(make_incident(anomaly_key="a" * 16), now)
    assert finding.title == "Seen before: 2 incidents, the last one 3 days ago"
    assert finding.lines[0] == f"{old.ref}, 3 days ago: restart was a success"
    assert finding.lines[1].endswith("9 days ago: self resolved")
    assert finding.facts == {"count": 2, "worked": 1.0, "failed": 0.0}


@pytest.fixture
def waiting(db, settings, tmp_path) -> Decision:
    settings.CLUSTERS = (Cluster(name="sandbox", kubeconfig=tmp_path / "none"),)
    incident = make_incident()
    make_alert(incident)
    return make_decision(incident, state="INIT")


def test_a_cluster_that_hangs_leaves_the_decision_in_time(waiting):
    async def hangs(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(60)
        raise AssertionError

    def collect(decision: Decision, deadline_s: float):
        target = evidence.patient_of(decision.incident)
        return look(target, cluster(hangs), now=decision.received_at, within_s=0.3, conf=CONF)

    analysis.decide(waiting.pk, collect=collect)
    waiting.refresh_from_db()
    assert waiting.state == "READY"
    assert waiting.proposal.action.action_class == "restart_workload"
    assert {row.error for row in Evidence.objects.filter(decision=waiting)} == {"no answer within 0.3 s"}


def test_a_kubeconfig_that_is_gone_is_told_in_the_place_of_evidence(waiting):
    analysis.decide(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.state == "READY"
    row = waiting.evidence.get()
    assert (row.kind, row.title) == ("cluster", "Cluster could not be read")
    assert "No such file" in row.error


def test_a_look_that_fails_as_a_whole_is_a_degraded_flag(waiting):
    async def collect(decision: Decision, deadline_s: float) -> list[Evidence]:
        raise RuntimeError

    analysis.decide(waiting.pk, collect=collect)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.proposal.engine_degraded) == ("READY", ("evidence",))


def test_the_page_cites_the_evidence_that_the_proposal_rests_on(client, settings, tmp_path, db):
    scenario = scenarios()["bad-deploy"]
    world = live.broken("bad-deploy", "HighErrorRate")
    settings.CLUSTERS = (Cluster(name="sandbox", kubeconfig=tmp_path / "none"),)
    target = Target(kind="Deployment", namespace=scenario.workload.namespace, name=scenario.workload.name)
    incident = make_incident(target=target, category="error_rate", alert_name="HighErrorRate")
    make_alert(
        incident, name="HighErrorRate", category="error_rate", labels={"alertname": "HighErrorRate", "severity": "critical"}
    )
    decision = make_decision(incident, state="INIT")
    analysis.decide(
        decision.pk,
        collect=lambda one, _: look(Patient(target), live.sources(world), now=world.clock.now(), within_s=30, conf=CONF),
    )
    client.force_login(make_user())
    page = client.get(incident.get_absolute_url()).content.decode()
    number = [row.kind for row in decision.evidence.all()].index("rollouts") + 1
    assert f'<a class="ref" href="#e{number}">E{number}</a>' in page
    assert "Last release of web" in page
    assert page.count("E1</a>") == 0
    assert "<figcaption>Requests<b>" in page
    assert 'aria-label="Requests: ' in page
