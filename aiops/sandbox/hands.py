"""Carries typed actions out on a world directly, without HTTP: for benchmarks and for tests of scenarios.

The same requests as an executor sends: marked, patched with absolute values, pods by eviction.
"""

from collections.abc import Iterator

from aiops.core import actions
from aiops.core.actions import Action
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.accounts import RULES, Account
from aiops.sandbox.cluster.apiserver import Call, Caller
from aiops.sandbox.cluster.documents import (
    MARK,
    Document,
    annotations_of,
    clone,
    controller_of,
    dig,
    is_terminating,
    name_of,
    namespace_of,
    stamp,
    uid_of,
)
from aiops.sandbox.cluster.patches import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH
from aiops.sandbox.cluster.refusals import Refused
from aiops.sandbox.controllers.deployments import REVISION
from aiops.sandbox.controllers.pods import without_hash
from aiops.sandbox.faults.releases import RESTARTED
from aiops.sandbox.world import World

CONSOLE = Caller(Account("aiops-console", "", RULES["aiops-console"]), "aiops-bench")


class NotDone(Exception):
    """The action cannot be carried out here, in words."""


def perform(world: World, action: Action, *, mark: str = "", caller: Caller = CONSOLE) -> None:
    """Ask the API server for what `action` says. Refused where it refuses, NotDone where nothing can be asked.

    A drain cordons and evicts once; what budgets refuse has to be asked for again with `evict_rest`.
    """
    hands = _Hands(world, caller, mark)
    match action:
        case actions.RestartWorkload():
            hands.restart(action)
        case actions.DeletePod():
            hands.evict(action.target.namespace or "", action.target.name)
        case actions.Scale():
            hands.scale(action)
        case actions.Rollback():
            hands.roll_back(action)
        case actions.AdjustResources():
            hands.adjust(action)
        case actions.CordonDrainNode():
            hands.drain(action.target.name)
        case actions.RerunJob():
            hands.rerun(action)
        case actions.ExpandStorage():
            hands.expand(action)
        case actions.RenewCertificate():
            hands.renew(action)
        case _ if action.is_change:
            raise NotDone(f"{action.action_class} is not done on a cluster")


def evict_rest(world: World, node: str, *, mark: str = "", caller: Caller = CONSOLE) -> int:
    """Ask again for the pods that are still to leave a cordoned node; how many are left."""
    hands = _Hands(world, caller, mark)
    hands.empty(node)
    return sum(not is_terminating(pod) for pod in movable(world, node))


def movable(world: World, node: str) -> Iterator[Document]:
    """Pods on `node` that can run elsewhere."""
    for pod in world.store.all(r.PODS):
        owner = controller_of(pod)
        if dig(pod, "spec", "nodeName") == node and owner is not None and owner["kind"] not in ("DaemonSet", "Node"):
            yield pod


