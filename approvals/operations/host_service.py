"""Restart a systemd service or a docker container of a machine, from the machine's own list."""

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.connectors.ssh import service_ref
from aiops.core.actions import Action, RestartServiceHost
from aiops.core.errors import Conflict
from approvals.conf import ApprovalsConf
from approvals.operations import hosts
from approvals.operations.marks import Mark
from approvals.operations.operation import Bound, Progress

BOUND = Bound.MARKER


def subject(action: Action) -> Ref:
    return _ref(action)


def touched(subject: KubeObject) -> JsonValue:
    """Which unit file or image it runs from: a restart would start something else if that was exchanged."""
    return subject.at("spec")


def concretise(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> Action:
    return action


def refuse(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> None:
    name = subject.name.rpartition("/")[2]
    if subject.text("spec", "load") == "masked" or not subject.flag("status", "can_start"):
        raise Conflict(f"{name} is masked or cannot be started by hand", code="masked", state="masked")
    if subject.flag("status", "needs_reload"):
        raise Conflict(
            f"the unit file of {name} has changed on disk; run systemctl daemon-reload first", code="needs_reload", state="stale"
        )
    if subject.text("status", "state") in ("activating", "deactivating", "restarting"):
        state = subject.text("status", "state")
        raise Conflict(f"{name} is {state} already", code="nothing_to_do", state=state)


def request(action: Action, subject: KubeObject, api: Api, mark: Mark) -> Request:
    return hosts.request(_ref(action, mark.id), "restart", subject, mark)


def proof(action: Action, mark: Mark) -> Ref:
    """The service once its marker is made; nothing before."""
    return _ref(action, mark.id)


def has_landed(proof: KubeObject | None, uid: str, before: KubeObject, mark: Mark) -> bool:
    """Acknowledged, or begun and started anew since."""
    if proof is None or hosts.is_fenced(proof):
        return False
    moved = bool(before.raw) and bool(hosts.value(proof)) and hosts.value(proof) != hosts.value(before)
    return hosts.is_acknowledged(proof, mark) or moved


def progress(action: Action, subject: KubeObject | None, api: Api, before: KubeObject) -> Progress:
    """Up again, and not as before. A health check of the container has to pass."""
    if subject is None:
        return Progress(done=False, words="the machine has forgotten about it", failed="its marker is gone")
    name, state, detail = subject.name.rpartition("/")[2], subject.text("status", "state"), subject.text("status", "detail")
    words = f"{name} is {state or 'unknown'}{f' ({detail})' if detail else ''}"
    if state in ("failed", "dead", "exited") or detail == "unhealthy":
        return Progress(done=False, words=words, failed=words)
    up = state in ("active", "running") and detail != "starting" and hosts.value(subject) != hosts.value(before)
    return Progress(done=up, words=words, restarts=subject.number("status", "restarts"))


def _ref(action: Action, mark: str = "") -> Ref:
    assert isinstance(action, RestartServiceHost)
    if not action.target.unit:
        raise Conflict(f"name the service of {action.target.name} that is to be restarted", code="no_unit")
    return service_ref(action.target.name, action.manager, action.target.unit, mark)
