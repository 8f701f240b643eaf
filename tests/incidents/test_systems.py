"""Systems by their names: the cheap look beforehand never hides one."""

import pytest

from incidents.clues import systems

NAMES = (
    "etcd", "api-server", "apiserver", "kube api", "kubeapi", "api terminated", "client errors", "coredns", "kube-dns", "kubedns",
    "node-local-dns", "dnsmasq", "dns", "pgbouncer", "pgpool", "odyssey", "pgcat", "postgresql", "patroni", "kafka", "rabbitmq",
    "redis", "valkey", "vault", "elasticsearch", "opensearch", "mysql", "mariadb", "galera", "nats", "jetstream", "ceph", "consul",
    "keycloak", "ldap", "slapd", "zookeeper", "prometheus", "minio", "registry", "harbor", "nexus", "quay", "artifactory", "mongodb",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_found(name):
    assert len(systems.systems_in(f" {name} exporter ")) == 1


def test_every_branch_of_the_pattern_has_a_name_here():
    assert {system for name in NAMES for system in systems.systems_in(name)} == set(systems._SYSTEMS.groupindex)


def test_a_text_without_one_names_none():
    assert systems.systems_in(" kube pod crashlooping kube-state-metrics web-7") == ()
