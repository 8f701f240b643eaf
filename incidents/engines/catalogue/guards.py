"""What must not be answered with a change, whatever else is true."""

from aiops.core.actions import ActionClass as A
from aiops.core.categories import Category as C
from incidents.engines.catalogue.rule import rule
from incidents.engines.sign import Sign as S

GUARDS = (
    rule(A.SILENCE, "It is over: nothing is done about a resolved alert.", when=(S.RESOLVED,)),
    rule(A.SILENCE, "It fires on purpose to prove that the alert chain works.", when=(S.DEADMAN,)),
    rule(A.NOTIFY_ONLY, "This is a test alert; it is shown and never acted on.", when=(S.TEST,)),
    rule(
        A.NOTIFY_ONLY,
        "Its labels or texts hold what no monitoring system writes, so it may be forged. Nothing is changed because of it.",
        when=(S.TAMPERED,),
    ),
    rule(
        A.NOTIFY_ONLY,
        "People decide about security: a change now could destroy the traces, or lock the wrong person out.",
        of=(C.SECURITY,),
        unless=(S.OUTDATED_PROCESS,),
    ),
    rule(A.NOTIFY_ONLY, "The load looks like an attack; more replicas would only feed it.", when=(S.ATTACK,)),
    rule(
        A.NOTIFY_ONLY,
        "Somebody is working on it, and this alert is what that work looks like.",
        kinds="Deployment StatefulSet DaemonSet Pod Node Host",
        when=(S.MAINTENANCE,),
    ),
    rule(
        A.NOTIFY_ONLY,
        "The fault lies with what {name} depends on; changing {name} would only add trouble.",
        any_of=(S.ELSEWHERE,),
        of=(C.ERROR_RATE, C.LATENCY, C.EXTERNAL_DEPENDENCY, C.WORKLOAD_CRASH, C.SATURATION_CPU, C.OTHER),
    ),
    rule(
        A.NOTIFY_ONLY,
        "The fault is somebody else's service; nothing of ours is broken that a change here could cure.",
        of=(C.EXTERNAL_DEPENDENCY,),
    ),
)
