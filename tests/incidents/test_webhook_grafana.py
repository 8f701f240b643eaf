"""Grafana's unified alerting over HTTP: every documented kind of body, tokens and signatures."""

import json
import time

import pytest
from pydantic import SecretStr

from incidents.intake.signing import signature_of
from incidents.models import Alert, Decision, Delivery, Incident, QuarantinedAlert, Refusal
from tests.factories import make_token
from tests.incidents.senders import GRAFANA_SECRET, ByToken, body_of, encoded, kinds, send

pytestmark = pytest.mark.django_db
SIGNATURE, TIMESTAMP = "X-Grafana-Alerting-Signature", "X-Grafana-Alerting-Signature-Timestamp"


@pytest.fixture
def post():
    return ByToken("grafana")


@pytest.mark.parametrize("kind", kinds("grafana"))
def test_every_documented_kind_is_taken_whole(post, kind):
    answer = post(kind)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["accepted"], answer.json()["quarantined"]) == (len(body_of(kind)["alerts"]), 0)
    assert Alert.objects.count() == len(body_of(kind)["alerts"])
    assert Delivery.objects.get().source.startswith("grafana/")


def test_two_firing_alerts_open_the_incidents_of_their_targets(post):
    refs = post("grafana/firing").json()["incidents"]
    assert len(refs) == 2
    found = {(i.target_kind, i.target_name, i.namespace, i.severity) for i in Incident.objects.all()}
    assert found == {("Deployment", "checkout", "shop", "P2"), ("Deployment", "search", "shop", "P0")}


def test_values_and_links_are_shown_with_the_alert(post):
    post("grafana/image_and_dashboard")
    annotations = Alert.objects.get().annotations
    assert annotations["summary"] == "Memory of checkout is high"
    assert annotations["values"] == "B=44.23943737541908, C=1"
    assert annotations["image_url"] == "https://images.example.net/panel.png"
    assert annotations["panel_url"].endswith("viewPanel=4")
    assert annotations["value_string"].startswith("[ var='B'")


def test_a_resolved_group_ends_its_alert_and_the_incident(post):
    post("grafana/firing")
    post("grafana/resolved")
    assert {i.target_name: i.status for i in Incident.objects.all()} == {"checkout": "resolved", "search": "open"}


def test_a_mixed_batch_fires_one_and_ends_the_other(post):
    post("grafana/firing")
    answer = post("grafana/mixed").json()
    assert (answer["accepted"], answer["deduplicated"]) == (1, 1)
    assert {a.name: a.status for a in Alert.objects.all()} == {"High memory usage": "resolved", "High CPU usage": "firing"}


@pytest.mark.parametrize("kind", ["grafana/no_data", "grafana/datasource_error"])
def test_missing_data_is_trouble_of_the_monitoring_itself(post, kind):
    post(kind)
    incident = Incident.objects.get()
    assert incident.category == "monitoring_meta"
    assert incident.alert_name in {"DatasourceNoData", "DatasourceError"}


def test_a_test_notification_is_shown_as_a_test(post):
    post("grafana/test_notification")
    assert Incident.objects.get().is_test
    assert Alert.objects.get().is_test


def test_a_test_joins_no_real_incident_and_no_real_alert_joins_a_test(post):
    real = body_of("grafana/firing")
    test = body_of("grafana/firing")
    for n, alert in enumerate(test["alerts"]):
        alert["labels"] |= {"alertname": "TestAlert"}
        alert["fingerprint"] = f"{n}" * 16
    post(test)
    post(real)
    assert sorted(Incident.objects.values_list("target_name", "is_test")) == [
        ("checkout", False), ("checkout", True), ("search", False), ("search", True),
    ]  # fmt: skip


def test_the_same_labels_in_another_organisation_are_another_alert(post):
    post(body_of("grafana/another_organisation") | {"orgId": 1})
    post("grafana/another_organisation")
    assert Alert.objects.count() == 2


def test_the_same_body_three_times_is_one_episode(post):
    answers = [post("grafana/firing").json()["status"] for _ in range(3)]
    assert answers == ["accepted", "deduplicated", "deduplicated"]
    assert Alert.objects.count() == Incident.objects.count() == Decision.objects.count() == 2


