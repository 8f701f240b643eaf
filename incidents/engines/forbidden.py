"""What a sign forbids, whoever proposes it: acts that could not work, or would be undone, where it is true."""

from collections.abc import Iterable, Mapping

from aiops.core.actions import ActionClass as A
from incidents.engines.sign import Sign

FORBIDS: Mapping[Sign, frozenset[A]] = {
    Sign.GITOPS: frozenset({A.ROLLBACK, A.SCALE_UP, A.SCALE_DOWN, A.ADJUST_RESOURCES}),
    Sign.AUTOSCALED: frozenset({A.SCALE_UP, A.SCALE_DOWN}),
    Sign.NO_ROOM: frozenset({A.SCALE_UP}),
    Sign.CONFIG_MISSING: frozenset({A.RESTART_WORKLOAD, A.SCALE_UP, A.ADJUST_RESOURCES}),
    Sign.PINNED: frozenset({A.CORDON_DRAIN_NODE}),
    Sign.STATEFUL_UNIT: frozenset({A.RESTART_SERVICE_HOST}),
}


def forbidden(signs: Iterable[Sign]) -> frozenset[A]:
    return frozenset(act for sign in signs for act in FORBIDS.get(sign, ()))
