"""Evict the pods of a node that has been cordoned: each by its uid, through the disruption budgets, until they are gone.

Killed anywhere, the next one goes on with what is left: a uid dies once.
"""

from collections.abc import Collection

import structlog

from aiops.connectors.errors import Ambiguous, Permanent, Transient
from aiops.connectors.kubernetes_objects import KubeObject
from aiops.core.actions import ChangeAction
from approvals import attempts
from approvals.acts import Act
from approvals.attempts import Outcome, Stopped
from approvals.leases import in_seconds
from approvals.models import Execution
from approvals.operations.drain import movable
from approvals.operations.eviction import eviction_of

log = structlog.get_logger(__name__)
AGAIN_AFTER_S = 5.0


def evict(act: Act) -> bool:
    """One round over what is left. True: nothing is left, or it was stopped, or its time is over; False: again later."""
    assert isinstance(act.action, ChangeAction)
    try:
        left = [pod for pod in movable(act.action.target.name, act.api) if pod.uid in _listed(act) and not pod.is_terminating]
        refused = [pod.name for pod in left if not _is_evicted(act, pod)]
    except (Transient, Permanent) as error:
        log.warning("execution.drain_waits", detail=error.detail)
        return _is_over(act)
    except Stopped:
        return True
    if refused:
        log.info("execution.drain_waits", pods=refused)
    return not refused or _is_over(act)


def _listed(act: Act) -> Collection[str]:
    """The uids that were on the node when it was cordoned. What came later is somebody else's wish."""
    uids = act.execution.before.get("pods")
    return {str(uid) for uid in uids} if isinstance(uids, list) else frozenset()


def _is_evicted(act: Act, pod: KubeObject) -> bool:
    """Ask for one pod to go. False: a budget wants it to stay for now, or nobody knows; it is asked for again."""
    request = eviction_of(pod, act.mark)
    attempt = attempts.commit(act.claim, request, pod)
    try:
        act.api.send(request)
    except Ambiguous as error:
        attempts.file(attempt, Outcome.UNCLEAR, error.detail, status=error.status)
        return False
    except Transient as error:
        attempts.file(attempt, Outcome.NO_EFFECT, error.detail, transient=True)
        return False
    except Permanent as error:
        attempts.file(attempt, Outcome.REFUSED, error.detail)
        return error.code == "not_found"
    attempts.file(attempt, Outcome.APPLIED, "", status=201)
    return True


def _is_over(act: Act) -> bool:
    """Budgets have refused for long enough: verification finds what stayed, puts the node back and asks a person."""
    since = in_seconds(-act.claim.conf.pdb_patience_s)
    return Execution.objects.filter(pk=act.execution.pk, started_at__lt=since).exists()
