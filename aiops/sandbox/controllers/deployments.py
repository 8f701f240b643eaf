"""Deployments: one ReplicaSet a template, rolled over within the bounds of the strategy.

Follows kubernetes/pkg/controller/deployment: revisions and their history, hashes, surge and unavailability, the
`Available` and `Progressing` conditions with the reasons that `kubectl rollout status` and careful clients read.
"""

from collections.abc import Sequence

from aiops.sandbox.clock import Clock
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.disruption import portion
from aiops.sandbox.cluster.documents import (
    Document,
    annotations_of,
    clone,
    condition_of,
    dig,
    is_terminating,
    labels_of,
    name_of,
    namespace_of,
    owned_by,
    stamp,
    uid_of,
    with_condition,
)
from aiops.sandbox.cluster.events import Recorder
from aiops.sandbox.cluster.store import Store
from aiops.sandbox.controllers.pods import HASH_LABEL, safe_hash, template_hash, without_hash

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
# Annotations of the Deployment that its ReplicaSets do not take over.
_OWN = {"kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, MAXIMUM}
COMPONENT = "deployment-controller"
# Where progress is made this is its reason; a rollout that is done keeps `NewReplicaSetAvailable`.
DONE = "NewReplicaSetAvailable"


class DeploymentController:
    def __init__(self, store: Store, events: Recorder, clock: Clock) -> None:
        self._store = store
        self._events = events
        self._clock = clock
        self._progressed_at: dict[str, float] = {}  # by uid; stamps cannot tell, for simulated time has its own speed

    def reconcile(self, deployment: Document) -> float | None:
        if is_terminating(deployment):
            return None
        olds, new = self._sets(deployment)
        if dig(deployment, "spec", "paused"):
            self._resize(deployment, [*olds, *([new] if new else [])])
        else:
            new = self._with_revision(deployment, new, olds)
            deployment = self._fresh(deployment)
            if dig(deployment, "spec", "strategy", "type") == "Recreate":
                self._recreate(deployment, new, olds)
            else:
                self._roll(deployment, new, olds)
        olds, new = self._sets(deployment)
        again = self._report(deployment, new, olds)
        if _is_complete(self._fresh(deployment)):
            self._forget_old(deployment, olds)
        return again

    # ReplicaSets and their revisions

    def _fresh(self, deployment: Document) -> Document:
        return self._store.find(r.DEPLOYMENTS, namespace_of(deployment), name_of(deployment)) or deployment

    def _sets(self, deployment: Document) -> tuple[list[Document], Document | None]:
        """(old ones by age, the one of today's template)"""
        owned = self._store.owned(deployment, r.REPLICA_SETS)
        wanted = without_hash(deployment["spec"]["template"])
        new = next((one for one in owned if without_hash(one["spec"]["template"]) == wanted), None)
        return [one for one in owned if one is not new], new

    def _with_revision(self, deployment: Document, new: Document | None, olds: Sequence[Document]) -> Document:
        newest = max((_revision(one) for one in olds), default=0)
        if new is None:
            new = self._create(deployment, newest + 1)
        else:
            notes = {key: value for key, value in annotations_of(deployment).items() if key not in _OWN}
            if _revision(new) <= newest:
                past = [one for one in annotations_of(new).get(HISTORY, "").split(",") if one]
                notes |= {REVISION: str(newest + 1), HISTORY: ",".join([*past, str(_revision(new))])}
            new = self._store.annotate_quietly(r.REPLICA_SETS, new, notes)
        self._store.annotate_quietly(r.DEPLOYMENTS, self._fresh(deployment), {REVISION: annotations_of(new)[REVISION]})
        return new

    def _create(self, deployment: Document, revision: int) -> Document:
        template = clone(deployment["spec"]["template"])
        hashed = template_hash(template)
        while self._store.find(r.REPLICA_SETS, namespace_of(deployment), f"{name_of(deployment)}-{hashed}"):
            hashed = safe_hash(hashed)
        meta = template.setdefault("metadata", {})
        meta["labels"] = (meta.get("labels") or {}) | {HASH_LABEL: hashed}
        selector = clone(deployment["spec"]["selector"])
        selector["matchLabels"] = (selector.get("matchLabels") or {}) | {HASH_LABEL: hashed}
        notes = {key: value for key, value in annotations_of(deployment).items() if key not in _OWN}
        created = self._store.add(
            r.REPLICA_SETS,
            {
                "metadata": {
                    "name": f"{name_of(deployment)}-{hashed}",
                    "namespace": namespace_of(deployment),
                    "labels": dict(meta["labels"]),
                    "annotations": notes | {REVISION: str(revision)},
                    "ownerReferences": owned_by(deployment),
                },
                "spec": {"replicas": 0, "selector": selector, "template": template},
                "status": {"replicas": 0},
            },
        )
        self._created(deployment, name_of(created))
        return created

    def _forget_old(self, deployment: Document, olds: Sequence[Document]) -> None:
        limit = int(dig(deployment, "spec", "revisionHistoryLimit") or 0)
        empty = sorted((one for one in olds if not _wanted(one) and not _status(one, "replicas")), key=_revision)
        for one in empty[: max(0, len(empty) - limit)]:
            self._store.remove(r.REPLICA_SETS, namespace_of(one), name_of(one))

    # sizes

    def _scale(self, deployment: Document, which: Document, replicas: int) -> Document:
        before = _wanted(which)
        if before == replicas:
            return which
        surge, _ = _bounds(deployment)
        total = int(deployment["spec"]["replicas"])
        scaled = self._store.edit(
            r.REPLICA_SETS, namespace_of(which), name_of(which), lambda one: one["spec"].update({"replicas": replicas})
        )
        assert scaled is not None
        scaled = self._store.annotate_quietly(r.REPLICA_SETS, scaled, {DESIRED: str(total), MAXIMUM: str(total + surge)})
        way = "up" if replicas > before else "down"
        words = f"Scaled {way} replica set {name_of(which)} from {before} to {replicas}"
        self._events.normal(deployment, "ScalingReplicaSet", words, COMPONENT)
        return scaled

    def _resize(self, deployment: Document, sets: Sequence[Document]) -> None:
        """A paused rollout still follows `replicas`: the newest active set takes the difference."""
        active = [one for one in sets if _wanted(one)] or list(sets[-1:])
        if not active:
            return
        difference = int(deployment["spec"]["replicas"]) - sum(_wanted(one) for one in active)
        self._scale(deployment, active[-1], max(0, _wanted(active[-1]) + difference))

    def _recreate(self, deployment: Document, new: Document, olds: Sequence[Document]) -> None:
        for one in olds:
            self._scale(deployment, one, 0)
        gone = not any(self._store.owned(one, r.PODS) for one in olds)
        if gone:
            self._scale(deployment, new, int(deployment["spec"]["replicas"]))

    def _roll(self, deployment: Document, new: Document, olds: Sequence[Document]) -> None:
        total = int(deployment["spec"]["replicas"])
        surge, unavailable = _bounds(deployment)
        sets = [*olds, new]
        everything = sum(_wanted(one) for one in sets)
        if _wanted(new) > total:
            new = self._scale(deployment, new, total)
        elif _wanted(new) < total:
            room = total + surge - everything
            if room > 0:
                new = self._scale(deployment, new, _wanted(new) + min(room, total - _wanted(new)))
        self._shrink_old(deployment, new, olds, total - unavailable)

    def _shrink_old(self, deployment: Document, new: Document, olds: Sequence[Document], least: int) -> None:
        """Old pods that do not serve go first; of those that serve, as many as availability allows."""
        olds = [one for one in olds if _wanted(one)]
        everything = sum(_wanted(one) for one in olds) + _wanted(new)
        spare = everything - least - (_wanted(new) - _status(new, "availableReplicas"))
        if spare <= 0:
            return
        for i, one in enumerate(olds):
            dead = min(spare, _wanted(one) - _status(one, "availableReplicas"))
            if dead > 0:
                spare -= dead
                olds[i] = self._scale(deployment, one, _wanted(one) - dead)
        serving = sum(_status(one, "availableReplicas") for one in [*olds, new])
        spare = min(spare, serving - least)
        for one in olds:
            taken = min(max(0, spare), _wanted(one))
            spare -= taken
            self._scale(deployment, one, _wanted(one) - taken)

    # status

    def _created(self, deployment: Document, name: str) -> None:
        deployment = self._fresh(deployment)
        status = dict(deployment.get("status") or {})
        conditions = status.get("conditions") or []
        status["conditions"] = self._progressed(
            deployment, conditions, "NewReplicaSetCreated", f'Created new replica set "{name}"'
        )
        self._store.put_status(r.DEPLOYMENTS, deployment, status)

    def _report(self, deployment: Document, new: Document | None, olds: Sequence[Document]) -> float | None:
        deployment = self._fresh(deployment)
        sets = [*olds, *([new] if new else [])]
        total, now = int(deployment["spec"]["replicas"]), self._store.now()
        _, unavailable = _bounds(deployment)
        available = sum(_status(one, "availableReplicas") for one in sets)
        counts = {
            "replicas": sum(_status(one, "replicas") for one in sets),
            "updatedReplicas": _status(new, "replicas") if new else 0,
            "readyReplicas": sum(_status(one, "readyReplicas") for one in sets),
            "availableReplicas": available,
            "unavailableReplicas": max(0, sum(_wanted(one) for one in sets) - available),
        }
        enough = available >= total - unavailable
        conditions = with_condition(
            dig(deployment, "status", "conditions") or [],
            "Available",
            "True" if enough else "False",
            at=now,
            reason="MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
            message="Deployment has minimum availability." if enough else "Deployment does not have minimum availability.",
            updated=True,
        )
        conditions, again = self._progressing(deployment, new, conditions, counts)
        status: Document = {"observedGeneration": deployment["metadata"]["generation"]}
        status |= {key: value for key, value in counts.items() if value}
        self._store.put_status(r.DEPLOYMENTS, deployment, status | {"conditions": conditions})
        return again

    def _progressing(
        self, deployment: Document, new: Document | None, conditions: list[Document], counts: dict[str, int]
    ) -> tuple[list[Document], float | None]:
        """The `Progressing` condition, and after how many seconds the deadline has to be looked at again.

        As in Kubernetes a finished rollout stays finished whatever its pods do later, and a new one keeps the old words
        until something of it has moved: who reads the condition alone is misled.
        """
        deadline = dig(deployment, "spec", "progressDeadlineSeconds")
        condition = next((one for one in conditions if one["type"] == "Progressing"), None)
        done = condition is not None and condition.get("reason") == DONE and counts["replicas"] == counts["updatedReplicas"]
        if deadline is None or done:
            return conditions, None
        total = int(deployment["spec"]["replicas"])
        name = name_of(new) if new else name_of(deployment)
        if counts["updatedReplicas"] == total == counts["replicas"] == counts["availableReplicas"]:
            return self._progressed(deployment, conditions, DONE, f'ReplicaSet "{name}" has successfully progressed.'), None
        if _improved(deployment.get("status") or {}, counts):
            words = f'ReplicaSet "{name}" is progressing.'
            return self._progressed(deployment, conditions, "ReplicaSetUpdated", words), float(deadline)
        if condition is None or condition.get("reason") == DONE or dig(deployment, "spec", "paused"):
            return conditions, None
        left = self._progressed_at.get(uid_of(deployment), self._clock.elapsed) + float(deadline) - self._clock.elapsed
        if left > 0:
            return conditions, left
        words = f'ReplicaSet "{name}" has timed out progressing.'
        late = with_condition(
            conditions,
            "Progressing",
            "False",
            at=self._store.now(),
            reason="ProgressDeadlineExceeded",
            message=words,
            updated=True,
        )
        return late, None

    def _progressed(self, deployment: Document, conditions: list[Document], reason: str, message: str) -> list[Document]:
        """`Progressing` is True for that reason, as of now."""
        self._progressed_at[uid_of(deployment)] = self._clock.elapsed
        conditions = with_condition(
            conditions, "Progressing", "True", at=self._store.now(), reason=reason, message=message, updated=True
        )
        return [one | {"lastUpdateTime": stamp(self._store.now())} if one["type"] == "Progressing" else one for one in conditions]


def _improved(old: Document, counts: dict[str, int]) -> bool:
    """Whether more is new, ready or available than before, or less is old."""
    olds_left = counts["replicas"] - counts["updatedReplicas"]
    return any(
        counts[key] > old.get(key, 0) for key in ("updatedReplicas", "readyReplicas", "availableReplicas")
    ) or olds_left < old.get("replicas", 0) - old.get("updatedReplicas", 0)


def _is_complete(deployment: Document) -> bool:
    condition = condition_of(deployment, "Progressing")
    return condition is not None and condition.get("reason") == DONE


def _revision(replica_set: Document) -> int:
    text = annotations_of(replica_set).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def _wanted(replica_set: Document) -> int:
    return int(replica_set["spec"].get("replicas") or 0)


def _status(replica_set: Document, field: str) -> int:
    return int(dig(replica_set, "status", field) or 0)


def _bounds(deployment: Document) -> tuple[int, int]:
    """(pods above, pods below the wanted number) that a rollout may reach, never both zero."""
    total = int(deployment["spec"]["replicas"])
    rolling = dig(deployment, "spec", "strategy", "rollingUpdate")
    if rolling is None:
        return 0, 0
    surge = portion(rolling.get("maxSurge", "25%"), total)
    unavailable = portion(rolling.get("maxUnavailable", "25%"), total, up=False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def hash_of(replica_set: Document) -> str:
    return labels_of(replica_set).get(HASH_LABEL, "")
