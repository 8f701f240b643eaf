"""The nature of a target: what it is, judged from its kind and name and the labels beside it."""

import re
from collections.abc import Iterator

from aiops.core.targets import CLUSTER_SCOPED, OUTSIDE_KUBERNETES, SYSTEM_NAMESPACES, Target
from incidents import labels as spellings
from incidents.engines.sign import Sign
from incidents.labels import Labels, first

_INFRASTRUCTURE = re.compile(
    r"kube-.+|openshift.*|.+-system|monitoring|observability|cert-manager|ingress.*|istio.*|linkerd.*|argocd|argo-cd|argo|flux.*"
    r"|vault|external-(?:secrets|dns)|gatekeeper.*|kyverno|velero|rook.*|longhorn.*|metallb.*|calico.*|cilium.*|keda|karpenter|traefik"
)
_WORKLOAD_LABELS = (*spellings.DEPLOYMENT, *spellings.STATEFULSET, *spellings.DAEMONSET, "workload")
_TOKEN = re.compile(r"[-_.@:/\d]+")
_STATEFUL = re.compile(
    r"postgres\w*|pg|pgsql|pgbouncer|mysql\w*|mariadb\w*|mongo\w*|redis\w*|valkey|kafka\w*|zookeeper|rabbit\w*|elastic\w*|opensearch\w*|es"
    r"|etcd|consul|vault|minio|cassandra|scylla|clickhouse|nats|pulsar|influx\w*|ceph\w*|nfs\w*|ldap|slapd|db|sql|database|mssql\w*|oracle\w*"
    r"|neo4j|neo|couchdb|memcached|solr|galera|patroni|cockroach\w*|tidb|tikv|prometheus|loki|mimir|dovecot|postfix|exim"
)
_CACHES = frozenset({"cache", "varnish", "squid", "cdn", "nginx", "unbound"})
# A machine depends on these; restarting one blindly may cut the way in.
_CORE_UNIT = re.compile(
    r"sshd?$|dbus|systemd-(?!timesyncd|journald|resolved)|network|NetworkManager|docker$|containerd|crio|cri-o|kubelet|libvirt|firewall|iptables"
    r"|nftables|auditd|multipath|iscsi|lvm|drbd|corosync|pacemaker|keepalived|ovs|frr|bird"
)
_STATELESS_UNIT = re.compile(
    r"nginx|apache2?|httpd|caddy|haproxy|traefik|envoy|varnish\w*|php[\d.]*-fpm|fluent-?bit|fluentd|td-agent\w*|filebeat|metricbeat|vector|promtail|rsyslog"
    r"|syslog-ng|telegraf|collectd|node_exporter|prometheus-node-exporter|\w+[-_]exporter|grafana-agent|alloy|datadog-agent|chronyd?|ntpd?|systemd-timesyncd"
    r"|cron|crond|snmpd|zabbix-agent\d?|unbound|dnsmasq|systemd-resolved|gunicorn|uwsgi|puma|unicorn"
)
# Work that must not be done twice, or cannot be undone: money, messages to people, data that is moved or removed.
_IRREVERSIBLE = re.compile(
    r"pay|pays|payment|payments|payout|payouts|payroll|settle|settlement|settlements|bill|bills|billing|invoice|invoices|invoicing|charge|charges|charging"
    r"|refund|refunds|ledger|transfer|transfers|debit|credit|dunning|accrual|tax|taxes|fund|funds|wire|bank|migrate|migrates|migration|migrations|flyway"
    r"|liquibase|alembic|schema|restore|seed|newsletter|newsletters|mail|mails|mailer|mailing|email|emails|sms|notify|notifier|notification|notifications"
    r"|send|sender|purge|delete|deletion|erase|erasure|gdpr|retention|anonymize|anonymise|truncate|drop|fulfilment|fulfillment|dispatch|order|orders"
    r"|subscription|subscriptions|renewal|renewals|closing|finance|treasury|trade|trades|trading"
)
_ONE_SHOT = re.compile(r"job|jobs|migrate|migration|backup|restore|cron|init|hook|test|seed|import|export|load|once|cleanup")
_DISPOSABLE_MOUNT = re.compile(
    r"/|/var|/var/log(?:/.*)?|/var/cache(?:/.*)?|/tmp|/var/tmp"
    r"|/var/lib/(?:docker|containerd|containers)(?:/.*)?"
)
_DATA_HOST = re.compile(
    r"(?:^|[-_.])(?:db|sql|pg|postgres\w*|mysql\w*|mariadb|mongo\w*|nas|san|store|storage|files?|backup|bak|es|elastic\w*|kafka|ceph|minio|data|ldap|rabbit\w*|mq|queue|redis\w*|etcd|git\w*|registry|vault|influx\w*|prom\w*|zk|cass\w*|click\w*)"
    r"(?:[-_.\d]|$)"
)
_FIXED_CLASS = re.compile(r"local(?:-path|-storage)?$|hostpath|no-provisioner|manual|static")


