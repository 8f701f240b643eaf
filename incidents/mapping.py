"""Reading from each cluster what runs where, what belongs to what, and what people declared there."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from aiops.connectors.errors import ConnectorError
from aiops.connectors.kubernetes import Kubernetes, client_for
from aiops.connectors.kubernetes_objects import KubeObject
from aiops.core.clusters import Cluster
from incidents.models import ClusterMap
from incidents.topology import Edge, Relation, thing

MAX_EDGES = 100_000
DEPENDS_ON = "aiops.dev/depends-on"  # annotation of a workload: a comma list of namespace/name
DEPENDANTS = "aiops.dev/dependants"  # the same the other way round
ZONE = "topology.kubernetes.io/zone"
_HASH = "pod-template-hash"

log = structlog.get_logger(__name__)


def read_due(every_s: float) -> int:
    """Read every cluster whose map is older than that; returns how many were read. Takes as long as they take to answer."""
    read = 0
    for cluster in settings.CLUSTERS:
        row = ClusterMap.objects.filter(cluster=cluster.name).only("read_at").first()
        if row is None or row.read_at < timezone.now() - timedelta(seconds=every_s):
            read_cluster(cluster, client_for)
            read += 1
    return read


def read_cluster(cluster: Cluster, connect: Callable[[Cluster], Kubernetes]) -> None:
    """Store what the cluster says now. What cannot be read keeps nothing else from being read, and is said in the row."""
    found: list[Edge] = []
    errors: list[str] = []
    try:
        api = connect(cluster)
        for kind, edges_of in _READERS:
            try:
                found += [edge for item in api.find(kind) for edge in edges_of(item)]
            except ConnectorError as error:
                errors.append(str(error))
    except ConnectorError as error:
        errors.append(str(error))
    if errors:
        log.warning("cluster_map.not_all_read", cluster=cluster.name, errors=errors)
    edges = [[edge.relation.value, edge.source, edge.target] for edge in sorted(set(found))[:MAX_EDGES]]
    row, _ = ClusterMap.objects.get_or_create(cluster=cluster.name)
    row.read_at, row.error = timezone.now(), "; ".join(errors)[:1000]
    fields = ["read_at", "error"]
    if edges != row.edges and (edges or not errors):  # a cluster that does not answer runs where it ran
        row.edges = edges
        fields.append("edges")
    row.save(update_fields=fields)


def _of_pod(pod: KubeObject) -> Iterator[Edge]:
    name = thing(f"{pod.namespace}/{pod.name}")
    if node := pod.text("spec", "nodeName"):
        yield Edge(Relation.RUNS_ON, name, thing(node))
    if (owner := pod.controller()) is not None and (owned_by := _owner(owner, pod.labels.get(_HASH, ""))):
        yield Edge(Relation.OWNED_BY, name, thing(f"{pod.namespace}/{owned_by}"))
    for volume in pod.each("spec", "volumes"):
        if claim := volume.text("persistentVolumeClaim", "claimName"):
            yield Edge(Relation.MOUNTS, name, thing(f"{pod.namespace}/{claim}"))


def _owner(owner: KubeObject, template_hash: str) -> str:
    """The workload: of a ReplicaSet its Deployment, which it is named after. A static pod belongs to its machine."""
    name = owner.text("name") if owner.text("kind") != "Node" else ""
    return name.removesuffix(f"-{template_hash}") if template_hash else name


def _of_node(node: KubeObject) -> Iterator[Edge]:
    name = thing(node.name)
    for address in node.each("status", "addresses"):
        if address.text("type") != "Hostname":
            yield Edge(Relation.ADDRESS, name, thing(address.text("address")))
    if zone := node.labels.get(ZONE):
        yield Edge(Relation.PART_OF, name, thing(zone))


def _of_workload(workload: KubeObject) -> Iterator[Edge]:
    name = thing(f"{workload.namespace}/{workload.name}")
    for other in _listed(workload.annotations.get(DEPENDS_ON, "")):
        yield Edge(Relation.DEPENDS_ON, name, other)
    for other in _listed(workload.annotations.get(DEPENDANTS, "")):
        yield Edge(Relation.DEPENDS_ON, other, name)


def _listed(text: str) -> Iterable[str]:
    return [name for part in text.split(",") if (name := thing(part))]


_READERS: tuple[tuple[str, Callable[[KubeObject], Iterator[Edge]]], ...] = (
    ("Pod", _of_pod),
    ("Node", _of_node),
    ("Deployment", _of_workload),
    ("StatefulSet", _of_workload),
)
