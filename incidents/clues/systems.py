"""Well-known systems by their names: what an alert is about or speaks of, where no label names the thing itself."""

import re
from collections.abc import Iterable
from functools import lru_cache

_SYSTEMS = re.compile(
    r"(?P<etcd>etcd)|(?P<apiserver>api-?server|kube ?api(?!-)|api terminated|client errors)"
    r"|(?P<dns>coredns|kube-?dns|node-local-dns|dnsmasq|\bdns\b)"
    r"|(?P<pooler>pgbouncer|pgpool|odyssey|pgcat)|(?P<postgres>postgres|patroni)|(?P<kafka>kafka)|(?P<rabbitmq>rabbit)"
    r"|(?P<redis>redis|valkey)|(?P<vault>\bvault)|(?P<elasticsearch>elastic|opensearch)|(?P<mysql>mysql|mariadb|galera)"
    r"|(?P<nats>\bnats\b|jetstream)|(?P<ceph>ceph)|(?P<consul>consul)|(?P<keycloak>keycloak)|(?P<ldap>ldap|slapd)"
    r"|(?P<zookeeper>zookeeper)|(?P<prometheus>prometheus)|(?P<minio>minio)"
    r"|(?P<registry>registry|harbor|nexus|quay|artifactory)|(?P<mongodb>mongo)"
)
# Without one of these a text names no system: looking for them is much cheaper.
_HINTS = (
    "etcd", "api", "client errors", "dns", "pgbouncer", "pgpool", "odyssey", "pgcat", "postgres", "patroni", "kafka", "rabbit",
    "redis", "valkey", "vault", "elastic", "opensearch", "mysql", "mariadb", "galera", "nats", "jetstream", "ceph", "consul",
    "keycloak", "ldap", "slapd", "zookeeper", "prometheus", "minio", "registry", "harbor", "nexus", "quay", "artifactory",
    "mongo",
)  # fmt: skip
# Of these a cluster has one, so their bare name in a text says which: `cannot log in at vault`.
SINGLE = frozenset({"etcd", "apiserver", "vault", "consul", "keycloak", "ldap", "ceph", "registry"})
_SPOKEN = {name: name for name in SINGLE} | {
    "kube-apiserver": "apiserver",
    "openldap": "ldap",
    "harbor": "registry",
    "slapd": "ldap",
}
_NODE_AGENT = re.compile(r"calico|cilium|flannel|weave|antrea|kube-router|kube-proxy|multus|containerd|kubelet|csi-node|\bcni\b")
_AGENT_JOB = re.compile(r"node-?exporter|kubelet|cadvisor|promtail|fluent|vector|filebeat|kube-proxy|agent|daemon")
_DEVICE = re.compile(
    r"switch|router|snmp|uplink|\btor\b|pdu|power|cooling|hypervisor|vcenter|firewall|zone|region|rack|datacenter"
)
_DATA_SYSTEM = re.compile(r"elastic|opensearch|rabbit|kafka|cassandra|ceph|pulsar|clickhouse|nats|redis|mongo")
_DATA_CLUSTER = re.compile(r"(?:^|[^a-z])(?:es|rabbit\w*|kafka|elastic\w*|search|redis|mongo\w*|mq)(?:$|[^a-z])")


@lru_cache(maxsize=8192)
def systems_in(text: str) -> tuple[str, ...]:
    """The systems that a name or a few words mean, in the order of the text."""
    if not any(hint in text for hint in _HINTS):
        return ()
    return tuple(dict.fromkeys(match.lastgroup for match in _SYSTEMS.finditer(text) if match.lastgroup))


def spoken_of(tokens: Iterable[str]) -> set[str]:
    """Systems that words of a text name, of those that a cluster has one of."""
    return {_SPOKEN[token] for token in _SPOKEN.keys() & tokens}


@lru_cache(maxsize=8192)
def is_node_agent(name: str) -> bool:
    """Whether a machine is of no use without it: its network, its runtime."""
    return _NODE_AGENT.search(name) is not None


def runs_everywhere(job: str) -> bool:
    """Whether the scrape job is of agents that every machine has."""
    return _AGENT_JOB.search(job) is not None


@lru_cache(maxsize=8192)
def is_device(text: str) -> bool:
    """Whether others hang on it: a switch, a power supply, a zone."""
    return _DEVICE.search(text) is not None


def names_data_cluster(job: str, cluster: str) -> bool:
    """Whether the label `cluster` is the name of a search or broker cluster, as their exporters write it: that is no place."""
    return _DATA_SYSTEM.search(job) is not None and _DATA_CLUSTER.search(cluster.lower()) is not None
