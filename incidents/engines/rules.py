"""The rule catalogue: knowledge of the field, a line of sense each. The first rule that fits decides.

A rule says what it matches, which act follows, under which condition the act is justified, and how that is explained to
people. `when` and `unless` are signs (`signs.py`); a change is dropped when its target could not be aimed at. No rule fits:
people are told.
"""

import re
from dataclasses import dataclass, field

from aiops.core.actions import ActionClass
from aiops.core.categories import Category
from incidents.engines.signs import Case, Sign
from incidents.vocabulary import phrases

A, C, S = ActionClass, Category, Sign
_NOTHING = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Rule:
    """`words` and `not_words` are searched in the words of the alert's name; an empty set or pattern asks for nothing.

    `sure`: the alert alone settles it, so a machine with a good record may do it unattended (if policy agrees).
    """

    act: ActionClass
    because: str
    categories: frozenset[Category] = frozenset()
    kinds: frozenset[str] = frozenset()
    words: re.Pattern[str] | None = None
    not_words: re.Pattern[str] = _NOTHING
    labels: frozenset[str] = frozenset()
    when: frozenset[Sign] = frozenset()
    unless: frozenset[Sign] = frozenset()
    sure: bool = False
    parameters: tuple[tuple[str, str], ...] = field(default=())

    def fits(self, case: Case) -> bool:
        return (
            (not self.categories or case.category in self.categories)
            and (not self.kinds or (case.target is not None and case.target.kind in self.kinds))
            and self.when <= case.signs
            and not self.unless & case.signs
            and all(case.labels.get(label) for label in self.labels)
            and (self.words is None or self.words.search(case.words) is not None)
            and not self.not_words.search(case.words)
        )


def _of(*categories: Category) -> frozenset[Category]:
    return frozenset(categories)


