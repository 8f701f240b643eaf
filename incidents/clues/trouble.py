"""What kind of trouble an alert tells of, as far as cause and effect go: what may bring down what. Words alone.

The order of `Trouble` is the order of causes: of two alerts about the same thing the earlier kind is the likelier root.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from aiops.core.categories import Category as C
from aiops.core.scales import CRITICAL_WORDS, INFO_WORDS
from aiops.core.targets import Target
from incidents.labels import Labels
from incidents.vocabulary import phrases, words_of


class Trouble(IntEnum):
    """From cause to effect."""

    CHANGE = 1  # somebody changed it, and since then it is broken
    LOAD = 2  # it asks too much of others
    LOSS = 3  # it is gone, cut off, expired or defective
    EXHAUSTED = 4  # it has run out of something
    CRASH = 5  # its process dies or cannot start
    UNREADY = 6  # fewer of it are there than should be
    DEGRADED = 7  # it is slow, behind, or answers with errors
    SYMPTOM = 8  # what users and outside observers notice


@dataclass(frozen=True, slots=True)
class Nature:
    """`harms`: others may suffer from it. `suffers`: others may be its cause. `forecast`: the trouble proper comes later.

    `resource`: memory, cpu, disk, connections, or "". `second_hand`: it names neither a reason nor the thing that is lost.
    """

    trouble: Trouble
    harms: bool
    suffers: bool
    forecast: bool
    resource: str
    second_hand: bool
    heavy_use: bool

    @property
    def rank(self) -> tuple[int, bool]:
        """Lower is nearer to the cause."""
        return (self.trouble, self.second_hand)


_CHANGE = phrases(r"""
    (after|since|following|post) (the )?(deploy\w*|release|rollout|change|upgrade|update), bad (deploy\w*|release|rollout),
    (deploy|release|canary|upgrade)( analysis)? (failed|failure|regression|failing), regression, canary failing, on new revision
""")
_LOAD = phrases(r"""
    (?<!errors )(?<!error )(?<!latency )(?<!5xx )surge, flood\w*, crawlers?, ddos, runaway, noisy neighbou?r, retry storm,
    leak\w*,
    (traffic|requests?|request rate|qps|rps|load|publish\w*|connections?|login|query) (rate )?
    (spikes?|jump\w*|rose|anomaly|doubled),
    thundering herd, from bots, grows? (fast|quickly|rapidly),
    (memory|cpu|disk|logs?|io|heap|rss) (grows?|growth|growing), unbounded,
    long running (query|queries|transactions?), hogs?
""")
_LOSS = phrases(r"""
    (?<!target )(?<!targets )(?<!slowing )down, unreachable, offline, lost, loss, absent, disappeared, gone, dead, partition(ed)?,
    split brain, no leader, missing (master|primary|leader|members?|nodes?), members? missing, expired, sealed, read ?only,
    disconnected, disk fail\w*, failed disk, io errors?,
    (disk|device|media) (read |write )?errors?, not running, quorum, node not ready, nodes? not ready,
    not responding, stopped, corrupt\w*, failover, no (master|primary), healthy (data )?nodes, outage, pleg, container runtime,
    network unavailable, fault, termination, interruption, preempt\w*, link, power supply, fallen off bus, kernel (deadlock|oops)
""")
_EXHAUSTED = phrases(r"""
    out of (\w+ )?(memory|space|disk|inodes|files|capacity|connections|resources|descriptors|maxmemory|ports|pod capacity), full,
    fully used, fill\w*, exhaust\w*, too many (connections|clients|open files), (max|maximum|active|free) connections,
    connections,
    connection pool, clients waiting, pressure, saturat\w*, swap\w*, maxmemory, exceeded, file descriptors?, conntrack, inodes,
    io ?wait, disk (read|write) (latency|rate), fsync\w*, no space, limit reached, credits?, balance, memory, cpu, space, ports
""")
_CRASH = phrases(r"""
    crash\w*, oom\w*, kill\w*, restart\w*, panic\w*, segfault\w*, container (waiting|terminated), image( pull\w*)?, core dump\w*
""")
_UNREADY = phrases(r"""
    not ready, not healthy, unhealthy, mismatch, rollouts?, replicas?, misscheduled, pending, evict\w*, unschedulable, stuck,
    flapping, targets? (missing|down), maxedout, under replicated, unassigned, not scheduled, progressing, pdb, out of sync
""")
_SYMPTOM = phrases(r"""
    burn\w*, budget, availability, slo, sli, apdex, probes?, synthetic, uptime, revenue, conversion, sign ?ins?, logins?,
    checkouts?, orders, (request|traffic) (rate )?(dropped|fell|low|lost|collapsed), requests dropped, (http )?5xx, user impact
""")
_CHORE = phrases(r"""
    (will )?expir(e|es|y|ing|ation)( soon)?, ends soon, renewal, renew\w*, underutili[sz]ed, overcommit\w*, vacuum\w*,
    auto ?vacuumed,
    bloat\w*, dead tuples, unused, inactive, idle, outdated, deprecated, version( (skew|mismatch))?, toner, licen[sc]e,
    rate limits?,
    raid, smart, (over)?temperature, battery, fan, clock, skew, ntp, synchronising, missing backup
