"""What a client may ask before it knows anything: version, groups, resources."""

from aiops.sandbox.cluster.documents import Document
from aiops.sandbox.cluster.resources import RESOURCES, Resource

VERSION = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.4+sandbox",
    "gitCommit": "0" * 40,
    "gitTreeState": "clean",
    "buildDate": "2025-04-22T16:00:00Z",
    "goVersion": "go1.23.6",
    "compiler": "gc",
    "platform": "linux/amd64",
}
REVIEWS = ("selfsubjectaccessreviews", "selfsubjectrulesreviews")
_GROUPS = [*dict.fromkeys((one.group, one.version) for one in RESOURCES if one.group), ("authorization.k8s.io", "v1")]


def core_versions() -> Document:
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def groups() -> Document:
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name, version) for name, version in _GROUPS]}


def group(name: str) -> Document | None:
    return next(({"kind": "APIGroup", "apiVersion": "v1"} | _group(*one) for one in _GROUPS if one[0] == name), None)


def _group(name: str, version: str) -> Document:
    one = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [one], "preferredVersion": one}


def resource_list(group_name: str, version: str) -> Document | None:
    """None where that group version is not served."""
    if (group_name, version) == ("authorization.k8s.io", "v1"):
        listed: list[Document] = [
            {"name": name, "singularName": name.removesuffix("s"), "namespaced": False, "kind": kind, "verbs": ["create"]}
            for name, kind in zip(REVIEWS, ("SelfSubjectAccessReview", "SelfSubjectRulesReview"), strict=True)
        ]
    else:
        listed = [entry for one in RESOURCES if (one.group, one.version) == (group_name, version) for entry in _entries(one)]
    if not listed:
        return None
    served = f"{group_name}/{version}" if group_name else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": served, "resources": listed}


def _entries(resource: Resource) -> list[Document]:
    main: Document = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short:
        main["shortNames"] = list(resource.short)
    if resource.categories:
        main["categories"] = list(resource.categories)
    rest: list[Document] = []
    if resource.status:
        rest.append(_sub(resource, "status", resource.kind, ["get", "patch", "update"]))
    if resource.scale:
        rest.append(_sub(resource, "scale", "Scale", ["get", "patch", "update"]) | {"group": "autoscaling", "version": "v1"})
    if resource.kind == "Pod":
        rest.append(_sub(resource, "eviction", "Eviction", ["create"]) | {"group": "policy", "version": "v1"})
        rest.append(_sub(resource, "log", "Pod", ["get"]))
    return [main, *rest]


def _sub(resource: Resource, name: str, kind: str, verbs: list[str]) -> Document:
    return {
        "name": f"{resource.plural}/{name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": kind,
        "verbs": verbs,
    }
