"""Blast radius: 0 to 100 from the target's real state, the same for the same facts, factor by factor (`domain.md` §11)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from aiops.core.scales import DataImpact, Tier
from approvals.conf import ApprovalsConf
from approvals.plans import Surroundings

DATA_POINTS = {DataImpact.NONE: 0, DataImpact.READ: 3, DataImpact.WRITE: 15, DataImpact.DESTRUCTIVE: 60}
REPLICA_POINTS = {0: 20, 1: 10, 2: 5}
PODS_MOST, DEPENDANTS_MOST, DOWNTIME_MOST, BURN_MOST, PDB_POINTS = 20, 12, 12, 16, 25


class Factor(BaseModel):
    """What one circumstance adds. `unknown`: it could not be read."""

    model_config = ConfigDict(frozen=True)

    code: str
    label: str
    points: int
    most: int
    detail: str
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """`tier` is at least `human` when something about the target itself could not be read."""

    score: int
    tier: Tier
    factors: tuple[Factor, ...]


def measure(around: Surroundings, *, environment: str, data: DataImpact, conf: ApprovalsConf) -> BlastRadius:
    """The score of a change amid `around`; more pods, dependants or burn never lower it."""
    factors = (
        _pods(around),
        _replicas(around),
        _environment(environment),
        _criticality(around, environment),
        _data(data),
        _dependants(around.dependants),
        _downtime(around.downtime_s),
        _burn(around.burn_rate),
        _budget(around.pdb_allows),
    )
    score = min(100, sum(factor.points for factor in factors))
    tier = tier_of(score, conf)
    if around.unread:
        tier = tier.worse(Tier.HUMAN)
    return BlastRadius(score, tier, factors)


def tier_of(score: int, conf: ApprovalsConf) -> Tier:
    if score >= conf.tier_blocked_from:
        return Tier.BLOCKED
    if score >= conf.tier_dual_from:
        return Tier.DUAL
    return Tier.HUMAN if score >= conf.tier_human_from else Tier.AUTO


def _pods(around: Surroundings) -> Factor:
    affected, total = around.pods_affected, around.pods_total
    if affected is None or total is None:
        return Factor(code="pods", label="Pods affected", points=0, most=PODS_MOST, detail="not readable", unknown=True)
    share = min(1.0, affected / total) if total else 0.0
    points = math.ceil(PODS_MOST * share / (2 if around.rolling else 1))
    how = ", one by one" if around.rolling and affected > 1 else ""
    return Factor(code="pods", label="Pods affected", points=points, most=PODS_MOST, detail=f"{affected} of {total}{how}")


def _replicas(around: Surroundings) -> Factor:
    left = around.replicas_left
    if left is None:
        return Factor(code="replicas_left", label="Replicas left", points=0, most=20, detail="not readable", unknown=True)
    return Factor(
        code="replicas_left",
        label="Replicas left",
        points=REPLICA_POINTS.get(max(left, 0), 0),
        most=20,
        detail=f"{left} at worst",
    )


def _environment(environment: str) -> Factor:
    points = {"production": 10, "staging": 3}.get(environment, 0)
    return Factor(code="environment", label="Environment", points=points, most=10, detail=environment)


def _criticality(around: Surroundings, environment: str) -> Factor:
    """Tier 1 weighs most; what nobody classified counts as tier 2 in production."""
    level = around.criticality
    unknown = level is None
    points = 14 if level == 1 else 7 if level == 2 or (unknown and environment == "production") else 0
    detail = "not declared" if unknown else f"tier {level}"
    return Factor(code="criticality", label="Criticality", points=points, most=14, detail=detail)


def _data(data: DataImpact) -> Factor:
    return Factor(code="data", label="Data impact", points=DATA_POINTS[data], most=60, detail=data.value)


def _dependants(names: Sequence[str]) -> Factor:
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    points = min(DEPENDANTS_MOST, 4 * len(names))
    return Factor(code="dependants", label="Dependants", points=points, most=DEPENDANTS_MOST, detail=shown or "none known")


def _downtime(seconds: float) -> Factor:
    points = min(DOWNTIME_MOST, 3 * math.ceil(seconds / 30)) if seconds > 0 else 0
    return Factor(code="downtime", label="Estimated downtime", points=points, most=DOWNTIME_MOST, detail=f"{seconds:.0f} s")


def _burn(rate: float | None) -> Factor:
    """A missing metric adds nothing and is named."""
    if rate is None:
        return Factor(code="burn", label="Error-budget burn", points=0, most=BURN_MOST, detail="not measured", unknown=True)
    points = 16 if rate >= 6 else 8 if rate >= 2 else 4 if rate >= 1 else 0
    return Factor(code="burn", label="Error-budget burn", points=points, most=BURN_MOST, detail=f"{rate:.1f}x now")


def _budget(allows: int | None) -> Factor:
    blocked = allows is not None and allows <= 0
    detail = "no budget set" if allows is None else f"allows {allows}"
    return Factor(code="pdb", label="Disruption budget", points=PDB_POINTS if blocked else 0, most=PDB_POINTS, detail=detail)
