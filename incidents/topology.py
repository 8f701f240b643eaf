"""What needs what: declared dependencies, placement of pods, racks and zones. A frozen value with fast look-ups, no I/O.

A *thing* is written one way wherever it comes from: `shop/web` for whatever has a namespace (Deployment, Service and
autoscaler of one name are one thing), `worker-9` or `db-01.example.net` for machines and everything else, `queue:orders`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from aiops.core.targets import is_name, is_namespace, owner_of_pod

MAX_THING = 200  # a longer name is no name that two alerts would share
MAX_HOPS = 4
MAX_NEEDS = 48  # what explains an alert is near; a hub that reaches everything explains nothing
MAX_MEMBERS = 8
MAX_PODS = 30  # a workload on more machines than this is explained by no single one of them

_KINDS = frozenset((
    "host", "node", "machine", "endpoint", "url", "certificate", "external", "deployment", "statefulset", "daemonset", "pod",
    "job", "cronjob", "service", "ingress", "pvc", "pv", "persistentvolume", "persistentvolumeclaim", "hpa",
))  # fmt: skip
_PLAIN = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://")
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:]+")


class Relation(StrEnum):
    """How an edge is to be read: `source` … `target`."""

    DEPENDS_ON = "depends_on"
    RUNS_ON = "runs_on"  # a pod on its machine
    OWNED_BY = "owned_by"  # a pod by its workload
    MOUNTS = "mounts"  # a pod and its claim: each may explain the other
    PART_OF = "part_of"  # a machine of its rack or zone
    ADDRESS = "address"  # an IP address of a machine


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    relation: Relation
    source: str
    target: str


def thing(text: str) -> str:
    """The one spelling of a thing: lower case, without kind, scheme, port and path. Empty for what can be no name."""
    if _PLAIN.fullmatch(text) is not None:
        return text
    name = _SCHEME.sub("", text.strip().lower())
    if "://" in text:
        name = name.split("/", 1)[0]
    head, _, rest = name.partition(" ")
    if rest and head in _KINDS:
        name = rest
    head, _, rest = name.partition("/")
    if rest and head in ("queue", "topic"):
        return f"queue:{rest}"[:MAX_THING]
    if rest and head in _KINDS:
        name = rest
    if "/" not in name and name.count(":") == 1:
        name = re.sub(r":\d{1,5}$", "", name)
    return name if 0 < len(name) <= MAX_THING and name.isprintable() else ""


def is_address(name: str) -> bool:
    return _IP.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that is known beforehand about one cluster and what lies around it."""

    needs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pods: Mapping[str, Sequence[str]] = field(default_factory=dict)
    placed: frozenset[str] = frozenset()
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    _in_namespace: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _by_base: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, edges: Iterable[Edge]) -> "Topology":
        """Of edges whose ends are things already."""
        needs: dict[str, dict[str, None]] = defaultdict(dict)
        pods: dict[str, dict[str, None]] = defaultdict(dict)
        groups: dict[str, dict[str, None]] = defaultdict(dict)
        addresses: dict[str, str] = {}
        names: dict[str, None] = {}
        placed: set[str] = set()
        for edge in edges:
            source, target = edge.source, edge.target
            if not source or not target or source == target:
                continue
            if edge.relation is Relation.ADDRESS:
                addresses[target] = source
                names[source] = None
                continue
            names |= {source: None, target: None}
            match edge.relation:
                case Relation.OWNED_BY:
                    pods[target][source] = None
                case Relation.PART_OF:
                    groups[source][target] = None
                    needs[source][target] = None
                case Relation.MOUNTS:
                    needs[source][target] = None
                    needs[target][source] = None
                case _:
                    needs[source][target] = None
                    if edge.relation is Relation.RUNS_ON and (owner := _owner(source)):
                        placed.add(source)
                        pods[owner].setdefault(source)
                        names[owner] = None
        in_namespace: dict[str, list[str]] = defaultdict(list)
        by_base: dict[str, list[str]] = defaultdict(list)
        for name in names:
            namespace, _, base = name.rpartition("/")
            if namespace:
                in_namespace[namespace].append(name)
            by_base[base].append(name)
            if not namespace and "." in base and not is_address(base):
                by_base[base.split(".", 1)[0]].append(name)
        return cls(
            needs=_frozen(needs),
            pods=_frozen(pods),
            placed=frozenset(placed),
            groups=_frozen(groups),
            addresses=MappingProxyType(addresses),
            _in_namespace=MappingProxyType({key: tuple(sorted(values)) for key, values in in_namespace.items()}),
            _by_base=MappingProxyType({key: tuple(values) for key, values in by_base.items()}),
        )

    def __bool__(self) -> bool:
        return bool(self._by_base)

    def knows(self, name: str) -> bool:
        return name in self.needs or name in self.pods or name in self._by_base.get(name.rpartition("/")[2], ())

    def find(self, text: str, namespace: str = "") -> str | None:
        """The one thing that a bare or short name means: in `namespace` first, else anywhere if there is only one."""
        name = self.addresses.get(text, text)
        if "/" in name:
            return name if self.knows(name) else None
        if namespace and self.knows(f"{namespace}/{name}"):
            return f"{namespace}/{name}"
        found = self._by_base.get(name, ())
        return found[0] if len(found) == 1 else None

    def machine(self, name: str) -> str:
        """The known spelling of a machine or endpoint: its name for an address, the short name if only that is known.

        Two machines of one short name in two domains stay two.
        """
        found = self.find(name)
        short = name.split(".", 1)[0]
        return found or (short if self.knows(short) else self.addresses.get(name, name))

    def members(self, name: str) -> tuple[str, ...]:
        """Things of the same namespace that carry `name` as the front of theirs: the pods and parts of `search/search-es`."""
        namespace, _, base = name.rpartition("/")
        front = f"{name}-"
        return tuple(other for other in self._in_namespace.get(namespace, ()) if base and other.startswith(front))[:MAX_MEMBERS]

    def reach(self, starts: Mapping[str, int], *, whole: bool = True) -> dict[str, int]:
        """What the things in `starts` need, directly and through others, with the number of hops; nearest first.

        `starts` are counted from their own number. Not `whole`: of the first things themselves only one pod is meant,
        so where their other pods run is of no account.
        """
        found: dict[str, int] = {}
        rings: list[list[str]] = [[] for _ in range(MAX_HOPS + 1)]
        for name, hops in starts.items():
            rings[min(hops, MAX_HOPS)].append(name)
        for hops, ring in enumerate(rings):
            for name in ring:
                if found.get(name, hops) < hops:
                    continue
                for other, cost in self._steps(name, first=name in starts, whole=whole):
                    further = hops + cost
                    if further <= MAX_HOPS and other not in starts and further < found.get(other, MAX_HOPS + 1):
                        if other not in found and len(found) >= MAX_NEEDS:
                            return found
                        found[other] = further
                        rings[further].append(other)
        return found

    def _steps(self, name: str, *, first: bool, whole: bool) -> Iterator[tuple[str, int]]:
        """What is one step away, and how far that is: one pod of something else that is needed says little about it."""
        for other in self.needs.get(name, ()):
            yield other, 1
        pods = self.pods.get(name, ())
        if len(pods) <= MAX_PODS and (whole or not first):
            for pod in pods:
                yield pod, 1 if first else 2


