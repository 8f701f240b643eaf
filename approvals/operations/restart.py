"""Restart a workload: a note in its pod template, as `kubectl rollout restart` writes it."""

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api, Patch, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.core.actions import Action, ChangeAction
from approvals.conf import ApprovalsConf
from approvals.operations import marks, workloads
from approvals.operations.marks import Mark
from approvals.operations.operation import Bound, Progress

BOUND = Bound.VERSION


def subject(action: Action) -> Ref:
    assert isinstance(action, ChangeAction)
    return Ref.to(action.target)


def touched(subject: KubeObject) -> JsonValue:
    return {"template": workloads.template(subject)}


def concretise(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> Action:
    return action


def refuse(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> None:
    workloads.refuse_paused(subject)
    workloads.refuse_on_delete(subject)


def request(action: Action, subject: KubeObject, api: Api, mark: Mark) -> Request:
    noted: JsonValue = {marks.RESTARTED_AT: mark.time, marks.EXECUTION: mark.id}
    body: JsonValue = {
        "metadata": marks.metadata(subject, mark),
        "spec": {"template": {"metadata": {"annotations": noted}}},
    }
    return Request(Ref(subject.kind, subject.namespace, subject.name), body, Patch.MERGE)


def proof(action: Action, mark: Mark) -> Ref:
    return subject(action)


def has_landed(proof: KubeObject | None, uid: str, before: KubeObject, mark: Mark) -> bool:
    return proof is not None and marks.is_on(proof, mark)


def progress(action: Action, subject: KubeObject | None, api: Api, before: KubeObject) -> Progress:
    return workloads.progress(subject, api, before)