def _kinds(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SICK = frozenset(
    {C.WORKLOAD_CRASH, C.WORKLOAD_STUCK_ROLLOUT, C.ERROR_RATE, C.LATENCY, C.SATURATION_MEMORY, C.SATURATION_CPU, C.OTHER}
)
_FRAGILE = frozenset({S.STATEFUL, S.SYSTEM, S.BARE_POD, S.PLACELESS})
_DEPLOYMENT = _kinds("Deployment")
_FULL = phrases("full, fills?, filling, almost out, out of (?:disk|files|inodes), space, low, usage, inodes?, exhaust\\w*, free")

RULES: tuple[Rule, ...] = (
    # What must not be answered with an act at all
    Rule(A.SILENCE, "It is over: nothing is done about a resolved alert.", when=frozenset({S.RESOLVED})),
    Rule(A.SILENCE, "It fires on purpose to prove that the alert chain works.", when=frozenset({S.DEADMAN})),
    Rule(A.NOTIFY_ONLY, "This is a test alert; it is shown and never acted on.", when=frozenset({S.TEST})),
    Rule(
        A.NOTIFY_ONLY,
        "Its labels or texts hold what no monitoring system writes, so it may be forged. Nothing is changed because of it.",
        when=frozenset({S.TAMPERED}),
    ),
    # Containers that cannot start
    Rule(
        A.ROLLBACK,
        "The image of the new revision of {name} cannot be pulled; a restart would pull the same one.",
        kinds=_kinds("Deployment DaemonSet"),
        when=frozenset({S.IMAGE_MISSING}),
        unless=_FRAGILE,
        sure=True,
    ),
    Rule(
        A.NOTIFY_ONLY,
        "{name} refers to a Secret, ConfigMap or volume that is missing; no restart can create it.",
        when=frozenset({S.CONFIG_MISSING}),
    ),
    Rule(
        A.ADJUST_RESOURCES,
        "{name} was killed at its memory limit and has already restarted; another restart changes nothing, the limit does.",
        categories=_SICK,
        kinds=_kinds("Deployment DaemonSet"),
        when=frozenset({S.OOM_KILLED}),
        unless=_FRAGILE,
    ),
    Rule(A.NOTIFY_ONLY, "It was killed for memory; which limit is right is for a person to say.", when=frozenset({S.OOM_KILLED})),
    # Changes that came just before
    Rule(
        A.ROLLBACK,
        "{name} began to fail right after a release; the revision before it was good.",
        categories=_SICK,
        kinds=_DEPLOYMENT,
        when=frozenset({S.RELEASED}),
        unless=_FRAGILE,
        words=phrases(
            "errors?, crash\\w*, restart\\w*, fail\\w*, [45]xx, latency, slow\\w*, exceptions?, burn, not ready, unhealthy"
        ),
        sure=True,
    ),
    Rule(
        A.ROLLBACK,
        "{name} began to fail minutes after its configuration changed; a restart would spread it to healthy pods.",
        categories=_SICK,
        kinds=_DEPLOYMENT,
        when=frozenset({S.CONFIG_CHANGED}),
        unless=_FRAGILE,
    ),
    Rule(
        A.RESTART_WORKLOAD,
        "Pods of {name} hold a credential from before its rotation; a rolling restart reads the new one.",
        kinds=_DEPLOYMENT,
        when=frozenset({S.SECRET_ROTATED}),
        unless=_FRAGILE,
        sure=True,
    ),
    Rule(
        A.ROLLBACK,
        "The new revision of {name} never became ready while the one before still serves.",
        categories=_of(C.WORKLOAD_STUCK_ROLLOUT),
        kinds=_DEPLOYMENT,
        words=phrases("rollout (?:is )?(?:stuck|stalled|failed|blocked|hanging), progress deadline\\w*, rollout"),
        unless=_FRAGILE | {S.INFRASTRUCTURE},
        sure=True,
    ),
    # Pods that are sick by themselves
    Rule(
        A.DELETE_POD,
        "{pod} acts as leader although another member holds the lease; replacing exactly that member ends it.",
        kinds=_kinds("StatefulSet Deployment"),
        when=frozenset({S.NOT_LEADER, S.POD_KNOWN}),
        unless=frozenset({S.SYSTEM, S.PLACELESS}),
        sure=True,
    ),
    Rule(
        A.DELETE_POD,
        "{pod} keeps crashing; one pod of a DaemonSet is replaced without touching the others.",
        categories=_of(C.WORKLOAD_CRASH),
        kinds=_kinds("DaemonSet"),
        when=frozenset({S.CRASH_LOOP, S.POD_KNOWN}),
        unless=_FRAGILE,
        sure=True,
    ),
    Rule(
        A.DELETE_POD,
        "{pod} does not recover by itself; replacing this one pod is the smallest step.",
        categories=_SICK,
        kinds=_DEPLOYMENT,
        when=frozenset({S.POD_KNOWN}),
        unless=_FRAGILE | {S.CRASH_LOOP},
        words=phrases(
            "not ready, deadlock\\w*, not responding, hung, hang\\w*, liveness, unresponsive, stuck terminating,"
            " descriptors? exhaust\\w*, zombie"
        ),
        sure=True,
    ),
    Rule(
        A.RESTART_WORKLOAD,
        "{name} crashes and restarts; a rolling restart is reversible and keeps what still serves.",
        categories=_of(C.WORKLOAD_CRASH),
        kinds=_DEPLOYMENT,
        when=frozenset({S.CRASH_LOOP}),
        unless=_FRAGILE,
        sure=True,
    ),
    Rule(
        A.RESTART_WORKLOAD,
        "{name} leaks; a rolling restart buys hours at no cost to users, until the defect is found.",
        categories=_SICK,
        kinds=_DEPLOYMENT,
        words=phrases("leak\\w*, deadlock\\w*, hung, not responding, unresponsive"),
        unless=_FRAGILE,
        sure=True,
    ),
    # Load
    Rule(
        A.SCALE_UP,
        "{name} serves far more traffic than usual at the end of its CPU; more replicas share it.",
        categories=_of(C.SATURATION_CPU, C.LATENCY),
        kinds=_DEPLOYMENT,
        when=frozenset({S.SURGE, S.CPU_BOUND}),
        unless=_FRAGILE,
        sure=True,
    ),
    Rule(
        A.SCALE_UP,
        "The consumers {name} are saturated and fall behind; more of them work in parallel.",
        categories=_of(C.QUEUE),
        kinds=_DEPLOYMENT,
        when=frozenset({S.CPU_BOUND}),
        words=phrases("lag, backlog, behind, depth, too many messages"),
        unless=_FRAGILE,
        sure=True,
    ),
    Rule(
        A.SCALE_UP,
        "{name} is at the end of its CPU; another replica shares the load.",
        categories=_of(C.SATURATION_CPU),
        kinds=_DEPLOYMENT,
        words=phrases("cpu"),
        not_words=phrases("throttl\\w+, under\\w*, low, idle"),
        unless=_FRAGILE | {S.INFORMATIONAL},
    ),
    Rule(
        A.SCALE_DOWN,
        "{name} runs far more replicas than it needs.",
        kinds=_DEPLOYMENT,
        words=phrases("overscaled, overprovisioned, too many replicas"),
        unless=_FRAGILE,
    ),
    # Storage
    Rule(
        A.EXPAND_STORAGE,
        "The volume of {name} fills up; growing it keeps all data, cleaning it would not.",
        categories=_of(C.STORAGE),
        kinds=_kinds("PersistentVolumeClaim"),
        words=_FULL,
        not_words=phrases("inodes?, pending, errors?"),
        unless=frozenset({S.PLACELESS}),
    ),
    Rule(
        A.CREATE_TICKET,
        "{name} runs out of inodes: somebody has to say which of the many small files may go.",
        categories=_of(C.STORAGE),
        kinds=_kinds("PersistentVolumeClaim"),
        words=phrases("inodes?"),
    ),
    Rule(
        A.CLEAN_DISK,
        "{mount} on {name} fills up with what can be made again: logs, caches, unused images.",
        categories=_of(C.STORAGE),
        kinds=_kinds("Host Node"),
        when=frozenset({S.DISPOSABLE_MOUNT}),
        words=_FULL,
    ),
    Rule(
        A.CLEAN_DISK,
        "{name} is short of disk; unused images and old logs can go.",
        categories=_of(C.NODE, C.STORAGE),
        kinds=_kinds("Node"),
        words=phrases("disk pressure"),
        unless=frozenset({S.MANY_NODES}),
    ),
    # Nodes and machines
    Rule(
        A.CORDON_DRAIN_NODE,
        "{name} alone is not ready; its work moves to healthy nodes.",
        categories=_of(C.NODE),
        kinds=_kinds("Node"),
        words=phrases("not ready"),
        unless=frozenset({S.MANY_NODES}),
    ),
    Rule(
        A.CORDON_DRAIN_NODE,
        "{name} is short of memory and evicts pods; new ones are kept away.",
        categories=_of(C.NODE),
        kinds=_kinds("Node"),
        when=frozenset({S.CRITICAL}),
        words=phrases("memory pressure, pid pressure"),
        unless=frozenset({S.MANY_NODES}),
    ),
    Rule(
        A.RESTART_SERVICE_HOST,
        "The clock of {name} is not kept in time; restarting its time service is the documented cure and harmless.",
        categories=_of(C.NODE),
        kinds=_kinds("Host Node"),
        words=phrases("clock, ntp, chrony, time skew"),
        parameters=(("unit", "chronyd"),),
        sure=True,
    ),
    Rule(
        A.RESTART_SERVICE_HOST,
        "Unit {unit} on {name} has failed and keeps no state; it is started again.",
        kinds=_kinds("Host"),
        words=phrases("systemd(?: \\w+)* (?:failed|crashed), service failed, unit failed"),
        not_words=phrases("crashloop\\w*"),
        unless=frozenset({S.STATEFUL_UNIT}),
        sure=True,
    ),
    # Certificates, jobs, caches
    Rule(
        A.RENEW_CERTIFICATE,
        "{name} ends soon and has not been renewed; asking for a new one is idempotent.",
        categories=_of(C.CERTIFICATE),
        kinds=_kinds("Certificate"),
        words=phrases("expir\\w*"),
        unless=frozenset({S.PLACELESS}),
        sure=True,
    ),
    Rule(
        A.CREATE_TICKET,
        "The certificate is good for weeks, and who renews it is not known.",
        categories=_of(C.CERTIFICATE),
        words=phrases("expire? soon, will expire, expiration"),
        unless=frozenset({S.CRITICAL}),
    ),
    Rule(
        A.RERUN_JOB,
        "{name} failed; a run that moves no money and removes no data can simply be repeated.",
        categories=_of(C.BATCH_JOB),
        kinds=_kinds("Job CronJob"),
        words=phrases("fail\\w*"),
        unless=frozenset({S.IRREVERSIBLE_JOB, S.PLACELESS, S.SYSTEM}),
    ),
    Rule(
        A.CLEAR_CACHE,
        "{name} is a pure cache that serves outdated entries after a missed invalidation; purging it is the cure.",
        categories=_of(C.CACHE),
        kinds=_kinds("Deployment StatefulSet"),
        words=phrases("stale, poisoned, outdated, invalidation"),
        unless=frozenset({S.PLACELESS}),
    ),
    # What can wait for working hours
    Rule(
        A.CREATE_TICKET,
        "Nothing fails yet; the owners plan for it in working hours.",
        categories=_of(C.CAPACITY_QUOTA),
        not_words=phrases("maxedout, metrics?"),
    ),
    Rule(
        A.CREATE_TICKET,
        "It is information for the owners, not an incident.",
        categories=_of(C.SATURATION_CPU, C.OTHER, C.LATENCY, C.CONTROL_PLANE),
        when=frozenset({S.INFORMATIONAL}),
    ),
)
