"""Clean a machine's disk, or clear its caches: plain files under the paths of the machine's own list, old ones or all."""

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.connectors.ssh import files_ref
from aiops.core.actions import Action, CleanDisk, ClearCache
from aiops.core.errors import Conflict
from approvals.conf import ApprovalsConf
from approvals.operations import hosts
from approvals.operations.marks import Mark
from approvals.operations.operation import Bound, Progress

BOUND = Bound.MARKER


def subject(action: Action) -> Ref:
    return _ref(action)


def touched(subject: KubeObject) -> JsonValue:
    """Which folders: what lies in them moves all the time."""
    return subject.at("spec")


def concretise(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> Action:
    """The listed path where most can be freed, where none is asked for."""
    if _path(action):
        return action
    paths = subject.at("status", "paths")
    found = {path: subject.number("status", "paths", path, "bytes") for path in (paths if isinstance(paths, dict) else ())}
    if not found:
        raise Conflict(f"no path of {hosts.machine_of(action)} is on its list", code="not_allowed")
    return action.model_copy(update={"path": max(sorted(found), key=lambda path: found[path])})


def refuse(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> None:
    if subject.number("status", "files") == 0:
        raise Conflict(f"there is nothing to remove under {_path(action)}", code="nothing_to_do", state="0")


def request(action: Action, subject: KubeObject, api: Api, mark: Mark) -> Request:
    return hosts.request(_ref(action, mark.id), "clean", subject, mark)


def proof(action: Action, mark: Mark) -> Ref:
    return _ref(action, mark.id)


def has_landed(proof: KubeObject | None, uid: str, before: KubeObject, mark: Mark) -> bool:
    """Acknowledged, or begun and fewer files since. More files say nothing: they grow old by themselves."""
    if proof is None or hosts.is_fenced(proof):
        return False
    fewer = bool(before.raw) and proof.number("status", "files") < before.number("status", "files")
    return hosts.is_acknowledged(proof, mark) or fewer


def progress(action: Action, subject: KubeObject | None, api: Api, before: KubeObject) -> Progress:
    if subject is None:
        return Progress(done=False, words="the machine has forgotten about it", failed="its marker is gone")
    had, has = before.number("status", "files"), subject.number("status", "files")
    freed_mib = (before.number("status", "bytes") - subject.number("status", "bytes")) / 2**20
    return Progress(done=has < had, words=f"{had - has} of {had} files removed, {freed_mib:.0f} MiB freed")


def _path(action: Action) -> str:
    assert isinstance(action, CleanDisk | ClearCache)
    return (action.path or "").rstrip("/")


def _ref(action: Action, mark: str = "") -> Ref:
    purpose = "clean" if isinstance(action, CleanDisk) else "cache"
    return files_ref(hosts.machine_of(action), purpose, _path(action), mark)
