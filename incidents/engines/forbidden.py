"""What a sign forbids, whoever proposes it: acts that could not work, or would be undone, where it is true."""

from collections.abc import Iterable, Mapping, Set

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


# Of these, one has to be seen before such an act makes sense.
ASKS: Mapping[A, frozenset[Sign]] = {
    A.ROLLBACK: frozenset({Sign.RELEASED, Sign.CONFIG_CHANGED, Sign.IMAGE_MISSING}),
}
# And before it is done again because it worked before: then there was a need for it that may not be there now.
ASKS_AGAIN: Mapping[A, frozenset[Sign]] = {
    **ASKS,
    A.SCALE_UP: frozenset({Sign.SURGE, Sign.CPU_BOUND, Sign.ALL_BUSY}),
}


def unfit(act: A, signs: Set[Sign], asks: Mapping[A, frozenset[Sign]] = ASKS) -> str:
    """Why this act makes no sense where `signs` hold; empty where nothing speaks against it."""
    if against := sorted(sign.value for sign in signs if act in FORBIDS.get(sign, frozenset())):
        return f"cannot work: {', '.join(against)}"
    if act in asks and not asks[act] & signs:
        return f"nothing shows that {' or that '.join(sorted(sign.value for sign in asks[act]))}"
    return ""


def forbidden(signs: Iterable[Sign]) -> frozenset[A]:
    return frozenset(act for sign in signs for act in FORBIDS.get(sign, ()))
