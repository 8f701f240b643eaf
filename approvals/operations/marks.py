"""The mark that a change leaves on its object: the id of the execution, in the same request that changes it.

Whoever reads the object later knows whether that execution's change landed. Ids of the last few are kept, so that the
mark of one outlives the next ones.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from aiops.connectors.kubernetes import Patch, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref

EXECUTION = "aiops.dev/execution"
EXECUTIONS = "aiops.dev/executions"
FENCE = "aiops.dev/fence"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
CHANGE_CAUSE = "kubernetes.io/change-cause"  # what `kubectl rollout history` shows beside the revision
KEPT = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """`id` of the execution; `at` is the row's fixed time, so that a repeated body is the same to the byte."""

    id: str
    at: datetime

    @property
    def label(self) -> str:
        """How it is named to people."""
        return f"{EXECUTION}={self.id}"

    @property
    def time(self) -> str:
        return self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ids_on(subject: KubeObject) -> list[str]:
    return [part for part in subject.annotations.get(EXECUTIONS, "").split(",") if part]


def is_on(subject: KubeObject, mark: Mark) -> bool:
    return mark.id == subject.annotations.get(EXECUTION) or mark.id in ids_on(subject)


def annotations(subject: KubeObject, mark: Mark) -> dict[str, JsonValue]:
    """What is added to the metadata of `subject`, which does not carry the mark yet."""
    return {EXECUTION: mark.id, EXECUTIONS: ",".join([*ids_on(subject), mark.id][-KEPT:])}


def metadata(subject: KubeObject, mark: Mark) -> dict[str, JsonValue]:
    """For a merge patch: the version that `subject` was read at, as precondition, and the mark."""
    return {"resourceVersion": subject.resource_version, "annotations": annotations(subject, mark)}


def json_patch(subject: KubeObject, mark: Mark, *changes: JsonValue, cause: str) -> list[JsonValue]:
    """The same for a JSON Patch. Replacing the version by the one that was read is refused with 409 once it is stale.

    The cluster copies annotations to the revision that it makes: `cause` takes the place of what the one before was for.
    """
    marked: dict[str, JsonValue] = {**subject.annotations, **annotations(subject, mark), CHANGE_CAUSE: cause}
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": subject.resource_version},
        *changes,
        {"op": "add", "path": "/metadata/annotations", "value": marked},
    ]


def fence(subject: KubeObject, mark: Mark) -> Request:
    """A write that changes nothing but the version, so that nothing sent for `mark` at this version can land any more."""
    note: JsonValue = {"metadata": {"resourceVersion": subject.resource_version, "annotations": {FENCE: mark.id}}}
    return Request(Ref(subject.kind, subject.namespace or None, subject.name), note, Patch.MERGE)
