"""The `scale` subresource: an `autoscaling/v1` Scale seen through a workload."""

from aiops.sandbox.cluster.documents import Document, dig
from aiops.sandbox.cluster.refusals import invalid
from aiops.sandbox.cluster.resources import Resource


def of(document: Document) -> Document:
    meta = document["metadata"]
    labels = dig(document, "spec", "selector", "matchLabels") or {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp") if key in meta
        },
        "spec": {"replicas": dig(document, "spec", "replicas") or 0},
        "status": {
            "replicas": dig(document, "status", "replicas") or 0,
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def applied(resource: Resource, document: Document, wanted: Document) -> Document:
    """The workload with the replicas of a Scale. Nothing else of a Scale is written: it has no annotations of its own."""
    replicas = dig(wanted, "spec", "replicas") or 0
    if not isinstance(replicas, int) or replicas < 0:
        raise invalid(
            resource,
            str(document["metadata"]["name"]),
            [("spec.replicas", f"Invalid value: {replicas!r}: must be greater than or equal to 0")],
        )
    return document | {"spec": document["spec"] | {"replicas": replicas}}
