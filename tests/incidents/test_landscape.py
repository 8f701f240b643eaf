"""What is known beforehand of what needs what: declared by people, read from clusters."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from aiops.connectors.errors import Permanent
from aiops.core.clusters import Cluster
from incidents import dependencies, landscape, mapping
from incidents.clues.reader import clue_of
from incidents.intake.reading import read
from incidents.models import ClusterMap, Dependency
from incidents.recorded import RecordedAlert
from tests.approvals.memory_cluster import MemoryCluster

pytestmark = pytest.mark.django_db
POD = "web-7d9f8b6c5-x2xkz"


@pytest.fixture
def cluster(tmp_path) -> Cluster:
    return Cluster(name="eu", kubeconfig=tmp_path)


def needs(**labels: str) -> dict[str, int]:
    signal = RecordedAlert(labels={"alertname": "HighErrorRate", "severity": "critical"} | labels).signal(
        received_at=timezone.now()
    )
    return dict(clue_of(read(signal, ()), landscape.load()).needs)


def filled() -> MemoryCluster:
    memory = MemoryCluster()
    owner = {"kind": "ReplicaSet", "name": "web-7d9f8b6c5", "controller": True}
    memory.put(
        "Pod",
        POD,
        metadata={"labels": {"pod-template-hash": "7d9f8b6c5"}, "ownerReferences": [owner]},
        spec={"nodeName": "worker-3", "volumes": [{"persistentVolumeClaim": {"claimName": "uploads"}}]},
    )
    memory.put(
        "Node",
        "worker-3",
        namespace="",
        metadata={"labels": {mapping.ZONE: "eu-1a"}},
        status={"addresses": [{"type": "InternalIP", "address": "10.0.0.43"}, {"type": "Hostname", "address": "worker-3"}]},
    )
    memory.put("Deployment", "web", metadata={"annotations": {mapping.DEPENDS_ON: "shop/orders-db, shop/cache"}}, spec={})
    memory.put("StatefulSet", "cache", metadata={"annotations": {mapping.DEPENDANTS: "shop/cart"}}, spec={})
    return memory


def test_placement_ownership_and_declarations_are_read_from_a_cluster(cluster):
    mapping.read_cluster(cluster, lambda _: filled().client)
    row = ClusterMap.objects.get(cluster="eu")
    assert row.error == ""
    assert {tuple(edge) for edge in row.edges} == {
        ("runs_on", f"shop/{POD}", "worker-3"),
        ("owned_by", f"shop/{POD}", "shop/web"),
        ("mounts", f"shop/{POD}", "shop/uploads"),
        ("address", "worker-3", "10.0.0.43"),
        ("part_of", "worker-3", "eu-1a"),
        ("depends_on", "shop/web", "shop/orders-db"),
        ("depends_on", "shop/web", "shop/cache"),
        ("depends_on", "shop/cart", "shop/cache"),
    }
    found = needs(namespace="shop", deployment="web")
    assert {"shop/orders-db", "shop/cache", "worker-3"} <= found.keys()


def test_a_cluster_that_does_not_answer_runs_where_it_ran(cluster):
    memory = filled()
    mapping.read_cluster(cluster, lambda _: memory.client)
    before = ClusterMap.objects.get().edges
    memory.is_down = True
    mapping.read_cluster(cluster, lambda _: memory.client)
    row = ClusterMap.objects.get()
    assert row.edges == before
    assert "connection refused" in row.error


def test_a_cluster_without_a_usable_kubeconfig_is_said_in_its_row(cluster):
    def connect(_: Cluster):
        raise Permanent("open cluster eu", "its kubeconfig is not usable", code="kubeconfig")

    mapping.read_cluster(cluster, connect)
    assert ClusterMap.objects.get().error == "open cluster eu: its kubeconfig is not usable"


def test_a_bare_name_means_the_one_of_the_same_namespace():
    Dependency.objects.create(downstream="web", upstream="orders-db")
    assert "staging/orders-db" in needs(namespace="staging", deployment="web")
    assert "shop/orders-db" not in needs(namespace="staging", deployment="web")


# As a file

TEXT = """\
dependencies:
  shop/checkout:
  - pay/gateway
  shop/web:
  - shop/cache
  - shop/orders-db
"""


def test_dependencies_go_in_and_out_as_yaml(tmp_path):
    path, out = tmp_path / "dependencies.yaml", io.StringIO()
    path.write_text(TEXT)
    Dependency.objects.create(downstream="a", upstream="b")
    call_command("dependencies", "import", str(path), stdout=out)
    assert out.getvalue().strip() == "3 dependencies are declared now"
    out = io.StringIO()
    call_command("dependencies", "export", stdout=out)
    assert out.getvalue() == TEXT
    assert dependencies.parse(TEXT) == dependencies.edges()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("dependencies: [web]", "dependencies: "),
        ("services: {}", "dependencies: Field required"),
        ("a: [", "not YAML"),
        ("dependencies: {web: [web]}", "web cannot need itself"),
    ],
)
def test_a_file_that_is_none_changes_nothing_and_says_why(tmp_path, text, reason):
    Dependency.objects.create(downstream="a", upstream="b")
    path = tmp_path / "dependencies.yaml"
    path.write_text(text)
    with pytest.raises(CommandError, match=reason):
        call_command("dependencies", "import", str(path))
    assert dependencies.edges() == [("a", "b")]