def natures(target: Target | None, pod: Target | None, labels: Labels, text: str) -> Iterator[Sign]:
    if pod is not None:
        yield Sign.POD_KNOWN
        if pod.name in text or not first(labels, _WORKLOAD_LABELS):
            yield Sign.POD_MEANT
        leader = labels.get("lease_holder") or labels.get("leader") or labels.get("holder") or ""
        if leader and leader != pod.name:
            yield Sign.NOT_LEADER
    if target is None:
        return
    yield from _of_object(target, labels)
    yield from _of_machine(target, labels)


def _of_object(target: Target, labels: Labels) -> Iterator[Sign]:
    namespace, tokens = target.namespace or "", set(_TOKEN.split(target.name.lower()))
    if target.kind not in CLUSTER_SCOPED | OUTSIDE_KUBERNETES and not namespace:
        yield Sign.PLACELESS
    if namespace in SYSTEM_NAMESPACES:
        yield Sign.SYSTEM
    if _INFRASTRUCTURE.fullmatch(namespace):
        yield Sign.INFRASTRUCTURE
    if target.kind == "StatefulSet" or (
        target.kind in ("Deployment", "Pod") and any(_STATEFUL.fullmatch(token) for token in tokens)
    ):
        yield Sign.STATEFUL
    if target.kind == "Pod":
        yield Sign.BARE_POD
    if labels.get("cache") or tokens & _CACHES:
        yield Sign.PURE_CACHE
    if target.kind == "DaemonSet" and any(_ONE_SHOT.fullmatch(token) for token in tokens):
        yield Sign.ONE_SHOT
    if target.kind in ("Job", "CronJob") and any(_IRREVERSIBLE.fullmatch(word) for word in tokens | set(_TOKEN.split(namespace))):
        yield Sign.IRREVERSIBLE_JOB
    if labels.get("managed_by", "").lower() in ("argocd", "argo-cd", "flux", "gitops") or labels.get("argocd_app"):
        yield Sign.GITOPS
    if _FIXED_CLASS.search(labels.get("storageclass", "")):
        yield Sign.FIXED_VOLUME


def _of_machine(target: Target, labels: Labels) -> Iterator[Sign]:
    if target.unit:
        unit = target.unit.removesuffix(".service")
        if _STATELESS_UNIT.fullmatch(unit):
            yield Sign.KNOWN_STATELESS_UNIT
        elif _CORE_UNIT.match(unit) or any(_STATEFUL.fullmatch(token) for token in _TOKEN.split(unit.lower())):
            yield Sign.STATEFUL_UNIT
    mount = labels.get("mountpoint", "")
    if _DISPOSABLE_MOUNT.fullmatch(mount) and not (mount in ("/", "/var") and _DATA_HOST.search(target.name)):
        yield Sign.DISPOSABLE_MOUNT