def test_an_ornament_of_a_wrong_kind_costs_no_alert(post):
    body = body_of("grafana/firing")
    body["alerts"][0] |= {"values": "[ metric='' value=7 ]", "valueString": None, "imageURL": 7, "dashboardURL": {}}
    assert post(body).json()["accepted"] == 2


def test_a_bad_alert_is_put_aside_and_its_neighbour_taken(post):
    body = body_of("grafana/another_organisation")
    bad = body["alerts"][0] | {"status": "pending"}
    answer = post(body | {"alerts": [*body["alerts"], bad]}).json()
    assert (answer["accepted"], answer["quarantined"]) == (1, 1)
    held = QuarantinedAlert.objects.get()
    assert "status" in held.reason
    assert json.loads(held.raw)["orgId"] == 3


@pytest.mark.parametrize("body", [{"title": "[Alerting] old", "ruleId": 1, "state": "alerting"}, {"alerts": {}}, []])
def test_what_is_no_unified_alerting_is_refused(post, body):
    assert post(body).status_code == 422


# By signature


def signed(body, *, secret=GRAFANA_SECRET, stamp=None, **more):
    raw = encoded(body)
    headers = {SIGNATURE: signature_of(secret, raw if stamp is None else f"{stamp}:".encode() + raw)}
    if stamp is not None:
        headers[TIMESTAMP] = str(stamp)
    return send("grafana", raw, headers=headers | more)


@pytest.mark.usefixtures("signing_secrets")
class TestSigned:
    def test_a_signature_alone_is_enough(self):
        assert signed(body_of("grafana/firing")).json()["accepted"] == 2
        assert Delivery.objects.get().source == "grafana"

    def test_the_time_is_part_of_what_is_signed(self):
        assert signed(body_of("grafana/firing"), stamp=int(time.time())).status_code == 200

    def test_a_token_beside_a_signature_names_the_source(self):
        token = {"Authorization": f"Bearer {make_token(scope='webhooks')}"}
        assert signed(body_of("grafana/firing"), **token).status_code == 200
        assert Delivery.objects.get().source.startswith("grafana/")

    def test_a_token_alone_is_enough_too(self, post):
        assert post("grafana/firing").status_code == 200

    @pytest.mark.parametrize("age_s", [3600, -3600])
    def test_an_old_time_is_refused(self, age_s):
        answer = signed(body_of("grafana/firing"), stamp=int(time.time()) - age_s)
        assert answer.status_code == 401
        assert "minutes" in answer.json()["detail"]

    @pytest.mark.parametrize(
        "forge",
        [
            lambda raw: {SIGNATURE: ""},
            lambda raw: {SIGNATURE: "0" * 64},
            lambda raw: {SIGNATURE: "é" * 64},
            lambda raw: {SIGNATURE: signature_of("another secret", raw)},
            lambda raw: {SIGNATURE: signature_of("", raw)},
            lambda raw: {SIGNATURE: signature_of(GRAFANA_SECRET, raw + b" ")},
            lambda raw: {SIGNATURE: signature_of(GRAFANA_SECRET, raw), TIMESTAMP: "1773086757"},
            lambda raw: {SIGNATURE: signature_of(GRAFANA_SECRET, b"soon:" + raw), TIMESTAMP: "soon"},
            lambda raw: {SIGNATURE: signature_of(GRAFANA_SECRET, raw), "Authorization": "Bearer aiops_wrong"},
            lambda raw: {SIGNATURE: "0" * 64, "Authorization": f"Bearer {make_token(scope='webhooks')}"},
            lambda raw: {},
        ],
    )
    def test_a_forged_post_leaves_no_alert(self, forge):
        raw = encoded(body_of("grafana/firing"))
        answer = send("grafana", raw, headers=forge(raw))
        assert answer.status_code == 401, answer.content
        assert answer["Content-Type"] == "application/problem+json"
        assert (Refusal.objects.get().source, Refusal.objects.get().status) == ("grafana", 401)
        assert not Alert.objects.exists()


def test_a_signature_without_a_secret_here_says_what_to_set(settings):
    settings.AIOPS = settings.AIOPS.model_copy(update={"grafana_secret": SecretStr("")})
    answer = signed(body_of("grafana/firing"))
    assert answer.status_code == 401
    assert "AIOPS_GRAFANA_SECRET" in answer.json()["detail"]
