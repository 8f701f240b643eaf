"""Which incidents the closed loop meets: drawn from the sandbox's scenarios, the same for every policy."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from aiops.sandbox import base
from aiops.sandbox.clock import EPOCH
from aiops.sandbox.cluster.documents import Ref
from aiops.sandbox.faults.scenarios import scenarios

MONTHS = timedelta(days=180)
FOR_INCIDENTS = 500  # so many come in that time
APART = timedelta(hours=2)  # at least: one is over before the next begins
AT_ITS_OWN_PLACE = 0.6


@dataclass(frozen=True, slots=True)
class Draw:
    """`where` is None at the scenario's own workload. `seed` decides what chance does in the world meanwhile."""

    n: int
    at: datetime
    scenario: str
    where: Ref | None
    seed: int


def draws(n: int, seed: int) -> Iterator[Draw]:
    """`n` incidents in the order of their time."""
    chance, at = Random(seed), EPOCH
    workloads = [one.ref for one in base.load().workloads if one.has_load and one.kind == "Deployment"]
    for number in range(n):
        at += APART + timedelta(seconds=chance.expovariate(1 / ((MONTHS / FOR_INCIDENTS - APART).total_seconds())))
        scenario = chance.choice(sorted(scenarios()))
        elsewhere = chance.random() >= AT_ITS_OWN_PLACE
        where = chance.choice(workloads)
        fits = "Deployment" in scenarios()[scenario].fits
        yield Draw(number, at, scenario, where if elsewhere and fits else None, chance.randrange(2**31))
