"""ControllerRevisions: the template history of StatefulSets and DaemonSets, which `kubectl rollout history|undo` reads."""

import json

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, annotations_of, name_of, namespace_of, owned_by
from aiops.sandbox.cluster.resources import Resource
from aiops.sandbox.cluster.store import Store
from aiops.sandbox.controllers.pods import safe_hash

HASH = "controller-revision-hash"
CHANGE_CAUSE = "kubernetes.io/change-cause"


def current_revision(store: Store, owner: Document) -> Document:
    """The revision of today's template, made or moved to the top of the history where needed."""
    data = {"spec": {"template": owner["spec"]["template"] | {"$patch": "replace"}}}
    history = store.owned(owner, r.CONTROLLER_REVISIONS)
    newest = max((int(one["revision"]) for one in history), default=0)
    same = next((one for one in history if one["data"] == data), None)
    if same is not None:
        if int(same["revision"]) == newest:
            return same
        return store.put(r.CONTROLLER_REVISIONS, same | {"revision": newest + 1})
    hashed = safe_hash(json.dumps(data, sort_keys=True))
    cause = annotations_of(owner).get(CHANGE_CAUSE)
    return store.add(
        r.CONTROLLER_REVISIONS,
        {
            "metadata": {
                "name": f"{name_of(owner)}-{hashed}",
                "namespace": namespace_of(owner),
                "labels": (owner["spec"]["selector"].get("matchLabels") or {}) | {HASH: hashed},
                "annotations": {CHANGE_CAUSE: cause} if cause else {},
                "ownerReferences": owned_by(owner),
            },
            "data": data,
            "revision": newest + 1,
        },
    )


def hash_of(revision: Document) -> str:
    return str(revision["metadata"]["labels"][HASH])


def forget_old(store: Store, owner: Document, resource: Resource, used: set[str]) -> None:
    """Keep `revisionHistoryLimit` revisions beside those that pods still have."""
    limit = int(owner["spec"].get("revisionHistoryLimit") or 0)
    unused = [one for one in store.owned(owner, r.CONTROLLER_REVISIONS) if hash_of(one) not in used]
    for one in sorted(unused, key=lambda one: int(one["revision"]))[: max(0, len(unused) - limit)]:
        store.remove(r.CONTROLLER_REVISIONS, namespace_of(one), name_of(one))
