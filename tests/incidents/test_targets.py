import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.core.targets import Target, owner_of_pod
from incidents.targets import namespace_of, pod_of, target_of

KSM = {
    "job": "kube-state-metrics",
    "instance": "10.57.1.230:8080",
    "service": "kube-state-metrics",
    "container": "kube-state-metrics",
}
KSM_POD = {"pod": "kube-state-metrics-5f8c7d9b64-t9bqw"}
NODE_EXPORTER = {"job": "node-exporter", "namespace": "monitoring", "pod": "node-exporter-x4q7d", "service": "node-exporter"}


def named(kind: str, namespace: str | None, name: str) -> Target:
    return Target(kind=kind, namespace=namespace, name=name)


@pytest.mark.parametrize(
    ("labels", "target"),
    [
        # The exporter is not the patient
        ({**KSM, **KSM_POD, "namespace": "shop", "deployment": "web"}, named("Deployment", "shop", "web")),
        ({**KSM, **KSM_POD, "namespace": "shop", "job_name": "report-29386080"}, named("Job", "shop", "report-29386080")),
        ({**KSM, **KSM_POD, "namespace": "monitoring", "node": "worker-9"}, named("Node", None, "worker-9")),
        ({**NODE_EXPORTER, "instance": "10.0.0.33:9100"}, named("Host", None, "10.0.0.33")),
        ({"job": "kubelet", "namespace": "data", "persistentvolumeclaim": "data-0", "node": "n1", "instance": "10.0.0.43:10250"},
         named("PersistentVolumeClaim", "data", "data-0")),
        ({"job": "postgres-exporter", "instance": "10.42.1.7:9187", "server": "db-01.example.net:5432"},
         named("Host", None, "db-01.example.net")),
        ({"job": "redis_exporter", "instance": "redis://10.0.1.20:6379"}, named("Host", None, "10.0.1.20")),
        # A real pod has a uid, or does not look like an exporter
        ({**KSM, **KSM_POD, "uid": "5f0d", "namespace": "monitoring"}, named("Deployment", "monitoring", "kube-state-metrics")),
        ({"job": "redis-exporter", "namespace": "shop", "pod": "redis-cache-0"}, named("StatefulSet", "shop", "redis-cache")),
        # exported_* wins over its plain twin
        ({**KSM, **KSM_POD, "namespace": "monitoring", "exported_namespace": "pay", "exported_pod": "sync-5c9d7f6b44-lm8wd"},
         named("Deployment", "pay", "sync")),
        ({"alertname": "CertManagerCertExpirySoon", "exported_namespace": "shop", "namespace": "cert-manager", "name": "web-tls"},
         named("Certificate", "shop", "web-tls")),
        # Other spellings
        ({"kubernetes_namespace": "media", "kubernetes_pod_name": "web-6c7d8f9b5-gl4wz"}, named("Deployment", "media", "web")),
        ({"k8s.namespace.name": "shop", "k8s.deployment.name": "web"}, named("Deployment", "shop", "web")),
        ({"workload": "nightly", "workload_type": "cronjob", "namespace": "data"}, named("CronJob", "data", "nightly")),
        ({"sloth_service": "checkout", "namespace": "shop"}, named("Service", "shop", "checkout")),
        # Owners
        ({"namespace": "search", "replicaset": "query-7f6d5c8b9d"}, named("Deployment", "search", "query")),
        ({"namespace": "search", "replicaset": "by-hand"}, named("ReplicaSet", "search", "by-hand")),
        ({"namespace": "kube-system", "pod": "etcd-cp-1"}, named("Pod", "kube-system", "etcd-cp-1")),
        # Units, queues, endpoints, managed things
        ({"job": "node", "instance": "web-07:9100", "name": "nginx.service"}, Target(kind="Host", name="web-07", unit="nginx.service")),
        ({"job": "rabbitmq", "queue": "mail", "vhost": "/", "instance": "rabbit-01:9419"}, named("Queue", None, "mail")),
        ({"job": "blackbox", "instance": "https://shop.example.com/healthz"}, named("Endpoint", None, "https://shop.example.com/healthz")),
        ({"namespace": "AWS/ApplicationELB", "load_balancer": "app/shop/50dc", "job": "cloudwatch-exporter"},
         named("External", None, "app/shop/50dc")),
        ({"job": "rabbitmq", "node": "rabbit@rabbit-02", "instance": "rabbit-02.example.net:9419"}, named("Host", None, "rabbit-02.example.net")),
        # Nothing is left
        ({"alertname": "KubeAPIDown", "job": "apiserver"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_labels_identify(labels, target):
    assert target_of(labels) == target


@pytest.mark.parametrize(
    "labels",
    [
        {"namespace": "shop", "pod": "web; rm -rf /"},
        {"namespace": "../../kube-system", "deployment": "web"},
        {"namespace": "shop", "deployment": "wеb", "service": "web"},
        {"namespace": "shop", "deployment": "a" * 10_240, "pod": "web"},
        {"namespace": "shop", "pod": "web-7d9f8b6c5-bb2kd\x00.evil"},
        {"instance": "db-01'; DROP TABLE incidents;--"},
        {"job": "rabbitmq", "queue": "$(reboot)"},
    ],
)
def test_a_value_that_cannot_be_a_name_identifies_nothing(labels):
    assert target_of(labels) is None


keys = st.sampled_from(
    ["namespace", "pod", "deployment", "job", "instance", "node", "name", "service", "queue", "exported_pod", "url"]
)


@given(
    st.dictionaries(keys | st.text(max_size=20), st.text(max_size=80) | st.sampled_from(["web", "web-0", "a-b:80", "kubelet"]))
)
def test_no_labels_break_the_extraction(labels):
    target = target_of(labels)
    assert target is None or Target.model_validate(target.model_dump()) == target
    namespace_of(labels)
    pod_of(labels)


@pytest.mark.parametrize(
    ("labels", "namespace"),
    [
        ({**KSM, "namespace": "shop", "deployment": "web"}, "shop"),
        ({**NODE_EXPORTER, "instance": "10.0.0.33:9100"}, None),
        ({"namespace": "AWS/RDS", "dbinstance_identifier": "orders"}, None),
        ({"namespace": "shop"}, "shop"),
    ],
)
def test_the_namespace_is_the_patients(labels, namespace):
    assert namespace_of(labels) == namespace


def test_a_pod_is_named_beside_its_owner():
    pod = pod_of({**KSM, "uid": "1", "namespace": "shop", "pod": "web-7d9f8b6c5-x2xkz"})
    assert pod == named("Pod", "shop", "web-7d9f8b6c5-x2xkz")
    assert owner_of_pod(pod.namespace, pod.name) == named("Deployment", "shop", "web")
