"""Nodes and machines: drain what fails, clean what can be made again, restart the one service that is down."""

from aiops.core.actions import ActionClass as A
from aiops.core.categories import Category as C
from incidents.engines.catalogue.rule import rule
from incidents.engines.sign import Sign as S

FULL = """
    (\\w+ )?full, fills?, filling, almost out, out of (disk|files|inodes|space), space( \\w+)?, low, usage, inodes?, exhaust\\w*,
    free, files filling up, disk (will|may) fill, nearly full, high
"""

MACHINES = (
    rule(
        A.NOTIFY_ONLY,
        "More than one node is affected: draining them would take the rest down.",
        of=(C.NODE,),
        when=(S.MANY_NODES,),
    ),
    rule(
        A.NOTIFY_ONLY,
        "{name} carries pods that cannot move to another node, so it cannot be emptied; a person decides about them.",
        kinds="Node",
        when=(S.PINNED,),
    ),
    rule(
        A.CORDON_DRAIN_NODE,
        "{name} is about to be taken away; its work moves before that happens.",
        kinds="Node",
        when=(S.LEAVING,),
        sure=True,
    ),
    rule(
        A.CLEAN_DISK,
        "{name} is short of disk; unused images and old logs can go.",
        of=(C.NODE, C.STORAGE),
        kinds="Node",
        when=(S.DISK_PRESSURE,),
        unless=(S.INFORMATIONAL,),
    ),
    rule(
        A.CORDON_DRAIN_NODE,
        "{name} alone is not ready; its work moves to healthy nodes.",
        of=(C.NODE,),
        kinds="Node",
        when=(S.NODE_NOT_READY,),
        not_words="flapping, unreachable, scheduling disabled, cordoned",
    ),
    rule(
        A.CORDON_DRAIN_NODE,
        "A part of {name} has failed and does not come back by itself; its work moves before more of it is lost.",
        of=(C.NODE, C.STORAGE, C.NETWORK),
        kinds="Node",
        when=(S.HARDWARE_FAILS,),
        unless=(S.INFORMATIONAL,),
        not_words="correctable, corrected, kubelet, client",
    ),
    rule(
        A.CORDON_DRAIN_NODE,
        "{name} runs short and evicts pods; new ones are kept away.",
        of=(C.NODE, C.SATURATION_MEMORY),
        kinds="Node",
        when=(S.CRITICAL, S.MEMORY_PRESSURE),
    ),
    rule(
        A.CLEAN_DISK,
        "{mount} on {name} fills up with what can be made again: logs, caches, unused images.",
        of=(C.STORAGE,),
        kinds="Host Node",
        when=(S.DISPOSABLE_MOUNT,),
        words=FULL,
        not_words="error, errors, device, read ?only, latency, io",
    ),
    rule(
        A.RESTART_SERVICE_HOST,
        "The clock of {name} is not kept in time; restarting its time service is the documented cure and harmless.",
        of=(C.NODE,),
        kinds="Host Node",
        words="clock, ntp, chrony\\w*, time (sync|skew|drift|offset)( \\w+)*, clock (skew|sync|drift)",
        unit="chronyd",
        sure=True,
    ),
    rule(
        A.RESTART_SERVICE_HOST,
        "Unit {unit} on {name} has failed and keeps no state; it is started again.",
        kinds="Host",
        words="fail\\w*, crashed, dead, down, inactive, stopped, not running",
        not_words="crashloop\\w*, restarting, flapping",
        when=(S.KNOWN_STATELESS_UNIT,),
        sure=True,
    ),
    rule(
        A.RESTART_SERVICE_HOST,
        "Unit {unit} on {name} has failed; nothing in its name says that it keeps state, so it can be started again.",
        kinds="Host",
        words="(service|unit|systemd)( \\w+)* (failed|crashed)",
        not_words="crashloop\\w*, restarting, flapping",
        unless=(S.STATEFUL_UNIT,),
    ),
)
