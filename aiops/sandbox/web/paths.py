"""Which object a Kubernetes URL means."""

from dataclasses import dataclass

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.refusals import no_such_resource
from aiops.sandbox.cluster.resources import Resource


@dataclass(frozen=True, slots=True)
class Place:
    """`/apis/apps/v1/namespaces/shop/deployments/web/scale`, taken apart."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


_SUBRESOURCES = {"pods": {"log", "eviction", "exec", "status"}, "namespaces": {"status", "finalize"}}


def place_of(path: str) -> Place:
    """Refused (404) where nothing is served."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise no_such_resource()
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 3 and (group or (group, version, rest[2]) in r.BY_PLURAL):
        namespace, rest = rest[1], rest[2:]
    resource = r.BY_PLURAL.get((group, version, rest[0]))
    if resource is None or len(rest) > 3 or (namespace and not resource.namespaced):
        raise no_such_resource()
    place = Place(resource, namespace, rest[1] if len(rest) > 1 else "", rest[2] if len(rest) > 2 else "")
    if place.subresource and not _serves(resource, place.subresource):
        raise no_such_resource()
    return place


def _serves(resource: Resource, subresource: str) -> bool:
    known = _SUBRESOURCES.get(resource.plural, set())
    return subresource in known or (subresource == "status" and resource.status) or (subresource == "scale" and resource.scale)
