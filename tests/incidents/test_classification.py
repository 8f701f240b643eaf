import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.core.categories import Category
from aiops.core.targets import Target
from incidents.classification import classify, is_deadman
from incidents.vocabulary import words_of


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("KubePodCrashLooping", " kube pod crashlooping "),
        ("PostgreSQLSlowQueries", " postgresql slow queries "),
        ("etcdNoLeader", " etcd no leader "),
        ("NginxHighHttp5xxErrorRate", " nginx high http 5xx error rate "),
        ("p99 latency above 800ms", " p99 latency above 800 ms "),
        ("CPUThrottlingHigh", " cpu throttling high "),
        ("", "  "),
    ],
)
def test_names_fall_into_words(name, words):
    assert words_of(name) == words


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("PostgreSQLSlowQueries", "database"),
        ("KubernetesApiServerLatency", "control_plane"),
        ("PrometheusRuleFailures", "monitoring_meta"),
        ("BlackboxSslCertificateExpired", "certificate"),
        ("KubePodCrashLooping", "workload_crash"),
        ("HighRequestLatency", "latency"),
        ("SomethingNobodyKnows", "other"),
    ],
)
def test_the_component_decides_before_the_symptom(name, category):
    assert classify({"alertname": name}, {}, None) == category


@pytest.mark.parametrize(
    "name", ["Watchdog", "DeadMansSwitch", "DeadManSwitch", "InfoInhibitor", "PrometheusAlertmanagerE2eDeadManSwitch"]
)
def test_a_dead_mans_switch_is_known_by_its_name_whatever_its_severity(name):
    assert is_deadman({"alertname": name, "severity": "critical"}, {})
    assert classify({"alertname": name, "severity": "critical"}, {}, None) is Category.DEADMAN


def test_a_name_without_meaning_leaves_it_to_the_scrape_job_and_the_target():
    claim = Target(kind="PersistentVolumeClaim", namespace="shop", name="data")
    assert classify({"alertname": "Bad", "job": "redis-exporter"}, {}, None) is Category.CACHE
    assert classify({"alertname": "Bad"}, {}, claim) is Category.STORAGE
    assert classify({}, {"summary": "CPU is high"}, None) is Category.SATURATION_CPU


@given(st.text(max_size=400), st.text(max_size=400))
def test_every_text_has_a_category(name, summary):
    assert classify({"alertname": name}, {"summary": summary}, None) in Category
