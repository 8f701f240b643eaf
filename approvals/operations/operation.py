"""What is to be known of a kind of change so that it can be carried out at most once. Each is a module of functions."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol, runtime_checkable

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.core.actions import Action
from approvals.conf import ApprovalsConf
from approvals.operations.marks import Mark


class Bound(Enum):
    """What makes two requests for one execution land at most once (`reliability.md` §2, table of classes)."""

    VERSION = "version"  # the resourceVersion that the body was computed from
    UID = "uid"  # the uid that dies by it
    NAME = "name"  # the name that it creates
    MARKER = "marker"  # a folder on the machine that is made once, before anything is done
    KEY = "key"  # the receiver's own memory of the idempotency key


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the cluster has come with what was asked, judged by what the change made and never by what was there before.

    `failed` says why it cannot finish any more. `restarts` are those of the pods that the change made; `crashing` names
    one of them that crashes; `ready_at` is when the first of them became ready.
    """

    done: bool
    words: str
    failed: str = ""
    restarts: int = 0
    crashing: str = ""
    ready_at: datetime | None = None


class Operation(Protocol):
    """A module of `approvals.operations`. Conflict and the connector's errors say why something cannot be done."""

    @property
    def BOUND(self) -> Bound: ...

    def subject(self, action: Action) -> Ref:
        """The object that is read, and that shows whether the change has landed."""

    def touched(self, subject: KubeObject) -> JsonValue:
        """The part of the spec that the action changes: what is signed, and what nobody else may have moved."""

    def concretise(self, action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> Action:
        """The action with absolute values, filled in from the live object."""

    def refuse(self, action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> None:
        """Raise Conflict where this must not be done to the object as it stands."""

    def request(self, action: Action, subject: KubeObject, api: Api, mark: Mark) -> Request:
        """The final body, computed from `subject`, with its precondition and the mark."""

    def proof(self, action: Action, mark: Mark) -> Ref:
        """The object that shows whether the change has landed: the subject itself, but for what is created."""

    def has_landed(self, proof: KubeObject | None, uid: str, before: KubeObject, mark: Mark) -> bool:
        """Whether `mark`'s change of the object that had `uid`, and was `before`, is seen to have landed."""

    def progress(self, action: Action, subject: KubeObject | None, api: Api, before: KubeObject) -> Progress:
        """How far the cluster has come, given the subject now and as it was before the change."""


@runtime_checkable
class Reversible(Protocol):
    """What the module of an operation has as well where its change can be put back. A pod that is gone cannot."""

    def inverse(self, action: Action, before: KubeObject) -> Action | None:
        """What undoes it, given the subject as it was; None where nothing does."""

    def restore(self, before: JsonValue, subject: KubeObject, mark: Mark) -> Request:
        """The body that puts the touched spec back to `before`, with precondition and mark."""
