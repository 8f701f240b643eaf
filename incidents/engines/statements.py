"""What an alert says of itself in words and numbers: its name, its texts and the labels that somebody added as facts.

Texts are written by the authors of alert rules; what only a forger would write is caught before (`tampering.py`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from incidents.engines.sign import Sign
from incidents.labels import Labels
from incidents.vocabulary import phrases

# XIDs of a GPU that is gone until a reset or a reboot; the others come from the application that used it.
FATAL_XIDS = "48|62|64|74|79|92|94|95|119|120"
_NEVER = re.compile(r"(?!)")
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?")


@dataclass(frozen=True, slots=True)
class Statement:
    """`sign` is stated where one of the phrases stands: `said` in the name or the texts, `named` in the name alone."""

    sign: Sign
    said: re.Pattern[str]
    named: re.Pattern[str]


def _means(sign: Sign, said: str = "", *, named: str = "") -> Statement:
    return Statement(sign, phrases(said) if said else _NEVER, phrases(named) if named else _NEVER)


_STATEMENTS = (
    # The process
    _means(
        Sign.LEAKING,
        r"""
        (?<! no )(?<! not a )(?<! without )(?<! without a )leak(s|ed|ing|age)?, grows? without bound,
        grows? by ... (an|per|every) hour, (climbs?|rises?|gains?|adds?) ... (an|per|every) (hour|day),
        never gives ... back, never (returns?|releases?|frees?|closes?|shrinks?|goe?s? down), descriptors? exhaust\w*,
        accumulat\w+ ... (sockets|threads|processes|children|sessions|handles)
        """,
    ),
    _means(
        Sign.HANGING,
        r"""
        deadlock(s|ed)?, dead lock(s|ed)?, livelock\w*, event loop ... (blocked|not turned), blocked for ?ever,
        will never finish, wait (on|for) each other, liveness, given up restarting, none has finished,
        (thread|loop|scheduler|poller) ... died, (threads?|workers?) ... hang
        """,
    ),
    _means(
        Sign.STALLED,
        r"""
        hung, hangs?, hanging, frozen, wedged, unresponsive, not responding, does not respond, stalled?, no progress,
        stuck(?! terminating| in pending| pending), nothing has run, no (heartbeats?|output) since,
        has (committed|processed|finished|made|handled) no
        """,
    ),
    _means(
        Sign.OUTDATED_PROCESS,
        r"""
        still (uses?|runs?|serves?|holds?|connects?|reads?|sends?|resolves?|logs? in) ...
        (old|former|previous|expired|outdated|last (week|night)\S*),
        still ... from before, started before (the|its|that),
        (only )?(reads?|loads?|fetches) ((it|them|\w+) )?(only )?(at|on|during) start\w*( only)?,
        (only )?read (only )?when ... starts?, caches? dns, stale dns, dns cache stale,
        (keeps|kept) (sending|connecting|using|calling) ... (before|old|former), once at start\w*,
        (does|do) not reconnect, never reconnect(s|ed),
        holds? ... (broken|dead|stale|old) ... (channel|connections?|session|stream|token|address), new connections work,
        not (been )?(reloaded|re-read|picked up), stale (secret|credentials?|token|password|config\w*),
        (secret|credentials?|token|password|key)s? ((was|were|has been|have been) )?rotated, after (\S+ )?rotation,
        cured by a restart, until ... restarted
        """,
    ),
    _means(Sign.CRASHING, named=r"crash\w*, restarts, restarting, pods? restart, restart (loop|rate|count)\w*"),
    _means(
        Sign.SICK_POD,
        "has been terminating, stuck in terminating, in state unknown",
        named=r"(pods? )?not ready, pods? not healthy, readiness( \w+)?, (stuck )?terminating, pod unknown, zombie, outlier",
    ),
    _means(
        Sign.ONE_OF_MANY,
        r"""
        siblings?, outlier, only this pod, no other pod, the others? (are|have|do|answer),
        the rest (of (the|its) (pods|replicas) )?(are|is|have|do|fail|answer)\w*, the other (two|three|four|five|six),
        (of )?all (the )?other (pods|replicas), the (other|remaining) (\w+ )?(pods?|replicas?|members?|instances?)
        """,
    ),
    # What came before
    _means(
        Sign.RELEASED,
        r"""
        (minutes?|seconds?|hours?|right|shortly|immediately|just) after (the )?(release|rollout|deploy\w*|upgrade|update),
        (minutes?|right|shortly|immediately|just) after (revision|version|build),
        since (revision|the (release|rollout|deploy\w*))
        """,
        named=r"""
        (after|since|post) (the )?(last )?(deploy\w*|release|rollout|upgrade|update), canary,
        new (revision|release|version), (bad|broken|faulty|failed) (deploy\w*|release|rollout)
        """,
    ),
    _means(
        Sign.NOT_RELEASED,
        r"""
        (nothing (was|has been|is)|no (release|rollout|deploy\w*|change)) ... (weeks?|days|months?),
        release is ... (weeks?|days|months?) old, no recent (release|rollout|deploy\w*|change)
        """,
    ),
    _means(
        Sign.CONFIG_CHANGED,
        r"(after|since) (config\w*|configmap) \S+ changed",
        named=r"(after|since) (the )?config\w*( map)? (change|update)",
    ),
    _means(
        Sign.NEVER_READY,
        "progress deadline, no pod of (the new )?revision, new revision ... never",
        named="rollout (is )?(stuck|stalled|failed|blocked|hanging|not progressing)",
    ),
    # Load
    _means(
        Sign.SURGE,
        r"traffic (has )?(more than )?(doubled|tripled|quadrupled), traffic is (\d\S*|twice|three) times, against ... normally",
        named="surge, (traffic|load|requests?|rps) (spike|peak), flash (sale|crowd)",
    ),
    _means(
        Sign.CPU_BOUND,
        r"""
        cpu-bound, cpu bound, full cpu, at (8[5-9]|9\d|100) % (of (its|their) )?cpu, at (its|their) cpu limits?,
        cpu ((is|are) )?(saturated|exhausted)
        """,
    ),
    _means(
        Sign.ALL_BUSY,
        "all ... (workers?|slots?|consumers?) ... busy, all (workers?|slots?) (are )?busy, no (free|idle) workers?",
    ),
    _means(Sign.IDLE, "cpu is (idle|low), (pods?|workers?|replicas?) (are )?(ready )?(and )?idle, ready idle"),
    _means(
        Sign.NO_ROOM,
        """
        quota ... (used up|exhausted|reached|exceeded), every partition already, more (replicas|consumers) would,
        no (room|capacity) (left|for), nodes are full
        """,
    ),
    _means(Sign.ATTACK, "attack(s|ers?)?, ddos, bots, bot ?nets?, crawlers?, scrapers?, scanners?, random paths"),
    _means(
        Sign.OVERSIZED,
        "scaled ... by hand ... (idle|utilisation|utilization)",
        named="overscaled, overprovisioned, too many replicas, idle replicas, replicas idle, oversized",
    ),
    _means(
        Sign.LIMIT_TOO_TIGHT, r"limit (is )?too (low|small|tight), throttled in ([5-9]\d|100) % of, of its memory limit since"
    ),
    # The cause lies elsewhere, or somebody is at it
    _means(
        Sign.ELSEWHERE,
        """
        our own (error rate|errors?) (is|are) (normal|low), waits? (for|on) (its|the) (database|backend|upstream),
        since (its|the) (database|backend|upstream|broker|cache) is down, every ... request waits (for|on),
        (upstream|provider) (answers|returns|fails)
        """,
        named="from upstream, third party, database slow",
    ),
    _means(Sign.MAINTENANCE, "maintenance, being drained, during drain, planned (work|downtime|outage), a person paused"),
    # Jobs, stores, machines
    _means(
        Sign.HALF_DONE,
        r"""
        half way, halfway, after \d+ of \d+ steps, after \d+ % of, partially, in the middle, still (active|running)
        """,
    ),
    _means(
        Sign.STALE_ENTRIES,
        """
        missed invalidation, entries are older,
        (serves|keeps answering|keeps serving) (error pages|outdated|stale|old|poisoned|wrong|nxdomain)
        """,
        named=r"stale, outdated, poisoned, corrupt\w*, negative cache",
    ),
    _means(
        Sign.PRIMARY_FAILS,
        "primary ... (lost|answers no|answers nothing|is down|has failed|fails|is dead|crashed)",
        named="(primary|master|leader|writer) (failing|failed|down|lost|dead|unreachable), promotion needed",
    ),
    _means(
        Sign.STANDBY_READY,
        "(standby|replica) ... (synchronous|caught up|in sync), (synchronous|in-sync) standby, standby ... (ready|healthy)",
    ),
    _means(Sign.NODE_NOT_READY, named="nodes? not ready, node down"),
    _means(Sign.DISK_PRESSURE, named="disk pressure"),
    _means(Sign.MEMORY_PRESSURE, named="(memory|pid) pressure"),
    _means(
        Sign.HARDWARE_FAILS,
        """
        uncorrect(able|ed), fallen off (the )?bus, kernel deadlock, kernel dead lock, read-?only (root )?filesystem,
        kernel (oops|panic), double bit, predicts failure, (disk|drive|device) ... (is failing|will fail|has failed)
        """,
        named=rf"""
        (disk|nic|link|memory|ecc|hardware|power|gpu)( \w+)? (errors?|failure|failing|flapping), xid ({FATAL_XIDS})
        """,
    ),
    _means(
        Sign.LEAVING,
        r"""
        (spot|preempt\w*) (interruption|termination|notice), takes? \S+ back in, reclaimed in,
        (terminates?|terminated|will terminate|will be stopped) ... in (two|\d+) (minutes|seconds),
        (termination|interruption|shutdown) (imminent|notice)
        """,
    ),
)


def statements(name: str, text: str, labels: Labels) -> Iterator[Sign]:
    """Every sign that the name, the texts (both as words) or the added labels state."""
    for statement in _STATEMENTS:
        if statement.named.search(name) or statement.said.search(name) or (text and statement.said.search(text)):
            yield statement.sign
    yield from _numbers(labels)


def number(labels: Labels, *keys: str) -> float | None:
    """The number under the first of these labels that holds one."""
    for key in keys:
        if (text := labels.get(key)) and _NUMBER.fullmatch(text):
            return float(text)
    return None


_CPU_LABEL = re.compile(r"(?:^|_)cpu(?:_\w+)?_(?:util\w*|usage|ratio|percent)$|^cpu$")
_RATE_LABEL = re.compile(r"^(?:rps|qps|tps|requests|req_s|traffic|hits)$")
# Conditions of a node that an alert is about; of `Ready` it is the lack.
_CONDITIONS = {
    "Ready": Sign.NODE_NOT_READY,
    "DiskPressure": Sign.DISK_PRESSURE,
    "MemoryPressure": Sign.MEMORY_PRESSURE,
    "PIDPressure": Sign.MEMORY_PRESSURE,
}
_BEFORE = ("baseline", "yesterday", "before", "normal", "usual", "last_week", "average")
_USED_OF_ALL = (
    ("busy_workers", "workers"),
    ("busy_workers", "max_workers"),
    ("busy", "total"),
    ("active_workers", "max_workers"),
)


def _numbers(labels: Labels) -> Iterator[Sign]:
    """Facts that somebody put into labels, by what such labels are commonly called."""
    for key, value in labels.items():
        if _CPU_LABEL.search(key) and (ratio := number(labels, key)) is not None:
            ratio = ratio / 100 if ratio > 2 else ratio
            if ratio >= 0.85:
                yield Sign.CPU_BOUND
            if ratio <= 0.35:
                yield Sign.IDLE
        elif _RATE_LABEL.match(key) and (now := number(labels, key)) is not None:
            before = number(labels, *(f"{key}_{word}" for word in _BEFORE), *(f"{word}_{key}" for word in _BEFORE))
            if before and now >= 1.5 * before:
                yield Sign.SURGE
        elif key in ("throttled_ratio", "throttling_ratio") and (number(labels, key) or 0) >= 0.5:
            yield Sign.LIMIT_TOO_TIGHT
        elif key == "xid" and re.fullmatch(FATAL_XIDS, value):
            yield Sign.HARDWARE_FAILS
        elif key == "dependency" and value:
            yield Sign.ELSEWHERE
        elif key == "condition" and value == "Progressing" and labels.get("status") == "false":
            yield Sign.NEVER_READY
        elif key == "condition" and value in _CONDITIONS:
            yield _CONDITIONS[value]
        elif key == "maintenance" and value.lower() in ("true", "yes", "1"):
            yield Sign.MAINTENANCE
        elif key == "change" and value.startswith("configmap/"):
            yield Sign.CONFIG_CHANGED
    yield from _pairs(labels)


def _pairs(labels: Labels) -> Iterator[Sign]:
    replicas, needed = number(labels, "replicas"), number(labels, "needed", "recommended", "required_replicas")
    if replicas and needed and replicas >= 2 * needed:
        yield Sign.OVERSIZED
    partitions = number(labels, "partitions")
    if replicas and partitions and replicas >= partitions:
        yield Sign.NO_ROOM
    if any((busy := number(labels, used)) and busy == number(labels, whole) for used, whole in _USED_OF_ALL):
        yield Sign.ALL_BUSY
    age = number(labels, "release_age_minutes", "deploy_age_minutes", "minutes_since_release")
    if age is not None:
        yield Sign.RELEASED if age <= 60 else Sign.NOT_RELEASED
    elif any(labels.get(key) and labels.get(f"previous_{key}") for key in ("revision", "version", "release", "image")):
        yield Sign.RELEASED
