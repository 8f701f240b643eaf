"""The label vocabulary: the spellings in which senders name the same thing, and who it is that reports.

`exported_*` stands first everywhere: Prometheus writes it when a target was scraped without `honorLabels`, and then the
plain label of that name is the exporter's own.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache

Labels = Mapping[str, str]
MAX_NAME = 253  # no name is longer; a longer value identifies nothing

NAMESPACE = (
    "exported_namespace", "namespace", "kubernetes_namespace", "kubernetes_namespace_name", "k8s_ns_name", "k8s.namespace.name",
    "k8s_namespace_name", "kube_namespace", "destination_workload_namespace", "destination_service_namespace",
    "namespace_name", "pod_namespace",
)  # fmt: skip
DEPLOYMENT = (
    "exported_deployment", "deployment", "k8s.deployment.name", "k8s_deployment_name", "kube_deployment", "deployment_name",
    "kubernetes_deployment_name",
)  # fmt: skip
STATEFULSET = (
    "exported_statefulset", "statefulset", "k8s.statefulset.name", "k8s_statefulset_name", "kube_stateful_set",
    "statefulset_name",
)  # fmt: skip
DAEMONSET = ("exported_daemonset", "daemonset", "k8s.daemonset.name", "k8s_daemonset_name", "kube_daemon_set", "daemonset_name")
REPLICASET = ("exported_replicaset", "replicaset", "k8s.replicaset.name", "k8s_replicaset_name", "kube_replica_set")
JOB = ("exported_job_name", "job_name", "k8s.job.name", "k8s_job_name", "kube_job")
CRONJOB = ("exported_cronjob", "cronjob", "k8s.cronjob.name", "k8s_cronjob_name", "kube_cronjob")
POD = (
    "exported_pod", "pod", "pod_name", "kubernetes_pod_name", "kubernetes_pod", "k8s_pod_name", "k8s.pod.name",
)  # fmt: skip
CONTAINER = ("exported_container", "container", "container_name", "k8s.container.name", "k8s_container_name")
CLAIM_NAMESPACE = ("exported_namespace", "persistentvolumeclaim_namespace", "pvc_namespace")
CLAIM = ("exported_persistentvolumeclaim", "persistentvolumeclaim", "k8s.persistentvolumeclaim.name", "pvc", "pvc_name")
VOLUME = ("exported_persistentvolume", "persistentvolume")
QUOTA = ("resourcequota",)
AUTOSCALER = ("exported_horizontalpodautoscaler", "horizontalpodautoscaler", "hpa", "k8s.hpa.name")
BUDGET = ("exported_poddisruptionbudget", "poddisruptionbudget")
INGRESS = ("exported_ingress", "ingress")
NODE = ("exported_node", "node", "kubernetes_node", "k8s.node.name", "k8s_node_name", "node_name", "kubernetes_node_name")
SERVICE = (
    "exported_service", "service", "sloth_service", "service.name", "service_name", "kubernetes_service_name", "kubernetes_name",
    "destination_service_name", "destination_service", "app", "app_kubernetes_io_name", "application",
)  # fmt: skip
HOST = ("host", "hostname", "Hostname", "host.name", "host_name", "nodename", "server_name", "machine", "fqdn")
ADDRESS = ("exported_instance", "instance", "target", "addr", "url", "monitor_url")
CONSUMER_GROUP = ("consumergroup", "consumer_group", "consumer_name")
QUEUE = ("queue", "queue_name", "topic", "stream_name", "subscription")
# A machine of a cloud provider, by the provider's own name for it.
CLOUD_MACHINE = ("instance_id", "dimension_InstanceId", "InstanceId", "vm_name", "instance_name")
# Things that are neither Kubernetes nor a machine, named by the label that identifies them.
MANAGED = (
    "load_balancer", "dimension_LoadBalancer", "LoadBalancer", "dbinstance_identifier", "dimension_DBInstanceIdentifier",
    "DBInstanceIdentifier", "database_id", "function_name", "dimension_FunctionName", "cache_cluster_id", "CacheClusterId",
    "replication_group", "bucket", "bucket_name", "resource_name", "resourceName", "dependency", "proxy", "backend", "upstream",
    "scope", "project", "exported_job",
)  # fmt: skip


def first(labels: Labels, spellings: Sequence[str]) -> str | None:
    """The value under the first spelling that is there and not empty."""
    for spelling in spellings:
        if value := labels.get(spelling):
            return value
    return None


class Reporter(StrEnum):
    """Who measured what an alert says. Its own address, pod and namespace are not the patient's."""

    KUBE_STATE_METRICS = "kube_state_metrics"
    MACHINE = "machine"  # an agent of the machine under `instance`: node-exporter and its kin
    KUBELET = "kubelet"
    HARDWARE = "hardware"  # an agent in the cluster that measures devices of a node
    PROBE = "probe"  # `instance` is what was probed
    EXPORTER = "exporter"  # stands beside what it measures
    ITSELF = "itself"


_REPORTERS: tuple[tuple[Reporter, re.Pattern[str]], ...] = (
    (Reporter.KUBE_STATE_METRICS, re.compile(r"kube[-_]state[-_]metrics")),
    (Reporter.MACHINE, re.compile(r"(?:^|[-_/])(?:node|windows|wmi|smartctl|systemd|process|ipmi|nvme)[-_]exporter|^nodes?$")),
    (Reporter.KUBELET, re.compile(r"(?:^|[-_/])kubelet$|^cadvisor$|^kubernetes-(?:nodes(?:-cadvisor)?|cadvisor)$")),
    (Reporter.HARDWARE, re.compile(r"dcgm|nvidia|gpu[-_]exporter|node[-_]problem[-_]detector|neuron[-_]monitor")),
    (Reporter.PROBE, re.compile(r"blackbox|probe|snmp|ping[-_]exporter|ssl[-_]exporter|smokeping|uptime|synthetic")),
    (Reporter.EXPORTER, re.compile(r"exporter|cloudwatch|stackdriver|burrow|push[-_]?gateway|kminion|yace")),
)
_EXPORTER_NAME = re.compile(r"exporter|kube[-_]state[-_]metrics|pushgateway|node[-_]problem[-_]detector|burrow|kminion")


def is_exporter_name(name: str) -> bool:
    """Whether a pod or service of that name only measures others."""
    return _EXPORTER_NAME.search(name) is not None


def reporter_of(labels: Labels) -> Reporter:
    """From the scrape job first, then from the service and container that answered the scrape."""
    for key in ("job", "service", "container"):
        if (text := labels.get(key)) and len(text) <= MAX_NAME and (found := _reporter_named(text)):
            if found is Reporter.PROBE and key != "job":
                found = Reporter.EXPORTER
            return found
    return Reporter.ITSELF


@lru_cache(maxsize=4096)
def _reporter_named(text: str) -> Reporter | None:
    return next((reporter for reporter, pattern in _REPORTERS if pattern.search(text)), None)
