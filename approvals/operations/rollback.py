"""Roll a workload back to the template of an earlier revision, named by its hash: never "undo", which toggles."""

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api, Patch, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.core.actions import Action, Rollback
from aiops.core.errors import Conflict
from approvals.conf import ApprovalsConf
from approvals.operations import marks, owners, workloads
from approvals.operations.marks import Mark
from approvals.operations.operation import Bound, Progress
from approvals.operations.revisions import Revision, previous_good, revisions_of

BOUND = Bound.VERSION


def subject(action: Action) -> Ref:
    assert isinstance(action, Rollback)
    return Ref.to(action.target)


def touched(subject: KubeObject) -> JsonValue:
    return {"template": workloads.template(subject)}


def concretise(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> Action:
    """Names the revision and the hash of its template; the previous good one where none is asked for."""
    assert isinstance(action, Rollback)
    history = revisions_of(subject, api)
    if action.revision is not None:
        found = next((r for r in history if r.number == action.revision), None)
        if found is None:
            known = ", ".join(str(r.number) for r in history) or "none"
            raise Conflict(f"{subject.name} has no revision {action.revision}; it keeps {known}", code="no_revision")
    elif (found := previous_good(subject, history)) is None:
        raise Conflict(f"{subject.name} has no earlier revision to go back to", code="no_revision")
    return action.model_copy(update={"revision": found.number, "template_hash": found.hash})


def refuse(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> None:
    workloads.refuse_paused(subject)
    workloads.refuse_on_delete(subject)
    if owner := owners.gitops_owner(subject):
        raise Conflict(
            f"{subject.name} is kept by {owner}, which would bring the new revision back; revert it in its repository",
            code="gitops_owner",
        )
    wanted = _wanted(action, subject, api)
    if workloads.plain_template(wanted.template) == workloads.plain_template(workloads.template(subject)):
        raise Conflict(f"{subject.name} runs revision {wanted.number} already", code="nothing_to_do", state=str(wanted.number))


def request(action: Action, subject: KubeObject, api: Api, mark: Mark) -> Request:
    wanted = _wanted(action, subject, api)
    return _replaced(wanted.template, subject, mark, cause=f"rolled back to revision {wanted.number} ({mark.label})")


def proof(action: Action, mark: Mark) -> Ref:
    return subject(action)


def has_landed(proof: KubeObject | None, uid: str, before: KubeObject, mark: Mark) -> bool:
    return proof is not None and marks.is_on(proof, mark)


def inverse(action: Action, before: KubeObject) -> Action | None:
    """Forward again, to the template that was replaced; the row keeps that template itself."""
    assert isinstance(action, Rollback)
    return Rollback(target=action.target, revision=workloads.revision_of(before) or None)


def restore(before: JsonValue, subject: KubeObject, mark: Mark) -> Request:
    assert isinstance(before, dict)
    return _replaced(before["template"], subject, mark, cause=f"put back as it was ({mark.label})")


def progress(action: Action, subject: KubeObject | None, api: Api, before: KubeObject) -> Progress:
    return workloads.progress(subject, api, before)


def _wanted(action: Action, subject: KubeObject, api: Api) -> Revision:
    assert isinstance(action, Rollback)
    for revision in revisions_of(subject, api):
        if revision.hash == action.template_hash:
            return revision
    raise Conflict(
        f"revision {action.revision} of {subject.name} is no longer kept by the cluster; deploy it again by hand",
        code="no_revision",
    )


def _replaced(template: JsonValue, subject: KubeObject, mark: Mark, *, cause: str) -> Request:
    change: JsonValue = {"op": "replace", "path": "/spec/template", "value": workloads.plain_template(template)}
    body = marks.json_patch(subject, mark, change, cause=cause)
    return Request(Ref(subject.kind, subject.namespace, subject.name), body, Patch.JSON)
