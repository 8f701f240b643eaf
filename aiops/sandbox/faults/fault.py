"""What every kind of fault can do: begin, develop, make pods ill, and say whether its cause is still there."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from random import Random
from typing import Any

from pydantic import BaseModel, ConfigDict

from aiops.sandbox.clock import Clock
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.accounts import RULES, Account
from aiops.sandbox.cluster.apiserver import ApiServer, Call, Caller
from aiops.sandbox.cluster.documents import Document, Ref, dig
from aiops.sandbox.cluster.patches import STRATEGIC_PATCH
from aiops.sandbox.cluster.store import Store
from aiops.sandbox.controllers.certificates import CertificateController
from aiops.sandbox.controllers.jobs import CronJobs
from aiops.sandbox.controllers.kubelet import Kubelet, Start
from aiops.sandbox.controllers.manager import Manager
from aiops.sandbox.controllers.nodes import NodeController
from aiops.sandbox.controllers.owners import SYSTEM, GitOps
from aiops.sandbox.controllers.podstatus import PodRuntime
from aiops.sandbox.controllers.volumes import VolumeController
from aiops.sandbox.traffic import HEALTHY, Ailment, Traffic

CI = Caller(Account(f"{SYSTEM}:ci-deployer", "", RULES["cluster-admin"]), "ci-deployer/4.11 (release pipeline)")


@dataclass(frozen=True)
class Place:
    """Where a fault sits, and what of the world it can touch."""

    target: Ref
    api: ApiServer
    store: Store
    clock: Clock
    random: Random
    kubelet: Kubelet
    manager: Manager
    nodes: NodeController
    volumes: VolumeController
    certificates: CertificateController
    cron_jobs: CronJobs
    gitops: GitOps
    traffic: Traffic

    def workload(self, ref: Ref | None = None) -> Document | None:
        ref = ref or self.target
        return self.store.find(r.BY_KIND[ref.kind], ref.namespace, ref.name)

    def pods(self, ref: Ref | None = None) -> list[tuple[Document, PodRuntime]]:
        """Those of the target that are not on their way out."""
        ref = ref or self.target
        found = [
            (pod, self.kubelet.runtime(pod)) for pod in self.store.all(r.PODS) if not pod["metadata"].get("deletionTimestamp")
        ]
        return [(pod, runtime) for pod, runtime in found if runtime.workload == ref]

    def deploy(self, change: Document) -> None:
        """Release `change` to the target as a pipeline does; where git owns it, git has it too."""
        resource = r.BY_KIND[self.target.kind]
        released = self.api.patch(Call(CI, resource, self.target.namespace, self.target.name), STRATEGIC_PATCH, change)
        if self.gitops.owns(self.target):
            self.gitops.renew(self.target, released)

    def log(self, line: str) -> None:
        """Into the logs of all running pods of the target."""
        for _, runtime in self.pods():
            self.kubelet.log(runtime, line)


class Fault(BaseModel, ABC):
    """One kind of fault with its numbers. A copy of it lives as long as the fault and keeps what it has to remember."""

    model_config = ConfigDict(extra="forbid")

    def begin(self, place: Place) -> None:
        """Break it."""

    def develop(self, place: Place, dt: float) -> None:
        """One step of its own."""

    def end(self, place: Place) -> None:
        """Take back what only the fault holds in place; the objects are put back by the world's reset."""

    @abstractmethod
    def remains(self, place: Place) -> bool:
        """Whether the cause is still there, whatever can be seen of it."""

    def has_passed(self, place: Place) -> bool:
        """Whether it ended by itself."""
        return False

    def hurts_others(self, place: Place) -> bool:
        """Whether what was done about it takes from its neighbours what they need."""
        return False

    def concerns(self, place: Place, ref: Ref) -> bool:
        """Whether an act on `ref` can bear on it. Acts on pods come under their workload."""
        return ref == place.target

    def ailment(self, place: Place, pod: Document, runtime: PodRuntime) -> Ailment:
        return HEALTHY

    def start(self, place: Place, pod: Document, runtime: PodRuntime, start: Start) -> Start:
        """How the next start of one of the pods goes, given how it would go."""
        return start

    def pressure(self, place: Place, ref: Ref) -> float:
        return 1.0


def container_of(document: Document) -> Document:
    """The first container of a workload's template, or of a pod."""
    found: Any = dig(document, "spec", "template", "spec", "containers", 0) or dig(document, "spec", "containers", 0)
    return dict(found)


def worst(ailments: list[Ailment]) -> Ailment:
    """Several at once: errors and slowness add up, what hides metrics hides them."""
    if len(ailments) == 1:
        return ailments[0]
    fine, slower, capacity, memory, busier = 1.0, 1.0, 1.0, 0.0, 1.0
    for one in ailments:
        fine *= 1 - one.error_ratio
        slower, capacity, memory, busier = slower * one.slower, capacity * one.capacity, memory + one.memory, busier * one.busier
    return Ailment(1 - fine, slower, capacity, memory, busier, any(one.silent for one in ailments))
