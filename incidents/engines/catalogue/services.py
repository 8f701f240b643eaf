"""Volumes, certificates, jobs, caches and databases: the few acts on them that lose nothing."""

from aiops.core.actions import ActionClass as A
from aiops.core.categories import Category as C
from incidents.engines.catalogue.machines import FULL
from incidents.engines.catalogue.rule import rule
from incidents.engines.sign import Sign as S

SERVICES = (
    rule(
        A.EXPAND_STORAGE,
        "The volume of {name} fills up; growing it keeps all data, cleaning it would not.",
        of=(C.STORAGE,),
        kinds="PersistentVolumeClaim",
        words=FULL + ", predicted \\w+( \\w+)* full, expandable",
        not_words="inodes?, pending, errors?, not expandable, latency, lost",
        unless=(S.PLACELESS, S.FIXED_VOLUME),
    ),
    rule(
        A.CREATE_TICKET,
        "{name} runs out of inodes: somebody has to say which of the many small files may go.",
        of=(C.STORAGE,),
        kinds="PersistentVolumeClaim",
        words="inodes?",
        unless=(S.CRITICAL,),
    ),
    rule(
        A.RENEW_CERTIFICATE,
        "{name} ends soon and has not been renewed; asking for a new one is idempotent.",
        of=(C.CERTIFICATE,),
        kinds="Certificate",
        words="expir\\w*, ends soon, near expiry, (will|about to) expire, renewal (overdue|late|missed), not renewed",
        not_words="expired, not ready, rate limits?, absent",
        unless=(S.PLACELESS,),
        sure=True,
    ),
    rule(
        A.RENEW_CERTIFICATE,
        "{name} has expired; asking for a new one is idempotent.",
        of=(C.CERTIFICATE,),
        kinds="Certificate",
        words="expired",
        unless=(S.PLACELESS,),
    ),
    rule(
        A.RERUN_JOB,
        "{name} failed; a run that moves no money and removes no data can simply be repeated.",
        of=(C.BATCH_JOB,),
        kinds="Job CronJob",
        words="fail\\w*, error, errors",
        not_words="too long, slow, not starting, suspended, late, sla, not completed",
        unless=(S.IRREVERSIBLE_JOB, S.HALF_DONE, S.PLACELESS, S.SYSTEM),
    ),
    rule(
        A.CLEAR_CACHE,
        "{name} is a pure cache that serves outdated entries; purging it is the cure.",
        of=(C.CACHE,),
        kinds="Deployment StatefulSet",
        when=(S.PURE_CACHE, S.STALE_ENTRIES),
        not_words="session, redis, evict\\w*",
        unless=(S.PLACELESS, S.SYSTEM),
    ),
    rule(
        A.FAILOVER,
        "The primary of {name} fails and a standby in sync is ready; promoting it loses nothing.",
        of=(C.DATABASE, C.CACHE),
        when=(S.PRIMARY_FAILS, S.STANDBY_READY),
        unless=(S.SYSTEM,),
    ),
)
