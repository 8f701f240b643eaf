"""What an alert is about: the component decides before the symptom.

The first row of `_ROWS` whose phrases occur in the name of the alert decides. Only where the name says nothing do the scrape
job, the summary and the kind of the target.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from aiops.core.categories import Category as C
from aiops.core.targets import Target
from incidents.labels import Labels
from incidents.vocabulary import phrases, words_of

MAX_TEXT = 300

_DEADMAN = phrases("watchdogs?, dead ?man\\w*, (info )?inhibitor, always firing, (alerting |prometheus )?heartbeat( alert)?")

# A category and what means it. The order is the meaning: components first, then symptoms, then what is left.
_ROWS: tuple[tuple[C, re.Pattern[str]], ...] = (
    (C.SECURITY, phrases(r"""
        falco, brute force, intrusion, security, malware, cve, vulnerabilit\w+, unauthori[sz]ed, shell, crypto ?min\w+,
        privileged?, waf, exploit\w*, suspicious, attack, rootkit, audit, exfiltration, sudo, ddos, trivy, kyverno,
        gatekeeper, breach, (stale|leaked|rotated|expired) (secret|credentials?|token|password), secret rotation
    """)),
    (C.CERTIFICATE, phrases("certs?, certificates?, ssl, tls, x509, acme, letsencrypt, issuer, ocsp")),
    (C.MONITORING_META, phrases(r"""
        prometheus, alertmanager, thanos, cortex, mimir, loki, promtail, grafana, alloy, tempo, jaeger, otel\w*,
        opentelemetry, kube state metrics, config reloader, scrap(e|ing|ed), exporter, textfile collector, target down,
        targets? (missing|disappeared|unhealthy), datasource, no data, pushgateway, vm (agent|alert|insert|select|storage),
        victoria ?metrics, metrics? (missing|absent|stale), (recording|alerting) rules?, rule evaluations?, probe missing,
        configuration reload, monitoring, telegraf
    """)),
    (C.CONTROL_PLANE, phrases(r"""
        etcd, apiserver, kube(rnetes)? (api|scheduler|controller manager|proxy|client|version \w+), controller manager,
        kubelet client errors, aggregated api, admission( webhooks?)?, cloud controller, api terminated requests
    """)),
    (C.DATABASE, phrases(r"""
        postgres\w*, pg\w*, mysql\w*, mariadb, mongo\w*, elastic\w*, opensearch, cassandra, patroni, oracle, mssql,
        sql( server)?, clickhouse, cockroach\w*, couchdb, influx\w*, neo ?4? ?j?, dynamodb, rds, aurora, spanner, cnpg,
        galera, tidb, tikv, scylla, vitess, hbase, solr, database, db, replication slot, zookeeper, meili\w*,
        dead tuples?, vacuum\w*, bloat, timescale, proxysql, barman, wal
    """)),
    (C.QUEUE, phrases(r"""
        rabbit\w*, kafka, pulsar, nats, jetstream, activemq, mq\w*, sqs, kinesis, queues?, consumers?, topics?, broker,
        sidekiq, celery, dlq, dead letter, backlog, strimzi, burrow, pubsub, messages, outbox
    """)),
    (C.CACHE, phrases("redis, memcached?, varnish, caches?, hazelcast, valkey, dragonfly")),
    (C.EXTERNAL_DEPENDENCY, phrases("third party, external, vendor, saas, partner, provider, dependency, psp, status ?page")),
    (C.BATCH_JOB, phrases(r"""
        cronjobs?, jobs?, backups?, etl, pipelines?, airflow, dag, velero, spark, nightly, batch, scheduled task,
        snapshots?, restic, workflow
    """)),
    (C.CAPACITY_QUOTA, phrases(r"""
        quotas?, hpa, overcommit, autoscal\w+, too many pods, max replicas, underutili[sz]ed, overscaled, overprovisioned,
        keda, scaled ?object, capacity, rate limit\w*, ips? exhaust\w*
    """)),
    (C.NODE, phrases(r"""
        node ((disk|memory|pid|network) )?pressure, gpu, xid, edac, ecc, nvlink, node not ready, dcgm, systemd, clock, ntp,
        chrony, time skew, kernel, (over)?temperature, temp, fan, power supply, psu, ups, ipmi, reboot\w*
    """)),
    (C.STORAGE, phrases(r"""
        persistentvolume(claim)?s?, volumes?, pvcs?, disks?, filesystems?, inodes?, raid, zfs, zpool, ceph\w*, minio,
        smart, nvme, longhorn, nfs, lvm, md, storage, iops, s3, bucket, openebs, rook, osd, partition, device error,
        io errors?, space
    """)),
    (C.NETWORK, phrases(r"""
        coredns, dns, network, interfaces?, conntrack, packets?, bonding, bgp, vpn, wireguard, ipsec, switch, router, snmp,
        nic, cilium, calico, tunnel, ping, icmp, tcp, udp, bandwidth, arp, metallb, transmit, receive, link, firewall
    """)),
    (C.SATURATION_MEMORY, phrases(r"oom kill detected, swap\w*")),
    (C.LATENCY, phrases("pending requests, requests? pending")),
    (C.WORKLOAD_CRASH, phrases(r"""
        crash\w*, oom\w*, killed, restart\w*, pods? not \w+, evict\w*, deadlock\w*, panic\w*, zombie, liveness, readiness,
        hung, hang\w*, terminated, stuck terminating, segfault\w*, pod (unhealthy|failed), not responding, core dump\w*,
        unresponsive
    """)),
    (C.WORKLOAD_STUCK_ROLLOUT, phrases(r"""
        rollouts?, replicas?, generation mismatch, misscheduled, not scheduled, container waiting, image( pull\w*)?,
        pending, out of sync, argocd, argo, flux, helm, reconcil\w+, deployment, statefulsets?, daemonsets?, replicasets?,
        mismatch, pdb, disruption budget, unhealthy, update not rolled out, progressing, sync
    """)),
    (C.SATURATION_MEMORY, phrases(r"memory, heap, gc, leak\w*, mem, rss, old gen, file descriptors?, handles")),
    (C.SATURATION_CPU, phrases(r"cpu, throttl\w+, load, context switch\w*, surge, traffic, steal, saturation, threads")),
    (C.LATENCY, phrases(r"""
        latency, slow\w*, p\d+, duration, response time, timeouts?, apdex, lag, delay\w*, percentile, quantile
    """)),
    (C.ERROR_RATE, phrases(r"""
        errors?, [45]xx, fail\w*, exceptions?, burn, availability, slo, success rate, rejected, backends?, probe,
        issue alert, denied, dropped?, unavailable, outage, http
    """)),
    (C.NODE, phrases("nodes?, hosts?, machine, kubelet, instance down, server down, unreachable")),
    (C.WORKLOAD_CRASH, phrases("pods?, containers?, down, dead, absent, missing, process")),
)  # fmt: skip

# Symptoms that any component can have: the scrape job tells whose they are.
_VAGUE = frozenset({C.ERROR_RATE, C.LATENCY, C.SATURATION_MEMORY, C.SATURATION_CPU})
_COMPONENTS: tuple[tuple[C, re.Pattern[str]], ...] = (
    (C.CONTROL_PLANE, re.compile(r"apiserver|etcd|kube-scheduler|kube-controller-manager")),
    (C.DATABASE, re.compile(r"postgres|mysql|mariadb|mongo|elastic|opensearch|cassandra|patroni|pgbouncer|oracledb|clickhouse")),
    (C.QUEUE, re.compile(r"rabbit|kafka|nats|pulsar|activemq|sqs")),
    (C.CACHE, re.compile(r"redis|memcached|varnish|valkey")),
    (C.NETWORK, re.compile(r"coredns|kube-dns|snmp")),
    (C.MONITORING_META, re.compile(r"prometheus|alertmanager|grafana|thanos|loki")),
)
_STATIC_POD = re.compile(r"(?:etcd|kube-(?:apiserver|controller-manager|scheduler))-")
_SLO_OF_TIME = re.compile(r"latency|slow|duration|p\d\d")
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


def is_deadman(labels: Labels, annotations: Mapping[str, str]) -> bool:
    """Whether this alert fires on purpose to prove that the chain works. By its name; severity is not even read."""
    return _DEADMAN.search(words_of(labels.get("alertname", ""))) is not None


def classify(labels: Labels, annotations: Mapping[str, str], target: Target | None) -> C:
    """The category of an alert. Never raises; an alert that says nothing is `other`."""
    if is_deadman(labels, annotations):
        return C.DEADMAN
    if target is not None and target.namespace == "kube-system" and target.kind == "Pod" and _STATIC_POD.match(target.name):
        return C.CONTROL_PLANE
    if labels.get("dependency"):
        return C.EXTERNAL_DEPENDENCY
    found = _by_words(words_of(labels.get("alertname", "")))
    if found is None or found in _VAGUE:
        found = _by_job(labels) or found
    if found is None:
        found = _by_words(words_of(annotations.get("summary", "") or labels.get("rulename", "")))
    if found is C.ERROR_RATE and _SLO_OF_TIME.search(labels.get("sloth_slo", "") or labels.get("slo", "")):
        return C.LATENCY
    if found is not None:
        return found
    return _OF_KIND.get(target.kind, C.OTHER) if target is not None else C.OTHER


@lru_cache(maxsize=8192)
def _by_words(words: str) -> C | None:
    return next((category for category, pattern in _ROWS if pattern.search(words)), None)


def _by_job(labels: Labels) -> C | None:
    job = labels.get("job", "")[:MAX_TEXT].lower()
    return next((category for category, pattern in _COMPONENTS if pattern.search(job)), None) if job else None
