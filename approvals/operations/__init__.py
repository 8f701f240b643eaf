"""One module a kind of change; `operation_for` finds the one of an action."""

from collections.abc import Mapping

from aiops.core.actions import Action, ActionClass, ClearCache, Executor
from aiops.core.errors import Conflict
from approvals.operations import (
    certificates,
    drain,
    eviction,
    host_files,
    host_service,
    jobs,
    resources,
    restart,
    rollback,
    scaling,
    storage,
    webhook_jobs,
)
from approvals.operations.operation import Operation, Reversible

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
    ActionClass.RESTART_SERVICE_HOST: host_service,
    ActionClass.CLEAN_DISK: host_files,
    ActionClass.CLEAR_CACHE: webhook_jobs,
    ActionClass.FAILOVER: webhook_jobs,
    ActionClass.RUN_WEBHOOK_JOB: webhook_jobs,
}


def operation_for(action: Action) -> Operation:
    """How `action` is carried out; Conflict `executor` where nothing here can."""
    if isinstance(action, ClearCache) and executor_of(action) is Executor.SSH:
        return host_files
    try:
        return OPERATIONS[action.action_class]
    except KeyError:
        raise Conflict(f"nothing here carries out {action.action_class}; a person does it", code="executor") from None


def way_back(action: Action) -> Reversible | None:
    """How what `action` changed is put back; None where nothing can."""
    operation = operation_for(action)
    return operation if isinstance(operation, Reversible) else None


def executor_of(action: Action) -> Executor:
    """Who carries `action` out: that of its class, but for a cache that no machine holds."""
    if isinstance(action, ClearCache) and (action.job or action.target.kind not in ("Host", "Node")):
        return Executor.JOB
    return action.spec.executor
