"""What changes nothing: plans for working hours, and why a person has to look."""

from aiops.core.actions import ActionClass as A
from aiops.core.categories import Category as C
from incidents.engines.catalogue.rule import rule
from incidents.engines.sign import Sign as S

TICKETS = (
    rule(
        A.CREATE_TICKET,
        "Nothing fails yet; the owners plan for it in working hours.",
        of=(C.CAPACITY_QUOTA,),
        not_words="""
            maxedout, (scale|hpa|replicas) (maximum|max|mismatch), max(imum)? replicas, metrics?, inability, fighting, blocked
        """,
        unless=(S.CRITICAL,),
    ),
    rule(
        A.CREATE_TICKET,
        "A slow burn of the budget is work for the owners, not for tonight.",
        of=(C.LATENCY, C.ERROR_RATE),
        words="slo, burn, ticket",
        when=(S.INFORMATIONAL,),
    ),
    rule(
        A.CREATE_TICKET,
        "It is a hint for the owners, not an incident.",
        of=(C.SATURATION_CPU, C.SATURATION_MEMORY, C.OTHER, C.LATENCY, C.CONTROL_PLANE, C.NODE),
        when=(S.INFORMATIONAL,),
        not_words="evict\\w*, pressure, not \\w+",
    ),
    rule(
        A.CREATE_TICKET,
        "The certificate is still good for days, and who renews it is not known.",
        of=(C.CERTIFICATE,),
        words="expires? (soon|next week|later)?, will expire( soon)?, expiring later",
        unless=(S.CRITICAL,),
    ),
    rule(
        A.CREATE_TICKET,
        "The filesystem holds data, so nothing is removed; there is time to make room.",
        of=(C.STORAGE,),
        kinds="Host Node",
        words="filling up, (may|will) fill( \\w+)*",
        unless=(S.CRITICAL, S.DISPOSABLE_MOUNT),
    ),
    rule(
        A.CREATE_TICKET,
        "Maintenance of the database that its owners plan.",
        of=(C.DATABASE, C.CONTROL_PLANE),
        words="""
            auto vacuumed, auto analyzed, vacuum\\w*, not auto \\w+, bloat \\w+, dead tuples?, invalid index, fragmentation \\w+
        """,
        unless=(S.CRITICAL,),
    ),
    rule(
        A.CREATE_TICKET,
        "Different versions run side by side, usually an upgrade under way.",
        words="versions?( \\w+)* (mismatch|deviations?|different), different versions, version (mismatch|skew)",
        unless=(S.CRITICAL,),
    ),
    rule(
        A.CREATE_TICKET,
        "Somebody suspended it on purpose; its owners say when it may run again.",
        of=(C.BATCH_JOB,),
        words="suspended",
    ),
    rule(
        A.CREATE_TICKET,
        "A part of the monitoring chain is misconfigured; its owners correct that in working hours.",
        of=(C.MONITORING_META,),
        words="""
            duplicate timestamps, out of order timestamps, limit hit, rejected resources, reconcile errors, sidecar errors,
            textfile collector, exporter (scrape )?errors?, slow scrape
        """,
        unless=(S.CRITICAL,),
    ),
)

PEOPLE = (
    rule(
        A.NOTIFY_ONLY,
        "Every automatic act would go through the control plane that is in trouble here; a person looks first.",
        of=(C.CONTROL_PLANE,),
    ),
    rule(
        A.NOTIFY_ONLY,
        "A database, or something close to it: between waiting, restart and failover a person decides.",
        of=(C.DATABASE,),
    ),
    rule(
        A.NOTIFY_ONLY,
        "A broker keeps what others have not read yet: restarting or purging it loses work.",
        of=(C.QUEUE,),
    ),
    rule(
        A.NOTIFY_ONLY,
        "Flushing or restarting a cache sends its whole load to what lies behind it; a person looks first.",
        of=(C.CACHE,),
    ),
    rule(
        A.NOTIFY_ONLY,
        "The monitoring chain reports about itself; that says nothing about users, and a restart could lose what it still knows.",
        of=(C.MONITORING_META,),
    ),
    rule(A.NOTIFY_ONLY, "Restarting {name} as a whole would take its healthy members down too.", when=(S.STATEFUL,)),
    rule(A.NOTIFY_ONLY, "{name} belongs to the cluster itself; a change there touches every workload.", when=(S.SYSTEM,)),
    rule(A.NOTIFY_ONLY, "No controller stands behind {name}: once deleted it does not come back.", when=(S.BARE_POD,)),
    rule(A.NOTIFY_ONLY, "The labels name no namespace, so nothing can be aimed at safely.", when=(S.PLACELESS,)),
    rule(
        A.NOTIFY_ONLY,
        "{name} moves money, messages or data; how far it came has to be checked before it runs again.",
        when=(S.IRREVERSIBLE_JOB,),
    ),
    rule(
        A.NOTIFY_ONLY,
        "The disk of {name} holds data; nothing there may be removed by a machine.",
        of=(C.STORAGE,),
        kinds="Host Node",
    ),
    rule(A.NOTIFY_ONLY, "Data may be at risk; any automatic step could make it worse.", of=(C.STORAGE,)),
    rule(
        A.NOTIFY_ONLY,
        "Whether {name} may run again depends on why it stopped and how far it came.",
        of=(C.BATCH_JOB, C.WORKLOAD_CRASH),
        kinds="Job CronJob",
    ),
    rule(
        A.NOTIFY_ONLY,
        "The pods of {name} may lack a place, a volume or a part of their configuration; a restart would not give it to them.",
        of=(C.WORKLOAD_STUCK_ROLLOUT, C.WORKLOAD_CRASH),
        kinds="Deployment DaemonSet ReplicaSet",
    ),
    rule(
        A.NOTIFY_ONLY,
        "Users notice it, but the alert does not say why: look at releases, dependencies and load first.",
        of=(C.ERROR_RATE, C.LATENCY),
    ),
    rule(
        A.NOTIFY_ONLY,
        "Being busy is not a fault by itself, and nothing that could be scaled or restarted is named with it.",
        of=(C.SATURATION_CPU, C.SATURATION_MEMORY),
    ),
    rule(A.NOTIFY_ONLY, "What ails this machine is not known well enough to take its work away.", of=(C.NODE,)),
    rule(
        A.NOTIFY_ONLY,
        "The fault lies in the network; nothing in the cluster can be undone or restarted to cure it.",
        of=(C.NETWORK,),
    ),
    rule(A.NOTIFY_ONLY, "How this certificate is issued is not known here, or issuing it already fails.", of=(C.CERTIFICATE,)),
    rule(A.NOTIFY_ONLY, "A limit or its control is in the way; people decide whether to move it.", of=(C.CAPACITY_QUOTA,)),
    rule(A.NOTIFY_ONLY, "Nothing that the alert names could be changed to cure this; a person finds out what is behind it."),
)
