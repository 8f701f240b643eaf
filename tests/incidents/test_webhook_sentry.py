"""Sentry's integration webhooks over HTTP: every resource, signatures, requests sent again."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone
from pydantic import SecretStr

from incidents import webhooks
from incidents.intake import retrying
from incidents.models import Alert, Decision, Delivery, Incident, QuarantinedAlert, Refusal, RefusedBody, SeenRequest
from tests.factories import make_principal
from tests.incidents.senders import (
    SENTRY_SECRET,
    body_of,
    encoded,
    kinds,
    post_sentry,
    resource_of,
    send,
    sentry_headers,
    signature_of,
)
from tests.threads import together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing_secrets")]

IGNORED = [
    kind
    for kind in kinds("sentry")
    if resource_of(kind) in {"comment", "error", "installation", "seer"} or kind.endswith(("assigned", "archived", "ignored"))
]
TAKEN = [kind for kind in kinds("sentry") if kind not in IGNORED]


@pytest.mark.parametrize("kind", TAKEN)
def test_every_kind_of_alert_is_taken(kind):
    answer = post_sentry(kind)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["status"], answer.json()["accepted"]) == ("accepted", 1)
    assert Alert.objects.get().source == "sentry"


@pytest.mark.parametrize("kind", IGNORED)
def test_what_is_no_alert_is_ignored_with_the_reason(kind):
    answer = post_sentry(kind)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["ignored"]) == ("ignored", 1)
    assert answer.json()["reason"]
    assert not Alert.objects.exists()
    assert Delivery.objects.get().ignored == 1


def test_an_issue_alert_becomes_labels_that_code_derived():
    post_sentry("sentry/event_alert")
    alert = Alert.objects.get()
    assert alert.labels == {
        "alertname": "SentryIssueAlert", "project": "storefront", "service": "storefront", "environment": "production",
        "level": "error", "severity": "error", "issue_id": "1117540176", "release": "storefront@2026.3.2",
        "rule": "Errors of storefront",
    }  # fmt: skip
    assert alert.annotations == {
        "summary": "KeyError: 'sku'",
        "title": "KeyError: 'sku'",
        "culprit": "cart.views.add_item",
        "url": "https://sentry.example.net/organizations/acme/issues/1117540176/events/e4874d664c3540c1a32eab185f12c5ab/",
    }
    incident = Incident.objects.get()
    assert (incident.environment, incident.severity, incident.category) == ("production", "P2", "error_rate")
    assert incident.title == "KeyError: 'sku'"


def test_nothing_of_requests_users_and_stacks_is_stored():
    post_sentry("sentry/event_alert")
    stored = json.dumps(list(Alert.objects.values_list("labels", "annotations")))
    assert "canary" not in stored
    assert "192.0.2.7" not in stored


def test_tags_of_an_event_name_nothing_to_act_on():
    body = body_of("sentry/event_alert")
    body["data"]["event"]["tags"] += [["namespace", "payments"], ["deployment", "ledger"], ["cluster", "prod-eu1"]]
    post_sentry(body, "event_alert")
    incident = Incident.objects.get()
    assert incident.target_name != "ledger"
    assert incident.namespace == ""
    assert not {"namespace", "deployment", "cluster"} & set(Alert.objects.get().labels)


def test_a_fatal_error_in_production_is_as_urgent_as_can_be():
    post_sentry("sentry/event_alert_fatal")
    assert Incident.objects.get().severity == "P0"


def test_an_event_of_sentry_s_own_sample_is_a_test():
    post_sentry("sentry/event_alert_sample")
    assert Incident.objects.get().is_test


def test_resolving_the_issue_ends_what_its_alert_rule_began():
    post_sentry("sentry/event_alert")
    post_sentry("sentry/issue_resolved")
    assert (Alert.objects.get().status, Incident.objects.get().status) == ("resolved", "resolved")


def test_a_regression_reopens_the_incident():
    post_sentry("sentry/issue_created")
    post_sentry("sentry/issue_resolved")
    post_sentry("sentry/issue_unresolved")
    incident = Incident.objects.get()
    assert incident.status == "open"
    assert [d.cause for d in incident.decisions.order_by("id")] == ["opened", "reopened"]


def test_hiding_or_assigning_an_issue_cures_nothing():
    post_sentry("sentry/issue_created")
    for kind in ("assigned", "archived", "ignored"):
        post_sentry(f"sentry/issue_{kind}")
    assert Incident.objects.get().status == "open"


def test_a_metric_alert_gets_worse_and_then_ends():
    post_sentry("sentry/metric_alert_warning")
    assert Incident.objects.get().severity == "P2"
    post_sentry("sentry/metric_alert_critical")
    incident = Incident.objects.get()
    assert incident.severity == Alert.objects.get().severity == "P0"
    assert incident.timeline.filter(kind="alert.worsened").count() == 1
    post_sentry("sentry/metric_alert_warning")
    assert Incident.objects.get().severity == "P0"
    post_sentry("sentry/metric_alert_resolved")
    assert (Incident.objects.get().status, Alert.objects.count()) == ("resolved", 1)


def test_a_metric_alert_is_called_what_its_rule_is_called():
    post_sentry("sentry/metric_alert_critical")
    alert = Alert.objects.get()
    assert (alert.name, alert.labels["project"], alert.environment) == ("Too many errors", "storefront", "production")
    assert alert.annotations["description"] == "1000 events in the last 10 minutes\nFilter: level:error"
    assert alert.generator_url == "https://sentry.example.net/organizations/acme/alerts/1/"


# Who sent it


def test_without_a_secret_nobody_gets_in_and_the_words_say_why(settings):
    settings.AIOPS = settings.AIOPS.model_copy(update={"sentry_secret": SecretStr("")})
    raw = encoded(body_of("sentry/event_alert"))
    for secret in ("", SENTRY_SECRET):
        answer = send("sentry", raw, headers=sentry_headers(raw, "event_alert", secret=secret))
        assert answer.status_code == 401
        assert "AIOPS_SENTRY_SECRET" in answer.json()["detail"]


@pytest.mark.parametrize(
    "forge",
    [
        lambda raw: None,
        lambda raw: "",
        lambda raw: "0" * 64,
        lambda raw: "é" * 64,
        lambda raw: signature_of("another secret", raw),
        lambda raw: signature_of("", raw),
        lambda raw: signature_of(SENTRY_SECRET, raw + b"\n"),
        lambda raw: "sha256=" + signature_of(SENTRY_SECRET, raw),
        lambda raw: signature_of(SENTRY_SECRET, raw)[:-1],
    ],
)
def test_a_forged_signature_leaves_no_row_but_its_count(forge):
    raw = encoded(body_of("sentry/issue_resolved"))
    headers = sentry_headers(raw, "issue")
    headers.pop("Sentry-Hook-Signature")
    if (signature := forge(raw)) is not None:
        headers["Sentry-Hook-Signature"] = signature
    answer = send("sentry", raw, headers=headers)
    assert answer.status_code == 401, answer.content
    assert (Refusal.objects.get().source, Refusal.objects.get().status) == ("sentry", 401)
    assert not Alert.objects.exists()
    assert not SeenRequest.objects.exists()
    assert not Delivery.objects.exists()


def test_the_signature_is_of_the_bytes_as_they_came():
    raw = json.dumps(body_of("sentry/event_alert"), indent=4).encode()
    assert send("sentry", raw, headers=sentry_headers(raw, "event_alert")).status_code == 200


# Sent again


@pytest.mark.parametrize("kind", [*TAKEN, *IGNORED])
def test_the_same_request_three_times_leaves_the_rows_of_one(kind):
    def counts():
        return [model.objects.count() for model in (Alert, Incident, Decision, Delivery, SeenRequest, QuarantinedAlert)]

    first = post_sentry(kind, request_id="r-1")
    before = counts()
    for _ in range(2):
        answer = post_sentry(kind, request_id="r-1")
        assert (answer.status_code, answer.json()["status"], answer.json()["accepted"]) == (200, "deduplicated", 0)
        assert "Request-ID" in answer.json()["reason"]
    assert first.status_code == 200
    assert counts() == before


def test_an_old_resolved_under_a_new_request_id_does_not_end_a_later_episode():
    post_sentry("sentry/issue_created")
    post_sentry("sentry/issue_resolved")
    post_sentry("sentry/issue_unresolved")
    post_sentry("sentry/issue_resolved", request_id="another")
    assert Incident.objects.get().status == "open"


def test_a_request_id_is_remembered_for_a_day():
    post_sentry("sentry/event_alert", request_id="r-1")
    SeenRequest.objects.update(received_at=timezone.now() - timedelta(hours=25))
    assert post_sentry("sentry/event_alert", request_id="r-1").json()["deduplicated"] == 1
    assert Alert.objects.get().occurrences == 2
    assert SeenRequest.objects.get().received_at > timezone.now() - timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
def test_the_same_request_by_many_at_once_is_taken_once():
    answers = together([lambda: post_sentry("sentry/event_alert", request_id="r-1")] * 4)
    assert sorted(answer.json()["status"] for answer in answers) == ["accepted", "deduplicated", "deduplicated", "deduplicated"]
    assert Delivery.objects.count() == Alert.objects.count() == 1


# What is wrong with it


@pytest.mark.parametrize(
    ("resource", "path", "value", "reason"),
    [
        ("event_alert", ("event",), None, "event"),
        ("event_alert", ("event", "issue_id"), "../../etc/passwd", "issue_id"),
        ("event_alert", ("event", "issue_id"), "9" * 10_000, "issue_id"),
        ("event_alert", ("event", "datetime"), "yesterday", "datetime"),
        ("issue", ("issue", "id"), None, "id"),
        ("metric_alert", ("metric_alert", "id"), {"$gt": ""}, "id"),
    ],
)
def test_a_message_without_its_subject_is_put_aside_without_its_secrets(resource, path, value, reason):
    kind = {"event_alert": "event_alert", "issue": "issue_created", "metric_alert": "metric_alert_critical"}[resource]
    body = body_of(f"sentry/{kind}")
    place = body["data"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    answer = post_sentry(body, resource)
    assert (answer.status_code, answer.json()["quarantined"]) == (200, 1)
    held = QuarantinedAlert.objects.get()
    assert reason in held.reason
    assert "canary" not in held.raw


def test_an_issue_id_may_be_a_number_or_stand_in_the_address_alone():
    body = body_of("sentry/event_alert")
    body["data"]["event"]["issue_id"] = 1117540176
    post_sentry(body, "event_alert")
    del body["data"]["event"]["issue_id"]
    assert post_sentry(body, "event_alert").json()["deduplicated"] == 1


@pytest.mark.parametrize("body", [{}, {"action": "created"}, {"action": 1, "data": {}}, {"action": "triggered", "data": []}, []])
def test_what_is_no_message_of_sentry_s_is_refused_and_kept(body):
    assert post_sentry(body, "event_alert").status_code == 422
    assert RefusedBody.objects.get().source == "sentry"


def test_a_post_without_a_resource_is_refused():
    answer = post_sentry(body_of("sentry/event_alert"), "")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["header", "Sentry-Hook-Resource"]


def test_nine_mebibytes_are_too_many_before_anything_is_signed():
    raw = b" " * (9 * 1024 * 1024)
    assert send("sentry", raw, headers=sentry_headers(raw, "event_alert")).status_code == 413
    assert Refusal.objects.get().status == 413


HOSTILE = ["web; rm -rf /", "<script>alert(1)</script>", "x" * 10_240, "a\x00b", "a\ud800b", "\u202egnp.exe", "../../etc/passwd"]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_texts_are_kept_as_texts(value):
    body = body_of("sentry/event_alert")
    body["data"]["event"] |= {"title": value, "culprit": value, "environment": value, "release": value, "project_slug": value}
    body["data"]["triggered_rule"] = value
    answer = post_sentry(body, "event_alert")
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1), answer.content
    labels = Alert.objects.get().labels
    assert "project" not in labels
    assert "\x00" not in json.dumps(labels)
    assert Incident.objects.get().target_name == ""


def test_what_was_put_aside_is_read_again_by_sentry_s_own_rules():
    body = body_of("sentry/metric_alert_critical")
    body["data"]["metric_alert"]["id"] = None
    post_sentry(body, "metric_alert")
    held = QuarantinedAlert.objects.get()
    mended = json.loads(held.raw)
    mended["data"]["metric_alert"]["id"] = "4"
    QuarantinedAlert.objects.update(raw=json.dumps(mended))
    retrying.retry(QuarantinedAlert.objects.get(), make_principal("responder"))
    assert Alert.objects.get().fingerprint == "metric-4"


def test_sentry_has_places_of_its_own_when_the_others_are_taken():
    conf = webhooks.settings.AIOPS.incidents
    others = [webhooks.admission.place() for _ in range(conf.max_in_flight - conf.reserved_in_flight)]
    for place in others:
        place.__enter__()
    try:
        assert post_sentry("sentry/event_alert").status_code == 200
    finally:
        for place in others:
            place.__exit__(None, None, None)
