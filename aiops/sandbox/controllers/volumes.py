"""Claims that are bound, filled and grown."""

from dataclasses import dataclass, field

from aiops.sandbox.clock import Clock
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, Ref, dig, name_of, namespace_of, ref_of, stamp, uid_of
from aiops.sandbox.cluster.events import Recorder
from aiops.sandbox.cluster.quantities import quantity
from aiops.sandbox.cluster.store import Store

GROW_S = 8.0  # how long a file system takes to grow
COMPONENT = "volume_expand"


@dataclass
class VolumeController:
    store: Store
    events: Recorder
    clock: Clock
    used: dict[Ref, float] = field(default_factory=dict)  # bytes, by claim
    _growing: dict[Ref, float] = field(default_factory=dict)

    def reconcile(self, claim: Document) -> float | None:
        if dig(claim, "status", "phase") != "Bound":
            self._bind(claim)
            return None
        wanted, have = dig(claim, "spec", "resources", "requests", "storage"), dig(claim, "status", "capacity", "storage")
        if quantity(wanted) <= quantity(have):
            return None
        begun = self._growing.setdefault(ref_of(claim), self.clock.elapsed)
        if self.clock.elapsed < begun + GROW_S:
            if not dig(claim, "status", "conditions"):
                self.events.normal(claim, "Resizing", "External resizer is resizing volume", COMPONENT)
                condition = {"type": "Resizing", "status": "True", "lastTransitionTime": stamp(self.store.now())}
                self.store.put_status(r.CLAIMS, claim, claim["status"] | {"conditions": [condition]})
            return begun + GROW_S - self.clock.elapsed
        del self._growing[ref_of(claim)]
        status = {key: value for key, value in claim["status"].items() if key != "conditions"}
        grown = self.store.put_status(r.CLAIMS, claim, status | {"capacity": {"storage": wanted}})
        self.store.edit(
            r.VOLUMES, "", str(claim["spec"]["volumeName"]), lambda one: one["spec"].update({"capacity": {"storage": wanted}})
        )
        self.events.normal(grown, "FileSystemResizeSuccessful", "MountVolume.NodeExpandVolume succeeded", "kubelet")
        return None

    def capacity(self, claim: Document) -> float:
        return quantity(dig(claim, "status", "capacity", "storage") or "0")

    def _bind(self, claim: Document) -> None:
        name = f"pvc-{uid_of(claim)}"
        size = dig(claim, "spec", "resources", "requests", "storage")
        about = {"kind": "PersistentVolumeClaim", "namespace": namespace_of(claim), "name": name_of(claim), "uid": uid_of(claim)}
        modes, kind = claim["spec"].get("accessModes"), claim["spec"].get("storageClassName")
        spec = {"capacity": {"storage": size}, "accessModes": modes, "storageClassName": kind, "claimRef": about}
        spec |= {"persistentVolumeReclaimPolicy": "Delete", "volumeMode": "Filesystem"}
        if self.store.find(r.VOLUMES, "", name) is None:
            self.store.add(r.VOLUMES, {"metadata": {"name": name}, "spec": spec, "status": {"phase": "Bound"}})

        def bind(one: Document) -> None:
            one["spec"]["volumeName"] = name
            one["status"] = {"phase": "Bound", "accessModes": modes, "capacity": {"storage": size}}

        self.store.edit(r.CLAIMS, namespace_of(claim), name_of(claim), bind)