class _Hands:
    def __init__(self, world: World, caller: Caller, mark: str) -> None:
        self._world = world
        self._api = world.api
        self._caller = caller
        self._note = {MARK: mark} if mark else {}

    def _call(self, action: actions.ChangeAction, sub: str = "") -> Call:
        target = action.target
        return Call(self._caller, r.BY_KIND[target.kind], target.namespace or "", target.name, sub)

    def _patch(self, action: actions.ChangeAction, spec: Document) -> None:
        body = {"metadata": {"annotations": self._note}, "spec": spec}
        self._api.patch(self._call(action), STRATEGIC_PATCH, body)

    def restart(self, action: actions.RestartWorkload) -> None:
        note = {RESTARTED: stamp(self._world.clock.now()) + f"+{self._world.clock.elapsed:.0f}"} | self._note
        self._patch(action, {"template": {"metadata": {"annotations": note}}})

    def scale(self, action: actions.Scale) -> None:
        if action.replicas is None:
            raise NotDone("how many replicas is not said")
        self._patch(action, {"replicas": action.replicas})

    def roll_back(self, action: actions.Rollback) -> None:
        workload = self._api.get(self._call(action))
        template = _past_template(self._world, workload, action)
        operations = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": workload["metadata"]["resourceVersion"]},
            {"op": "replace", "path": "/spec/template", "value": template},
            {"op": "add", "path": "/metadata/annotations", "value": annotations_of(workload) | self._note},
        ]
        self._api.patch(self._call(action), JSON_PATCH, operations)

    def adjust(self, action: actions.AdjustResources) -> None:
        workload = self._api.get(self._call(action))
        container = action.container or workload["spec"]["template"]["spec"]["containers"][0]["name"]
        limits = {name: value for name, value in (("memory", action.memory), ("cpu", action.cpu)) if value}
        self._patch(action, {"template": {"spec": {"containers": [{"name": container, "resources": {"limits": limits}}]}}})

    def evict(self, namespace: str, name: str, *, uid: str = "") -> None:
        body: Document = {"metadata": {"name": name, "namespace": namespace, "annotations": self._note}}
        if uid:
            body["deleteOptions"] = {"preconditions": {"uid": uid}}
        self._api.evict(Call(self._caller, r.PODS, namespace, name, "eviction"), body)

    def drain(self, node: str) -> None:
        body = {"metadata": {"annotations": self._note}, "spec": {"unschedulable": True}}
        self._api.patch(Call(self._caller, r.NODES, "", node), STRATEGIC_PATCH, body)
        self.empty(node)

    def empty(self, node: str) -> None:
        for pod in list(movable(self._world, node)):
            if not is_terminating(pod):
                try:
                    self.evict(namespace_of(pod), name_of(pod), uid=uid_of(pod))
                except Refused as refused:
                    if refused.code != 429:
                        raise

    def rerun(self, action: actions.RerunJob) -> None:
        source = self._api.get(self._call(action))
        spec = clone(dig(source, "spec", "jobTemplate", "spec") if action.target.kind == "CronJob" else source["spec"])
        spec.pop("selector", None)
        labels = dig(spec, "template", "metadata", "labels") or {}
        for made in [key for key in labels if key.rpartition("/")[2] in ("controller-uid", "job-name")]:
            del labels[made]
        name = f"{action.target.name[:40]}-rerun-{self._note.get(MARK) or self._world.store.suffix()}"
        meta = {"name": name, "namespace": action.target.namespace, "annotations": self._note}
        self._api.create(Call(self._caller, r.JOBS, action.target.namespace or "", name), {"metadata": meta, "spec": spec})

    def expand(self, action: actions.ExpandStorage) -> None:
        self._patch(action, {"resources": {"requests": {"storage": action.size}}})

    def renew(self, action: actions.RenewCertificate) -> None:
        certificate = self._api.get(self._call(action))
        condition = {
            "type": "Issuing",
            "status": "True",
            "reason": "ManuallyTriggered",
            "message": f"execution {self._note.get(MARK, '')}",
        }
        kept = [one for one in dig(certificate, "status", "conditions") or [] if one["type"] != "Issuing"]
        body = {
            "metadata": {"resourceVersion": certificate["metadata"]["resourceVersion"]},
            "status": {"conditions": [*kept, condition]},
        }
        self._api.patch(self._call(action, "status"), MERGE_PATCH, body)


def _past_template(world: World, workload: Document, action: actions.Rollback) -> Document:
    """The template of the revision that is asked for, or of the newest one before today's."""
    if workload["kind"] == "Deployment":
        known = {
            int(annotations_of(one).get(REVISION, "0")): one["spec"]["template"]
            for one in world.store.owned(workload, r.REPLICA_SETS)
        }
    else:
        revisions = world.store.owned(workload, r.CONTROLLER_REVISIONS)
        known = {int(one["revision"]): dict(one["data"]["spec"]["template"]) for one in revisions}
    now = without_hash(workload["spec"]["template"])
    past = {number: _plain(template) for number, template in known.items() if _plain(template) != now}
    if not past:
        raise NotDone("there is no other revision")
    number = action.revision or max(past)
    if number not in past:
        raise NotDone(f"there is no revision {number}")
    return past[number]


def _plain(template: Document) -> Document:
    return {key: value for key, value in without_hash(template).items() if key != "$patch"}