def _frozen(table: Mapping[str, Mapping[str, None]]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({key: tuple(values) for key, values in table.items()})


def _owner(pod: str) -> str:
    namespace, _, name = pod.rpartition("/")
    if not is_namespace(namespace) or not is_name(name):
        return ""
    owner = owner_of_pod(namespace, name)
    return f"{namespace}/{owner.name}" if owner.name != name else ""


# How a recorded storm writes its topology; other keys are ignored.
_PAIRS = {"depends_on": Relation.DEPENDS_ON, "dependencies": Relation.DEPENDS_ON, "calls": Relation.DEPENDS_ON}
_TABLES = {
    "runs_on": Relation.RUNS_ON,
    "owner": Relation.OWNED_BY,
    "owners": Relation.OWNED_BY,
    "owned_by": Relation.OWNED_BY,
    "mounts": Relation.MOUNTS,
    "volumes": Relation.MOUNTS,
    "claims": Relation.MOUNTS,
    "routes": Relation.DEPENDS_ON,
    "ingress": Relation.DEPENDS_ON,
    "consumers": Relation.DEPENDS_ON,
    "certificates": Relation.DEPENDS_ON,
    "hosts": Relation.RUNS_ON,
    "addresses": Relation.ADDRESS,
}
_GROUPS = frozenset((
    "rack", "racks", "zone", "zones", "switch", "switches", "datacenter", "datacenters", "hypervisor", "hypervisors", "region",
    "power",
))  # fmt: skip


def of_record(record: Mapping[str, Any]) -> Topology:
    """The topology of a recorded storm."""
    return Topology.of(edges_of_record(record))


def edges_of_record(record: Mapping[str, Any]) -> list[Edge]:
    """`depends_on` pairs, `runs_on` and its like as tables, racks and zones as lists."""
    edges: list[Edge] = []
    for key, value in record.items():
        if relation := _PAIRS.get(key):
            edges += [Edge(relation, thing(str(pair[0])), thing(str(pair[1]))) for pair in _pairs(value)]
        elif relation := _TABLES.get(key):
            edges += [Edge(relation, thing(str(source)), thing(str(target))) for source, target in _pairs(value)]
        elif key in _GROUPS and isinstance(value, Mapping):
            edges += [Edge(Relation.PART_OF, thing(str(member)), thing(str(group))) for group, member in _pairs(value)]
    return edges


def _pairs(value: object) -> list[tuple[object, object]]:
    """Pairs of a list of pairs, or of a table whose values are single names or lists of names."""
    if isinstance(value, Mapping):
        return [(key, item) for key, items in value.items() for item in (items if isinstance(items, list) else [items])]
    if isinstance(value, list):
        return [(pair[0], pair[1]) for pair in value if isinstance(pair, list | tuple) and len(pair) == 2]
    return []
