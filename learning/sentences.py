"""What the screen says about trust (`trust-model.md` §7): one sentence, its numbers first, its verdict last."""

import math

from aiops.core.scales import Tier
from learning.scopes import Scope

EPSILON = 1e-7  # 0.29 * 100 is 28.999999999999996
BLAST = {Tier.AUTO: "low", Tier.HUMAN: "medium", Tier.DUAL: "high", Tier.BLOCKED: "critical"}

# How the runs of a verb are counted; the verb of a webhook job is the job's own name.
_RUNS = {
    "restart": "restarts",
    "delete_pod": "pod deletions",
    "scale": "scalings",
    "rollback": "rollbacks",
    "resources": "resource changes",
    "drain": "drains",
    "rerun_job": "job reruns",
    "restart_host": "host service restarts",
    "clean_disk": "disk cleanings",
    "expand": "storage expansions",
    "renew": "certificate renewals",
    "failover": "failovers",
    "clear_cache": "cache clearings",
}


def percent(share: float) -> str:
    """`0.8` → `80 %`; as many digits as the share has, for limits."""
    return f"{share * 100:.6g} %"


def percent_down(share: float) -> str:
    """Whole percent, never more than is true, for bounds."""
    return f"{math.floor(share * 100 + EPSILON)} %"


def counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def runs_of(scope: Scope) -> str:
    """`restarts of web-* for HighMemory in production/shop`, as far as the scope says."""
    verb, _, resource = scope.pattern.partition(":")
    what = _RUNS.get(verb, f"{verb} runs")
    aim = f" of {resource}" if resource.strip("*") else ""
    cause = f" for {scope.alert_name}" if scope.alert_name else ""
    return f"{what}{aim}{cause} in {scope.place}"


def needs(tier: Tier, need: float | None) -> str:
    """`medium blast needs 80 %`."""
    if tier is Tier.BLOCKED:
        return "critical blast is never lowered"
    return f"{BLAST[tier]} blast needs {percent(need) if need is not None else 'no proof'}"


def sentence(
    scope: Scope,
    tier: Tier,
    *,
    worked: int,
    runs: int,
    days: int,
    bound: float,
    sure: float,
    need: float | None,
    score: str,
    verdict: str,
) -> str:
    """`14 of 14 verified restarts of web-* … (90 days): 80 % sure it works ≥ 88 %; …; score 10/10 → may run alone.`"""
    return (
        f"{worked} of {runs} verified {runs_of(scope)} ({days} days): {percent(sure)} sure it works ≥ {percent_down(bound)}; "
        f"{needs(tier, need)}; score {score} → {verdict}."
    )