""")
_EXPIRED = phrases("expired, not ready")
_FORECAST = phrases(r"fill\w*( up)?, will \w+, soon, predict\w*, may fill, (almost|nearly) (full|out), in \d+ (hours|days)")
_FIRST_HAND = phrases(
    r"nodes? (not ready|unreachable|down|lost), image( pull\w*)?, sealed, expired, interface down, zone \w+, fsync\w*"
)
_HEAVY_USE = phrases(
    "(memory|cpu|disk|io|network) (usage|use|utili[sz]ation|consumption|high), high (memory|cpu|disk|io|network)( \\w+)?"
)
_VICTIM = phrases("throttl\\w*, oom\\w*, kill\\w*, gc, heap, evict\\w*, near limit, limit")
_WEAR = phrases("disks?, filesystems?, raid, smart, inodes?, nvme, space, device, md, zpool, zfs, io")
_SPACE = phrases("space, inodes?, full, fill\\w*, usage")
_RESOURCES = (
    ("connections", phrases("connections?, clients waiting, connection pool, too many clients")),
    ("memory", phrases("memory, oom\\w*, swap\\w*, heap, maxmemory, rss, gc")),
    ("disk", phrases("disks?, filesystems?, space, inodes?, volumes?, persistentvolume\\w*, storage, io, iowait, fsync\\w*")),
    ("cpu", phrases("cpu, load, throttl\\w*, steal")),
)
_BY_CATEGORY: Mapping[C, Trouble] = {
    C.WORKLOAD_CRASH: Trouble.CRASH,
    C.WORKLOAD_STUCK_ROLLOUT: Trouble.UNREADY,
    C.SATURATION_CPU: Trouble.EXHAUSTED,
    C.SATURATION_MEMORY: Trouble.EXHAUSTED,
    C.STORAGE: Trouble.EXHAUSTED,
    C.CERTIFICATE: Trouble.LOSS,
    C.CAPACITY_QUOTA: Trouble.UNREADY,
}
_STARTS_NOT = frozenset(
    {"imagepullbackoff", "errimagepull", "createcontainerconfigerror", "crashloopbackoff", "oomkilled", "error"}
)
_MACHINES = frozenset({"Node", "Host", "PersistentVolume", "PersistentVolumeClaim"})
_OF_RESOURCES = (Trouble.LOAD, Trouble.LOSS, Trouble.EXHAUSTED, Trouble.CRASH)
_ON_THEIR_OWN = frozenset({C.SECURITY, C.BATCH_JOB})  # a failed job or a break-in takes nothing else down


def nature_of(labels: Labels, category: C, target: Target | None) -> Nature:
    """The nature of an alert. Never raises; what says nothing is DEGRADED."""
    name = labels.get("alertname") or labels.get("rulename") or labels.get("title") or ""
    revised = "previous_revision" in labels
    objective = "sloth_slo" in labels or "slo" in labels
    signal = f"{labels.get('signal', '')} {labels.get('condition', '')}"
    return _nature(
        name[:300], labels.get("severity", "").lower()[:40], category, target.kind if target is not None else "",
        labels.get("reason", "").lower()[:60], revised, objective, signal.lower()[:80],
    )  # fmt: skip


@lru_cache(maxsize=8192)
def _nature(
    name: str, severity: str, category: C, kind: str, reason: str, revised: bool, objective: bool, signal: str
) -> Nature:  # every argument is a word of the alert, so that the answer can be kept
    words = words_of(name)
    trouble = Trouble.CHANGE if revised else Trouble.SYMPTOM if objective else _trouble(words, category, kind, reason)
    forecast = _FORECAST.search(words) is not None
    full = kind == "ResourceQuota" and trouble is Trouble.EXHAUSTED and not forecast
    chore = trouble not in (Trouble.CHANGE, Trouble.SYMPTOM) and _CHORE.search(words) is not None
    chore = (chore and not (category is C.CERTIFICATE and _EXPIRED.search(words))) or (
        forecast and severity not in CRITICAL_WORDS
    )
    worn = _WEAR if kind in ("Node", "Host") else _SPACE
    wears = category is C.STORAGE and kind in _MACHINES and worn.search(words) is not None
    resource = _resource(words, signal)
    return Nature(
        trouble=trouble,
        harms=not chore and (severity not in INFO_WORDS or full) and (category not in _ON_THEIR_OWN or trouble is Trouble.LOAD),
        suffers=not chore and not wears and not forecast and category is not C.SECURITY and trouble > Trouble.LOAD,
        forecast=forecast,
        resource=resource,
        second_hand=not (resource and trouble in _OF_RESOURCES) and _FIRST_HAND.search(words) is None,
        heavy_use=_HEAVY_USE.search(words) is not None and _VICTIM.search(words) is None,
    )


def _trouble(words: str, category: C, kind: str, reason: str) -> Trouble:
    """The first that fits, from the plainest words to what the category suggests."""
    if _CHANGE.search(words):
        return Trouble.CHANGE
    if _LOAD.search(words):
        return Trouble.LOAD
    if kind == "Endpoint" and category is not C.CERTIFICATE:
        return Trouble.SYMPTOM
    if reason in _STARTS_NOT or (category is C.WORKLOAD_CRASH and _CRASH.search(words)):
        return Trouble.CRASH
    if " rejected " in words:
        return Trouble.DEGRADED
    machine = kind in _MACHINES or not kind
    if machine and _LOSS.search(words):
        return Trouble.LOSS
    if _EXHAUSTED.search(words) and category not in (C.LATENCY, C.ERROR_RATE):
        return Trouble.EXHAUSTED
    if _LOSS.search(words):
        return Trouble.LOSS
    if category is not C.CERTIFICATE:
        if _CRASH.search(words):
            return Trouble.CRASH
        if _UNREADY.search(words):
            return Trouble.UNREADY
    if _SYMPTOM.search(words) or kind == "Ingress":
        return Trouble.SYMPTOM
    return _BY_CATEGORY.get(category, Trouble.DEGRADED)


def _resource(words: str, signal: str) -> str:
    if "nodefs" in signal or "imagefs" in signal or "disk" in signal:
        return "disk"
    if "memory" in signal:
        return "memory"
    return next((name for name, pattern in _RESOURCES if pattern.search(words)), "")
