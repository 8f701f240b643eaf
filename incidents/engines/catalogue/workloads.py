"""Containers, pods and rollouts: what a restart, an undo, another size or another number of replicas cures."""

from aiops.core.actions import ActionClass as A
from aiops.core.categories import Category as C
from incidents.engines.catalogue.rule import rule
from incidents.engines.sign import Sign as S

SICK = (C.WORKLOAD_CRASH, C.WORKLOAD_STUCK_ROLLOUT, C.ERROR_RATE, C.LATENCY, C.SATURATION_MEMORY, C.SATURATION_CPU, C.OTHER)
STUCK_IN_WORK = (C.WORKLOAD_CRASH, C.ERROR_RATE, C.LATENCY, C.SATURATION_MEMORY, C.SATURATION_CPU, C.QUEUE, C.NETWORK, C.OTHER)
LOADED = (C.SATURATION_CPU, C.LATENCY, C.QUEUE, C.CAPACITY_QUOTA, C.OTHER)
# Of these nothing is replaced, undone or resized without a person.
FRAGILE = (S.STATEFUL, S.SYSTEM, S.BARE_POD, S.PLACELESS)

WORKLOADS = (
    # It cannot start
    rule(
        A.ROLLBACK,
        "The image of the new revision of {name} cannot be pulled; a restart would pull the same one.",
        kinds="Deployment DaemonSet",
        when=(S.IMAGE_MISSING,),
        unless=(*FRAGILE, S.GITOPS),
        sure=True,
    ),
    rule(
        A.NOTIFY_ONLY,
        "{name} refers to a Secret, ConfigMap or volume that is missing; no restart can create it.",
        when=(S.CONFIG_MISSING,),
    ),
    rule(
        A.NOTIFY_ONLY,
        "The image cannot be pulled; who published or removed it has to say which one is right.",
        when=(S.IMAGE_MISSING,),
    ),
    # Memory
    rule(
        A.ADJUST_RESOURCES,
        "{name} was killed at its memory limit and has already restarted; another restart changes nothing, the limit does.",
        of=SICK,
        kinds="Deployment DaemonSet",
        when=(S.OOM_KILLED,),
        unless=(*FRAGILE, S.GITOPS, S.LEAKING),
    ),
    rule(
        A.NOTIFY_ONLY,
        "{name} was killed for memory. A restart has already happened; which limit is right is for a person to say.",
        of=SICK,
        when=(S.OOM_KILLED,),
    ),
    # A change came just before
    rule(
        A.ROLLBACK,
        "{name} got worse right after a release; the revision before it was good.",
        of=(*SICK, C.QUEUE),
        kinds="Deployment",
        when=(S.RELEASED,),
        unless=(*FRAGILE, S.GITOPS, S.INFORMATIONAL),
        sure=True,
    ),
    rule(
        A.ROLLBACK,
        "The new revision of {name} never became ready while the one before still serves.",
        of=SICK,
        kinds="Deployment",
        when=(S.NEVER_READY,),
        unless=(*FRAGILE, S.GITOPS, S.INFRASTRUCTURE),
        sure=True,
    ),
    rule(
        A.RESTART_WORKLOAD,
        "Pods of {name} run with something that was replaced since they started; a rolling restart reads the new one.",
        of=(*SICK, C.CERTIFICATE, C.SECURITY, C.NETWORK, C.DATABASE, C.CACHE, C.EXTERNAL_DEPENDENCY),
        kinds="Deployment",
        when=(S.OUTDATED_PROCESS,),
        unless=(*FRAGILE, S.NEVER_READY),
        sure=True,
    ),
    rule(
        A.ROLLBACK,
        "{name} began to fail minutes after its configuration changed; a restart would spread the change to healthy pods.",
        of=SICK,
        kinds="Deployment",
        when=(S.CONFIG_CHANGED,),
        unless=(*FRAGILE, S.GITOPS),
    ),
    # One pod is sick, the workload is not
    rule(
        A.DELETE_POD,
        "{pod} acts as leader although another member holds the lease; replacing exactly that member ends it.",
        kinds="StatefulSet Deployment",
        when=(S.NOT_LEADER, S.POD_KNOWN),
        unless=(S.SYSTEM, S.PLACELESS),
        sure=True,
    ),
    rule(
        A.DELETE_POD,
        "{pod} keeps crashing; one pod of a DaemonSet is replaced without touching the others.",
        of=(C.WORKLOAD_CRASH,),
        kinds="DaemonSet",
        when=(S.CRASHING, S.POD_KNOWN),
        unless=(*FRAGILE, S.SEVERAL_PODS, S.ONE_SHOT, S.INFORMATIONAL),
        sure=True,
    ),
    rule(
        A.DELETE_POD,
        "Only {pod} is sick, its siblings are well; replacing this one pod is the smallest step.",
        of=(*STUCK_IN_WORK, C.WORKLOAD_STUCK_ROLLOUT),
        kinds="Deployment",
        when=(S.ONE_OF_MANY, S.POD_KNOWN),
        unless=(*FRAGILE, S.SEVERAL_PODS, S.INFORMATIONAL),
        sure=True,
    ),
    rule(
        A.DELETE_POD,
        "{pod} does not recover by itself; replacing this one pod is the smallest step.",
        of=(*STUCK_IN_WORK, C.WORKLOAD_STUCK_ROLLOUT, C.NODE),
        kinds="Deployment",
        when=(S.POD_KNOWN,),
        any_of=(S.SICK_POD, S.HANGING, S.EVICTED),
        unless=(*FRAGILE, S.SEVERAL_PODS, S.CRASHING, S.INFORMATIONAL, S.NEVER_READY),
        not_words="rollout \\w+, not healthy, pending, gc",
        sure=True,
    ),
    rule(
        A.DELETE_POD,
        "{pod} leaks and will fail; replacing it now costs users nothing.",
        of=STUCK_IN_WORK,
        kinds="Deployment",
        when=(S.LEAKING, S.POD_MEANT),
        unless=(*FRAGILE, S.SEVERAL_PODS, S.INFORMATIONAL),
        sure=True,
    ),
    # The whole workload is sick
    rule(
        A.RESTART_WORKLOAD,
        "{name} leaks; a rolling restart buys hours at no cost to users, until the defect is found.",
        of=STUCK_IN_WORK,
        kinds="Deployment",
        when=(S.LEAKING,),
        unless=(*FRAGILE, S.INFORMATIONAL),
        sure=True,
    ),
    rule(
        A.RESTART_WORKLOAD,
        "{name} hangs and does not recover by itself; fresh processes take the work up again.",
        of=STUCK_IN_WORK,
        kinds="Deployment",
        when=(S.HANGING,),
        unless=(*FRAGILE, S.INFORMATIONAL, S.NEVER_READY),
        sure=True,
    ),
    rule(
        A.DELETE_POD,
        "{pod} makes no progress; replacing this one pod is the smallest step.",
        of=(C.WORKLOAD_CRASH, C.QUEUE, C.OTHER),
        kinds="Deployment",
        when=(S.STALLED, S.POD_KNOWN),
        unless=(*FRAGILE, S.SEVERAL_PODS, S.CRASHING, S.INFORMATIONAL, S.NEVER_READY),
        sure=True,
    ),
    rule(
        A.RESTART_WORKLOAD,
        "{name} makes no progress and does not recover by itself; fresh processes take the work up again.",
        of=(C.WORKLOAD_CRASH, C.QUEUE, C.OTHER),
        kinds="Deployment",
        when=(S.STALLED,),
        unless=(*FRAGILE, S.INFORMATIONAL, S.NEVER_READY),
        sure=True,
    ),
    rule(
        A.RESTART_WORKLOAD,
        "{name} crashes and restarts; a rolling restart is reversible and keeps what still serves.",
        of=(C.WORKLOAD_CRASH,),
        kinds="Deployment",
        when=(S.CRASHING,),
        unless=(*FRAGILE, S.INFORMATIONAL),
        sure=True,
    ),
    # Load
    rule(
        A.NOTIFY_ONLY,
        "{name} is short of capacity, but more replicas could not work; a person finds the room.",
        of=(*LOADED, C.ERROR_RATE),
        kinds="Deployment StatefulSet Service HorizontalPodAutoscaler",
        when=(S.NO_ROOM,),
    ),
    rule(
        A.SCALE_DOWN,
        "{name} runs far more replicas than it needs.",
        kinds="Deployment",
        when=(S.OVERSIZED,),
        unless=(*FRAGILE, S.GITOPS, S.CPU_BOUND, S.SURGE),
    ),
    rule(
        A.NOTIFY_ONLY,
        "{name} is short of capacity, but an autoscaler sets its replicas and would undo a change; its limits are for a person.",
        of=(*LOADED, C.ERROR_RATE),
        kinds="Deployment StatefulSet",
        when=(S.AUTOSCALED,),
        any_of=(S.CPU_BOUND, S.ALL_BUSY, S.SURGE),
    ),
    rule(
        A.SCALE_UP,
        "{name} serves far more traffic than usual at the end of its CPU; more replicas share it.",
        of=(*LOADED, C.ERROR_RATE),
        kinds="Deployment",
        when=(S.SURGE, S.CPU_BOUND),
        unless=(*FRAGILE, S.GITOPS),
        sure=True,
    ),
    rule(
        A.SCALE_UP,
        "The consumers of {name} are saturated and fall behind; more of them work in parallel.",
        of=(C.QUEUE,),
        kinds="Deployment",
        any_of=(S.CPU_BOUND, S.ALL_BUSY),
        unless=(*FRAGILE, S.GITOPS, S.HANGING),
        sure=True,
    ),
    rule(
        A.ADJUST_RESOURCES,
        "{name} runs against a limit that is too tight for its normal work.",
        of=(C.SATURATION_CPU, C.SATURATION_MEMORY, C.CAPACITY_QUOTA, C.LATENCY),
        kinds="Deployment DaemonSet",
        when=(S.LIMIT_TOO_TIGHT,),
        unless=(*FRAGILE, S.GITOPS, S.INFORMATIONAL),
    ),
    rule(
        A.SCALE_UP,
        "{name} is at the end of its CPU; another replica shares the load.",
        of=LOADED,
        kinds="Deployment",
        any_of=(S.CPU_BOUND, S.ALL_BUSY),
        unless=(*FRAGILE, S.GITOPS, S.HANGING, S.IDLE, S.INFORMATIONAL),
    ),
    rule(
        A.SCALE_UP,
        "{name} uses up its CPU; another replica shares the load.",
        of=(C.SATURATION_CPU,),
        kinds="Deployment",
        words="cpu",
        not_words="throttl\\w+, under\\w*, low, idle",
        unless=(*FRAGILE, S.GITOPS, S.IDLE, S.INFORMATIONAL),
    ),
)
