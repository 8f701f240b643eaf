"""What services and files of machines have in common: the machine's name, and the marker that is made once."""

from pydantic import JsonValue

from aiops.connectors.kubernetes import Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.core.actions import Action, ChangeAction
from approvals.operations.marks import Mark


def machine_of(action: Action) -> str:
    assert isinstance(action, ChangeAction)
    return action.target.name


def value(seen: KubeObject) -> str:
    """What the change moves: a service's invocation, a container's start, how many files there are."""
    return seen.text("status", "value")


def request(ref: Ref, do: str, subject: KubeObject, mark: Mark) -> Request:
    """`before` is the value that the change moves, so that a command that failed is told from one that changed something."""
    body: dict[str, JsonValue] = {"do": do, "mark": mark.id, "before": value(subject)}
    return Request(ref, body)


def fence(ref: Ref, mark: Mark) -> Request:
    """Takes the marker, so that what was sent for `mark` can never begin."""
    return Request(ref, {"do": "fence", "mark": mark.id})


def is_fenced(proof: KubeObject) -> bool:
    return proof.flag("status", "fenced")


def is_acknowledged(proof: KubeObject, mark: Mark) -> bool:
    """The command ended well while we listened."""
    return proof.text("status", "acknowledged") == mark.id
