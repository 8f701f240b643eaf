"""One module a kind of change; `operation_for` finds the one of an action."""

from collections.abc import Mapping

from aiops.core.actions import Action, ActionClass
from aiops.core.errors import Conflict
from approvals.operations import certificates, drain, eviction, jobs, resources, restart, rollback, scaling, storage
from approvals.operations.operation import Operation

OPERATIONS: Mapping[ActionClass, Operation] = {
    ActionClass.RESTART_WORKLOAD: restart,
    ActionClass.SCALE_UP: scaling,
    ActionClass.SCALE_DOWN: scaling,
    ActionClass.ROLLBACK: rollback,
    ActionClass.DELETE_POD: eviction,
    ActionClass.ADJUST_RESOURCES: resources,
    ActionClass.CORDON_DRAIN_NODE: drain,
    ActionClass.RERUN_JOB: jobs,
    ActionClass.EXPAND_STORAGE: storage,
    ActionClass.RENEW_CERTIFICATE: certificates,
}


def operation_for(action: Action) -> Operation:
    """How `action` is carried out; Conflict `executor` where nothing here can."""
    try:
        return OPERATIONS[action.action_class]
    except KeyError:
        raise Conflict(f"nothing here carries out {action.action_class}; a person does it", code="executor") from None
