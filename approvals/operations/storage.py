"""Expand a volume claim, where its storage class allows it. Claims never shrink."""

from decimal import Decimal

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api, Patch, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.core import quantities
from aiops.core.actions import Action, ExpandStorage
from aiops.core.errors import Conflict
from approvals.conf import ApprovalsConf
from approvals.operations import marks
from approvals.operations.marks import Mark
from approvals.operations.operation import Bound, Progress

BOUND = Bound.VERSION
RAISE_BY = Decimal("1.5")


def subject(action: Action) -> Ref:
    assert isinstance(action, ExpandStorage)
    return Ref.to(action.target)


def touched(subject: KubeObject) -> JsonValue:
    return {"requests": subject.at("spec", "resources", "requests")}


def concretise(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> Action:
    """Half as much again, where no size is asked for."""
    assert isinstance(action, ExpandStorage)
    if action.size is not None:
        return action
    return action.model_copy(update={"size": quantities.times(_size(subject), RAISE_BY)})


def refuse(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> None:
    assert isinstance(action, ExpandStorage)
    assert action.size is not None
    if quantities.parse(action.size) <= quantities.parse(_size(subject)):
        raise Conflict(f"{subject.name} asks for {_size(subject)}; {action.size} is no more", code="nothing_to_do")
    name = subject.text("spec", "storageClassName")
    found = api.get(Ref("StorageClass", None, name)) if name else None
    if found is None or not found.flag("allowVolumeExpansion"):
        raise Conflict(f"the storage class of {subject.name} ({name or 'none'}) does not allow expansion", code="not_expandable")


def request(action: Action, subject: KubeObject, api: Api, mark: Mark) -> Request:
    assert isinstance(action, ExpandStorage)
    body: JsonValue = {
        "metadata": marks.metadata(subject, mark),
        "spec": {"resources": {"requests": {"storage": action.size}}},
    }
    return Request(Ref(subject.kind, subject.namespace, subject.name), body, Patch.MERGE)


def proof(action: Action, mark: Mark) -> Ref:
    return subject(action)


def has_landed(proof: KubeObject | None, uid: str, before: KubeObject, mark: Mark) -> bool:
    return proof is not None and marks.is_on(proof, mark)


def progress(action: Action, subject: KubeObject | None, api: Api, before: KubeObject) -> Progress:
    if subject is None:
        return Progress(done=False, words="the claim is gone", failed="the claim is gone")
    has, wanted = subject.text("status", "capacity", "storage"), _size(subject)
    done = bool(has) and quantities.parse(has) >= quantities.parse(wanted)
    return Progress(done=done, words=f"the volume has {has or 'no size yet'} of {wanted}")


def _size(claim: KubeObject) -> str:
    return claim.text("spec", "resources", "requests", "storage") or "0"
