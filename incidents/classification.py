"""What an alert is about: the component decides before the symptom.

In this order: the component that the name of the alert names, the component that a label belongs to, the symptom in the
name (whose component the scrape job may still tell), the summary, the kind of the target.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from aiops.core.categories import Category as C
from aiops.core.targets import Target
from incidents.labels import Labels
from incidents.vocabulary import phrases, words_of

MAX_TEXT = 300
Rows = tuple[tuple[C, re.Pattern[str]], ...]

# A name that consists of these words alone, with one that means it: `WatchdogTimeout` or `HeartbeatMissing` is a real alarm.
_DEADMAN = phrases(r"watchdogs?, dead ?man\w*, heartbeat, info inhibitor, always firing")
_BESIDE_DEADMAN = re.compile(
    r"(?: (?:watchdogs?|dead|man|mans|deadman\w*|s|switch|snitch|heartbeat|info|inhibitor|always|firing|alerts?|alerting"
    r"|alertmanager|prometheus|monitoring|pipeline|cluster|kube|e|2|thanos|grafana|mimir|loki|the|check|test))+ "
)

# Parts of a system, the more specific ones first.
_COMPONENTS: Rows = (
    (C.SECURITY, phrases(r"""
        falco, brute force, intrusion, security, malware, cve, vulnerabilit\w+, unauthori[sz]ed, shell, crypto ?min\w+,
        privileged?, privilege escalation, waf, exploit\w*, suspicious, attack, rootkit, audit, exfiltration, sudo, ddos,
        trivy, kyverno, gatekeeper, breach, failed logins?, logins? failed, root login, login detected, ransomware,
        phishing, (stale|leaked|rotated|expired) (secret|credentials?|token|password),
        (secret|credentials?|token|password)s? rotat\w+
    """)),
    (C.CERTIFICATE, phrases(r"certs?, certificates?, ssl, tls, x509, acme, letsencrypt, issuer, ocsp, certmanager")),
    (C.MONITORING_META, phrases(r"""
        prometheus, alertmanager, thanos, cortex, mimir, loki, promtail, grafana, alloy, tempo, jaeger, otel\w*, zipkin,
        opentelemetry, kube state metrics, config reloader, scrap(e|es|ing|ed), exporter, textfile collector, target down,
        targets? (missing|disappeared|unhealthy|down), datasource, no data, pushgateway,
        vm (agent|alert|insert|select|storage), victoria ?metrics, metrics? (missing|absent|stale),
        (recording|alerting) rules?, rule (evaluations?|failures?), probe missing, configuration reload, monitoring,
        telegraf, log ?shipper, (log|metrics?) ingestion, logging pipeline, fluent ?(bit|d), logstash
    """)),
    (C.CONTROL_PLANE, phrases(r"""
        etcd, apiserver, kube(rnetes)? (api|scheduler|controller manager|proxy|client|version \w+), controller manager,
        kube(let)? client errors, kubelet client errors, aggregated api, admission( webhooks?)?, cloud controller,
        api terminated requests, cluster operator, cluster version, machine config \w+
    """)),
    (C.STORAGE, phrases(r"ceph\w*, rook, longhorn, minio, zfs, zpool, glusterfs, openebs")),
    (C.NETWORK, phrases("coredns, kube dns, node local dns, calico, felix, cilium, metal ?lb, flannel")),
    (C.DATABASE, phrases(r"""
        postgres\w*, pg\w*, mysql\w*, mariadb, mongo\w*, elastic\w*, opensearch, cassandra, patroni, oracle, mssql,
        sql( server)?, clickhouse, cockroach\w*, couchdb, influx\w*, neo4j, dynamodb, rds, aurora, spanner, cnpg, innodb,
        galera, tidb, tikv, scylla, vitess, hbase, solr, databases?, db, replication slot, zookeeper, meili\w*, shards?,
        dead tuples?, vacuum\w*, bloat, timescale, proxysql, barman, wal, slow quer(y|ies), replication, redshift
    """)),
    (C.QUEUE, phrases(r"""
        rabbit\w*, kafka, pulsar, nats, jetstream, activemq, mq\w*, sqs, kinesis, queues?, consumers?, topics?, brokers?,
        sidekiq, celery, dlq, dead letters?, backlog, strimzi, burrow, pubsub, messages, outbox, redpanda
    """)),
    (C.CACHE, phrases(r"redis, memcached?, varnish, caches?, hazelcast, valkey, dragonfly, cdn")),
    (C.EXTERNAL_DEPENDENCY, phrases(r"""
        third party, external(?! (secrets?|dns)), vendor, saas, partner, provider, (external )?dependency, psp,
        status ?page, from upstream
    """)),
    (C.BATCH_JOB, phrases(r"""
        cronjobs?, jobs?, backups?, etl, pipelines?, airflow, dag, velero, spark, nightly, batch, scheduled task,
        snapshots?, restic, workflow, migration, jenkins, builds?, ci runner
    """)),
    (C.CAPACITY_QUOTA, phrases(r"""
        quotas?, hpa, overcommit, autoscal\w+, too many (pods|replicas), max replicas, underutili[sz]ed, overscaled, keda,
        overprovisioned, oversized, scaled ?object, capacity, rate limit\w*, ips? exhaust\w*, (replicas )?too few( \w+)?,
        over limit, idle replicas, replicas idle, scale (up|down), scaled, resource limits?, limit too \w+,
        low (cpu|memory) (usage|utili[sz]ation)
    """)),
    (C.NODE, phrases(r"""
        kube(rnetes)? nodes?, kubelet, nodes? ((disk|memory|pid|network) )?pressure, nodes? not ready, nodes? unreachable,
        gpus?, xid, edac, ecc, nvlink, dcgm, systemd, unit (failed|crashed), clock, ntp, chrony\w*,
        time (sync|skew|drift|offset), kernel, (over)?temperature, temp, hot, fan, power supply, psu, ups, ipmi,
        reboot\w*, watchdogs?, spot, preempt\w+, node maintenance, memory pressure, (disk|pid) pressure, hardware
    """)),
    (C.STORAGE, phrases(r"""
        persistentvolume(claim)?s?, volumes?, pvcs?, disks?, filesystems?, inodes?, raid, zfs, zpool, ceph\w*, minio,
        smart, nvme, longhorn, nfs, lvm, md, storage, iops, s3, bucket, openebs, rook, osd, partition, device errors?,
        io errors?, disk ?space, glusterfs, iscsi
    """)),
    (C.NETWORK, phrases(r"""
        coredns, dns, network, interfaces?, conntrack, packets?, bonding, bgp, vpn, wireguard, ipsec, switch, router,
        snmp, nic, cilium, calico, tunnel, ping, icmp, tcp, udp, bandwidth, arp, address pool, ip pool, transmit, receive,
        link, firewall, ospf
    """)),
)  # fmt: skip

# What can happen to any of them.
_SYMPTOMS: Rows = (
    (C.SATURATION_MEMORY, phrases(r"oom kill detected, (node|host) oom( kill)?, swap\w*, page faults")),
    (C.LATENCY, phrases("pending requests, requests? pending")),
    (C.ERROR_RATE, phrases(r"""
        unhealthy (targets?|hosts?), (server|backend) health ?checks?( \w+)?, (no|zero) (traffic|requests),
        traffic (dropped|collapsed|zero|low|drop), circuit breaker, (request|conversion) rate (zero|dropped|low|drop),
        config reload failed
    """)),
    (C.WORKLOAD_CRASH, phrases(r"""
        crash\w*, oom\w*, killed, restart\w*, (pods? )?not (ready|healthy|responding), evict\w*, deadlock\w*, panic\w*,
        zombie, liveness, readiness, hung, hang\w*, terminat\w+, segfault\w*, (pod|container) (unhealthy|failed|unknown),
        core dump\w*, unresponsive, leader, outlier pod, event loop, thread ?pool, (thread|worker|scheduler) died, frozen,
        health ?checks?, (app|process|service) frozen
    """)),
    (C.WORKLOAD_STUCK_ROLLOUT, phrases(r"""
        rollouts?, replicas?, generation mismatch, misscheduled, not scheduled, container waiting, image( \w+)?, pending,
        out of sync, argocd, argo, flux, helm, reconcil\w+, deployment, statefulsets?, daemonsets?, replicasets?,
        mismatch, pdb, disruption budget, unschedulable, unhealthy, update not rolled out, progressing, (app|auto) sync,
        new revision
    """)),
    (C.WORKLOAD_CRASH, phrases(r"stuck, stalled")),
    (C.LATENCY, phrases(r"latency, slow\w*, p\d\d+, response time, apdex")),
    (C.ERROR_RATE, phrases(r"[45]xx, error (rate|budget|ratio|spike), errors")),
    (C.SATURATION_MEMORY, phrases(r"""
        memory, heap, gc, leak\w*, mem, working set, sockets?, rss, old gen, file descriptors?, descriptors, handles,
        goroutines
    """)),
    (C.SATURATION_CPU, phrases(r"""
        cpu, throttl\w+, load, context switch\w*, surge, spike, flood, traffic, steal, saturat\w+, threads?( count)?,
        workers, high requests?( rate)?
    """)),
    (C.LATENCY, phrases(r"duration, timeouts?, lag, delay\w*, percentile, quantile, requests? queue")),
    (C.ERROR_RATE, phrases(r"""
        errors?, fail\w*, exceptions?, burn, availability, slo, success rate, rejected, backends?, probe, issue alert,
        denied, dropped?, unavailable, outage, http, retr(y|ies), conversion, regression, grpc
    """)),
    (C.NODE, phrases(r"nodes?, hosts?, machine, kubelet, instance down, server down, unreachable")),
    (C.WORKLOAD_CRASH, phrases(r"pods?, containers?, down, dead, absent, missing, process")),
)  # fmt: skip

# A change that came before is not what the alert is about.
_CIRCUMSTANCE = re.compile(r" (?:after|since|post|during|despite) (?:\w+ )*$")
_VAGUE = frozenset({C.ERROR_RATE, C.LATENCY, C.SATURATION_MEMORY, C.SATURATION_CPU})
_OF_LABEL: tuple[tuple[C, tuple[str, ...]], ...] = (
    (C.QUEUE, ("consumergroup", "consumer_group", "topic", "queue", "vhost")),
    (C.DATABASE, ("datname", "relname", "standby", "slot_name", "scope")),
)
_OF_JOB: Rows = (
    (C.CONTROL_PLANE, re.compile(r"apiserver|etcd|kube-scheduler|kube-controller-manager")),
    (C.DATABASE, re.compile(r"postgres|mysql|mariadb|mongo|elastic|opensearch|cassandra|patroni|pgbouncer|oracledb|clickhouse")),
    (C.QUEUE, re.compile(r"rabbit|kafka|nats|pulsar|activemq|sqs")),
    (C.CACHE, re.compile(r"redis|memcached|varnish|valkey")),
    (C.NETWORK, re.compile(r"coredns|kube-dns|snmp")),
    (C.MONITORING_META, re.compile(r"prometheus|alertmanager|grafana|thanos|loki")),
)
_OF_KIND: Mapping[str, C] = {
    "PersistentVolumeClaim": C.STORAGE,
    "PersistentVolume": C.STORAGE,
    "Job": C.BATCH_JOB,
    "CronJob": C.BATCH_JOB,
    "Certificate": C.CERTIFICATE,
    "Queue": C.QUEUE,
    "ResourceQuota": C.CAPACITY_QUOTA,
    "HorizontalPodAutoscaler": C.CAPACITY_QUOTA,
    "Node": C.NODE,
}
_STATIC_POD = re.compile(r"(?:etcd|kube-(?:apiserver|controller-manager|scheduler))-")
_SLO_OF_TIME = re.compile(r"latency|slow|duration|p\d\d")


def is_deadman(labels: Labels, annotations: Mapping[str, str]) -> bool:
    """Whether this alert fires on purpose to prove that the chain works. By its name; severity is not even read."""
    return _means_deadman(words_of(labels.get("alertname", "")))


def _means_deadman(name: str) -> bool:
    return _DEADMAN.search(name) is not None and _BESIDE_DEADMAN.fullmatch(name) is not None


def classify(labels: Labels, annotations: Mapping[str, str], target: Target | None) -> C:
    """The category of an alert. Never raises; an alert that says nothing is `other`."""
    name = words_of(labels.get("alertname", ""))
    if _means_deadman(name):
        return C.DEADMAN
    if target is not None and target.namespace == "kube-system" and target.kind == "Pod" and _STATIC_POD.match(target.name):
        return C.CONTROL_PLANE
    if "." in labels.get("dependency", ""):  # a domain of somebody else; our own parts have plain names
        return C.EXTERNAL_DEPENDENCY
    if labels.get("mountpoint") or labels.get("persistentvolumeclaim"):
        return C.STORAGE
    found = _component(name) or _by_labels(labels, target) or _symptom(name, labels, target)
    return found or _by_rest(labels, annotations, target)


def _by_labels(labels: Labels, target: Target | None) -> C | None:
    if target is not None and target.kind in ("Job", "CronJob") and not labels.get("pod", "").startswith(target.name):
        return C.BATCH_JOB
    if target is not None and target.unit is not None and "." in target.unit:  # a unit of systemd; a container has no suffix
        return C.NODE
    return next((category for category, keys in _OF_LABEL if any(key in labels for key in keys)), None)


def _symptom(name: str, labels: Labels, target: Target | None) -> C | None:
    found = _by_symptom(name)
    if target is not None and target.kind == "Node" and found in (C.WORKLOAD_CRASH, C.WORKLOAD_STUCK_ROLLOUT, C.ERROR_RATE):
        return C.NODE
    if found is None or found in _VAGUE:
        found = _by_job(labels) or found
    if found is C.ERROR_RATE and _SLO_OF_TIME.search(labels.get("sloth_slo", "") or labels.get("slo", "")):
        return C.LATENCY
    return found


def _by_rest(labels: Labels, annotations: Mapping[str, str], target: Target | None) -> C:
    for text in (annotations.get("summary", ""), labels.get("rulename", "")):
        words = words_of(text)
        if found := _component(words) or _by_symptom(words):
            return found
    if found := _by_symptom(words_of(annotations.get("description", ""))):  # long texts name many parts by the way
        return found
    return _OF_KIND.get(target.kind, C.OTHER) if target is not None else C.OTHER


@lru_cache(maxsize=8192)
def _component(words: str) -> C | None:
    return _first(_COMPONENTS, words)


@lru_cache(maxsize=8192)
def _by_symptom(words: str) -> C | None:
    return _first(_SYMPTOMS, _CIRCUMSTANCE.sub(" ", words)) or _first(_SYMPTOMS, words)


def _first(rows: Rows, words: str) -> C | None:
    return next((category for category, pattern in rows if pattern.search(words)), None)


def _by_job(labels: Labels) -> C | None:
    job = labels.get("job", "")[:MAX_TEXT].lower()
    return _first(_OF_JOB, job) if job else None
