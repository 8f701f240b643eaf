"""The signs that rules ask about: each is one thing that is true of an incident and bears on what may be done."""

from enum import StrEnum


class Sign(StrEnum):
    """The value is a plain sentence about the alert or its target, for people."""

    # What the alert is
    RESOLVED = "it is over"
    DEADMAN = "it fires on purpose"
    TEST = "it is a test"
    TAMPERED = "somebody may have written it"
    INFORMATIONAL = "it is marked as information"
    CRITICAL = "it is marked as critical"

    # What it is about
    PLACELESS = "the namespace is not known"
    STATEFUL = "it keeps state"
    SYSTEM = "it belongs to the cluster itself"
    INFRASTRUCTURE = "others depend on its namespace"
    BARE_POD = "nothing would make the pod again"
    ONE_SHOT = "the pod seems to belong to a job"
    POD_KNOWN = "one pod is named"
    POD_MEANT = "its texts or labels speak of one pod, not of the workload"
    GITOPS = "Git owns it"
    IRREVERSIBLE_JOB = "the job must not run twice"
    KNOWN_STATELESS_UNIT = "the unit is known to keep no state"
    STATEFUL_UNIT = "the unit keeps state, or the machine depends on it"
    DISPOSABLE_MOUNT = "the filesystem holds what can be made again"
    FIXED_VOLUME = "the volume cannot grow"
    MANY_NODES = "more than one node is affected"

    # The process
    OOM_KILLED = "it was killed for memory"
    IMAGE_MISSING = "its image cannot be pulled"
    CONFIG_MISSING = "an object that it refers to is missing"
    CRASHING = "it crashes and restarts"
    EVICTED = "its pod was evicted"
    LEAKING = "it leaks"
    HANGING = "it hangs for good"
    STALLED = "it makes no progress"
    OUTDATED_PROCESS = "it runs with something that was replaced since it started"
    SICK_POD = "a pod does not get ready or does not end"
    ONE_OF_MANY = "its siblings are well"
    SEVERAL_PODS = "more than one of its pods is sick"
    NOT_LEADER = "another member holds the lease"

    # What came before
    RELEASED = "a release came just before"
    NOT_RELEASED = "nothing was released for days"
    CONFIG_CHANGED = "its configuration changed just before"
    NEVER_READY = "the new revision never got ready"

    # Load
    SURGE = "traffic rose"
    CPU_BOUND = "its CPU is used up"
    ALL_BUSY = "all its workers are busy"
    IDLE = "its CPU is idle"
    NO_ROOM = "more replicas could not work"
    ATTACK = "the load may be an attack"
    AUTOSCALED = "an autoscaler sets its replicas"
    OVERSIZED = "it has far more replicas than it needs"
    LIMIT_TOO_TIGHT = "its limit is too tight"

    # The cause lies elsewhere, or somebody is at it
    ELSEWHERE = "the fault is another's"
    MAINTENANCE = "somebody is working on it"

    # Jobs, stores, machines
    HALF_DONE = "the run stopped half way or still goes on"
    PURE_CACHE = "its target only keeps copies"
    STALE_ENTRIES = "it serves outdated entries"
    STANDBY_READY = "a standby is ready"
    PRIMARY_FAILS = "the primary fails"
    NODE_NOT_READY = "the node is not ready"
    DISK_PRESSURE = "the node is short of disk"
    MEMORY_PRESSURE = "the node is short of memory or processes"
    HARDWARE_FAILS = "hardware fails"
    PINNED = "pods on it cannot move to another node"
    LEAVING = "the machine is about to be taken away"
