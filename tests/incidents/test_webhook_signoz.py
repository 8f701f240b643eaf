"""SigNoz over HTTP: groups and flat alerts, tests shown and never mixed with real trouble."""

import pytest

from incidents.models import Alert, Delivery, Incident, QuarantinedAlert, RefusedBody
from tests.incidents.senders import ByToken, body_of, kinds

pytestmark = pytest.mark.django_db


@pytest.fixture
def post():
    return ByToken("signoz")


@pytest.mark.parametrize("kind", kinds("signoz"))
def test_every_documented_kind_is_taken_whole(post, kind):
    expected = len(body_of(kind).get("alerts", [1]))
    answer = post(kind)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["accepted"], answer.json()["quarantined"]) == (expected, 0)
    assert Alert.objects.count() == expected
    assert Delivery.objects.get().source.startswith("signoz/")


@pytest.mark.parametrize("kind", ["signoz/group_firing", "signoz/flat_firing"])
def test_opentelemetry_s_names_of_labels_lead_to_the_workload(post, kind):
    post(kind)
    incident = Incident.objects.get()
    assert (incident.target_kind, incident.namespace, incident.target_name) == ("Deployment", "shop", "checkout")
    assert Alert.objects.get().labels["k8s.deployment.name"] == "checkout"
    assert incident.category == "latency"


def test_the_flat_form_names_the_alert_beside_its_labels(post):
    post("signoz/flat_firing")
    alert = Alert.objects.get()
    assert alert.name == alert.labels["alertname"] == "p99 latency above 800ms"
    assert len(alert.fingerprint) == 16


@pytest.mark.parametrize("form", ["group", "flat"])
def test_a_resolved_alert_of_either_form_ends_the_incident(post, form):
    post(f"signoz/{form}_firing")
    post(f"signoz/{form}_resolved")
    assert Incident.objects.get().status == "resolved"


def test_a_mixed_batch_fires_one_and_ends_the_other(post):
    post("signoz/group_firing")
    post("signoz/group_mixed")
    assert {i.target_name: i.status for i in Incident.objects.all()} == {"checkout": "resolved", "payments": "open"}


@pytest.mark.parametrize("kind", ["signoz/test_rule", "signoz/test_channel", "signoz/flat_test"])
def test_a_test_is_shown_as_a_test(post, kind):
    post(kind)
    assert Incident.objects.get().is_test


def test_a_test_of_a_rule_does_not_join_the_real_incident_of_its_target(post):
    post("signoz/group_firing")
    post("signoz/test_rule")
    assert sorted(Incident.objects.values_list("is_test", flat=True)) == [False, True]


def test_missing_data_is_trouble_of_the_monitoring_itself(post):
    post("signoz/no_data")
    assert Incident.objects.get().category == "monitoring_meta"


@pytest.mark.parametrize("kind", ["signoz/group_firing", "signoz/flat_firing"])
def test_the_same_body_three_times_is_one_episode(post, kind):
    assert [post(kind).json()["status"] for _ in range(3)] == ["accepted", "deduplicated", "deduplicated"]
    assert Alert.objects.count() == Incident.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": None}, "status"),
        ({"status": "inactive"}, "status"),
        ({"labels": "severity=warning"}, "labels"),
        ({"alertname": 7}, "labels.alertname"),
        ({"startsAt": "yesterday"}, "startsAt"),
    ],
)
def test_a_bad_flat_alert_is_put_aside_with_the_reason(post, change, reason):
    answer = post(body_of("signoz/flat_firing") | change)
    assert (answer.status_code, answer.json()["quarantined"]) == (200, 1)
    assert reason in QuarantinedAlert.objects.get().reason


@pytest.mark.parametrize("body", [{}, {"status": "firing"}, {"message": "hello"}, [], {"alerts": "none"}])
def test_what_is_neither_form_is_refused_and_kept(post, body):
    assert post(body).status_code == 422
    assert RefusedBody.objects.get().source.startswith("signoz/")


def test_a_flat_alert_with_a_name_alone_is_enough(post):
    answer = post({"alertname": "Disk of db is full", "status": "firing"})
    assert answer.json()["accepted"] == 1
    assert Incident.objects.get().title.startswith("Disk of db is full")
