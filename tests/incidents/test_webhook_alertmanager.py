"""Alertmanager's webhook, over HTTP, into real tables."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from incidents.intake import statements
from incidents.models import Alert, Decision, Delivery, Incident, QuarantinedAlert, Refusal, RefusedBody, TimelineEvent
from tests.factories import make_alert, make_token
from tests.threads import together

URL = "/api/v1/webhooks/alertmanager"
pytestmark = pytest.mark.django_db


@pytest.fixture
def post():
    token = make_token(scope="webhooks")

    def send(body, *, token=token, raw=None):
        content = raw if raw is not None else json.dumps(body)
        return Client().post(URL, content, content_type="application/json", headers={"Authorization": f"Bearer {token}"})

    return send


def alert(name="KubePodCrashLooping", *, status="firing", fingerprint="", starts=None, ends=None, annotations=None, **labels):
    labels = {"alertname": name, "namespace": "shop", "deployment": "web", "severity": "warning"} | labels
    starts = starts or timezone.now() - timedelta(minutes=1)
    return {
        "status": status,
        "labels": {k: v for k, v in labels.items() if v is not None},
        "annotations": annotations if annotations is not None else {"summary": "web keeps crashing"},
        "startsAt": starts.isoformat(),
        "endsAt": (ends or timezone.now()).isoformat() if status == "resolved" else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": fingerprint,
    }


def message(*alerts, **more):
    return {
        "version": "4",
        "groupKey": '{}:{alertname="x"}',
        "status": "firing",
        "receiver": "aiops",
        "alerts": list(alerts),
    } | more


def test_a_firing_alert_opens_an_incident_with_its_decision(post):
    answer = post(message(alert()))
    incident = Incident.objects.get()
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "accepted", "accepted": 1, "deduplicated": 0, "ignored": 0, "quarantined": 0,
        "incidents": [incident.ref], "reason": None,
    }  # fmt: skip
    assert (incident.severity, incident.namespace, incident.target_kind, incident.target_name) == (
        "P2",
        "shop",
        "Deployment",
        "web",
    )
    assert incident.decisions.get().state == Decision.State.INIT
    assert incident.timeline.get().title == "Incident opened from 1 alert"
    assert incident.root_alert == incident.alerts.get()


def test_a_repeat_is_counted_and_opens_nothing(post):
    first = alert()
    post(message(first))
    answer = post(message(first)).json()
    assert (answer["status"], answer["deduplicated"]) == ("deduplicated", 1)
    assert Alert.objects.get().occurrences == 2
    assert Incident.objects.count() == Decision.objects.count() == 1


def test_the_last_resolved_alert_resolves_its_incident(post):
    first = alert()
    post(message(first))
    post(message(first | {"status": "resolved", "endsAt": timezone.now().isoformat()}))
    incident = Incident.objects.get()
    assert (incident.status, incident.disposition) == ("resolved", "self_resolved")
    assert incident.decisions.get().reason == "resolved"


def test_one_of_two_resolved_leaves_the_incident_open(post):
    one, two = alert(), alert("KubePodNotReady")
    post(message(one, two))
    post(message(one | {"status": "resolved", "endsAt": timezone.now().isoformat()}))
    assert Incident.objects.get().status == "open"


def test_a_resolved_alert_never_heard_firing_opens_nothing(post):
    answer = post(message(alert(status="resolved")))
    assert answer.json()["accepted"] == 1
    assert not Incident.objects.exists()
    post(message(alert(status="resolved", starts=timezone.now() - timedelta(minutes=1))))
    assert Alert.objects.get().status == "resolved"


def test_alerts_of_one_target_are_one_incident_and_of_two_are_two(post):
    post(message(alert(), alert("KubeDeploymentReplicasMismatch"), alert(deployment="cart", annotations={})))
    assert sorted(i.alerts.count() for i in Incident.objects.all()) == [1, 2]


def test_an_alert_joins_the_open_incident_of_its_target(post):
    post(message(alert()))
    post(message(alert("KubePodNotReady")))
    incident = Incident.objects.get()
    assert incident.alerts.count() == 2
    assert incident.timeline.filter(kind="alerts.joined").exists()


def test_after_the_window_another_alert_of_the_target_opens_a_new_incident(post):
    post(message(alert()))
    Incident.objects.update(last_alert_at=timezone.now() - timedelta(minutes=6))
    post(message(alert("KubePodNotReady")))
    assert Incident.objects.count() == 2


def test_firing_again_within_half_an_hour_reopens_the_old_incident(post):
    first = alert()
    post(message(first))
    post(message(first | {"status": "resolved", "endsAt": timezone.now().isoformat()}))
    post(message(first | {"startsAt": (timezone.now() + timedelta(seconds=1)).isoformat()}))
    incident = Incident.objects.get()
    assert incident.status == "open"
    assert incident.alerts.count() == 2
    assert [d.state for d in incident.decisions.order_by("id")] == ["WITHDRAWN", "INIT"]


def test_firing_again_later_opens_a_new_incident(post):
    first = alert()
    post(message(first))
    post(message(first | {"status": "resolved", "endsAt": timezone.now().isoformat()}))
    Incident.objects.update(resolved_at=timezone.now() - timedelta(minutes=31))
    post(message(first | {"startsAt": (timezone.now() + timedelta(seconds=1)).isoformat()}))
    assert Incident.objects.count() == 2


def test_an_older_body_replayed_reopens_nothing(post):
    first = alert()
    post(message(first))
    post(message(first | {"status": "resolved", "endsAt": timezone.now().isoformat()}))
    answer = post(message(first))
    assert answer.json()["status"] == "deduplicated"
    assert Incident.objects.get().status == "resolved"
    assert Alert.objects.count() == 1


def test_a_bad_alert_is_quarantined_and_its_neighbours_are_taken(post):
    good = [alert(deployment=f"web{n}") for n in range(49)]
    bad = alert() | {"labels": {"alertname": 7}}
    answer = post(message(*good[:20], bad, *good[20:])).json()
    assert (answer["accepted"], answer["quarantined"]) == (49, 1)
    held = QuarantinedAlert.objects.get()
    assert "labels.alertname" in held.reason
    assert Alert.objects.count() == 49


def test_a_bad_alert_that_is_repeated_is_one_row_with_a_count(post):
    bad = {"status": "on fire"}
    post(message(bad))
    post(message(bad))
    assert QuarantinedAlert.objects.get().occurrences == 2


def test_more_labels_than_anybody_means_are_put_aside(post):
    post(message(alert(**{f"l{n}": "x" for n in range(300)})))
    assert "304 labels" in QuarantinedAlert.objects.get().reason
    assert not Alert.objects.exists()


@pytest.mark.parametrize("raw", ["", "{", "[]", '"x"', '{"alerts": 7}', '{"version": "9", "alerts": []}', "{" * 5000])
def test_what_is_no_message_at_all_is_refused_with_its_field_and_kept(post, raw):
    answer = post(None, raw=raw)
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["loc"][0] == "body"
    assert RefusedBody.objects.get().reason
    assert Refusal.objects.get().status == 422
    assert not Alert.objects.exists()


def test_deep_nesting_is_refused(post):
    nested = '{"a":' * 40 + "1" + "}" * 40
    answer = post(None, raw='{"version":"4","alerts":[],"extra":' + nested + "}")
    assert answer.status_code == 422
    assert "deeper" in answer.json()["detail"]


def test_nine_mebibytes_are_too_many(post):
    answer = post(None, raw=b'{"alerts":[]}' + b" " * (9 * 1024 * 1024))
    assert answer.status_code == 413
    assert Refusal.objects.get().status == 413


@pytest.mark.parametrize("secret", ["", "aiops_wrong"])
def test_a_wrong_token_is_401_and_counted(post, secret):
    answer = post(message(alert()), token=secret)
    assert answer.status_code == 401
    assert (Refusal.objects.get().status, Refusal.objects.get().source) == (401, "alertmanager")
    assert not Alert.objects.exists()


def test_a_person_s_token_is_not_one_for_webhooks(post):
    assert post(message(alert()), token=make_token("lead")).status_code == 401


HOSTILE = {
    "shell": "web; rm -rf /",
    "markup": "<script>alert(1)</script>",
    "long": "x" * 10_240,
    "nul": "a\x00b",
    "surrogate": "a\ud800b",
    "bidi": "\u202egnp.exe",
    "traversal": "../../etc/passwd",
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_labels_are_stored_as_text_and_identify_nothing(post, value):
    answer = post(message(alert(deployment=value, annotations={"summary": value}), alert(deployment="cart")))
    assert answer.status_code == 200, answer.content
    assert Alert.objects.count() == 2
    hostile = Alert.objects.exclude(labels__deployment="cart").get()
    assert "\x00" not in hostile.labels["deployment"]
    assert (hostile.target or {}).get("name") != value


def test_missing_names_are_no_reason_to_lose_an_alert(post):
    body = message(alert(None, namespace=None, deployment=None, severity=None, annotations={}))
    assert post(body | {"alerts": [body["alerts"][0] | {"labels": {"team": "infra"}}]}).json()["accepted"] == 1
    assert Incident.objects.get().title.startswith("Alert without a name")


def test_invalid_utf8_loses_only_its_own_bytes(post):
    raw = json.dumps(message(alert(annotations={"summary": "XX"}))).encode().replace(b"XX", b"\xff\xfe")
    assert post(None, raw=raw).json()["accepted"] == 1


def test_a_dead_man_s_switch_opens_no_incident(post):
    assert post(message(alert("Watchdog", severity="none", deployment=None, namespace=None))).json()["accepted"] == 1
    assert not Incident.objects.exists()
    assert Alert.objects.get().is_deadman


def test_the_same_fingerprint_resolved_and_firing_in_one_body_is_two_episodes(post):
    then, now = timezone.now() - timedelta(minutes=10), timezone.now()
    first = alert(starts=then, fingerprint="f1")
    post(message(first))
    post(
        message(
            first | {"status": "resolved", "endsAt": (now - timedelta(minutes=5)).isoformat()},
            first | {"startsAt": (now - timedelta(minutes=1)).isoformat()},
        )
    )
    assert sorted(Alert.objects.values_list("status", flat=True)) == ["firing", "resolved"]
    assert Incident.objects.get().status == "open"


@pytest.mark.parametrize("size", [1, 50])
def test_repeats_are_one_statement_beside_that_for_the_token_whatever_their_number(post, size):
    body = message(*[alert(deployment=f"web{n}") for n in range(size)])
    post(body)
    with CaptureQueriesContext(connection) as queries:
        answer = post(body)
    assert len(queries) == 2, queries.captured_queries  # no savepoint either: it is no transaction
    assert (answer.json()["deduplicated"], len(answer.json()["incidents"])) == (size, Incident.objects.count())
    assert set(Alert.objects.values_list("occurrences", flat=True)) == {2}
    assert [*Delivery.objects.order_by("id").values_list("accepted", "deduplicated")] == [(size, 0), (0, size)]


def test_one_new_alert_among_repeats_counts_every_one_of_them_once(post):
    known = alert()
    post(message(known))
    assert post(message(known, alert(deployment="cart"))).json() | {"incidents": []} == {
        "status": "accepted", "accepted": 1, "deduplicated": 1, "ignored": 0, "quarantined": 0, "incidents": [], "reason": None,
    }  # fmt: skip
    assert sorted(Alert.objects.values_list("occurrences", flat=True)) == [1, 2]
    assert Delivery.objects.count() == 2


def test_a_growing_group_costs_at_most_eight_statements_and_writes_once(post):
    post(message(alert(), alert(deployment="cart")))
    with CaptureQueriesContext(connection) as queries:
        post(message(alert(), alert(deployment="cart"), alert(deployment="checkout")))
    sent = [q["sql"] for q in queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(sent) <= 8, sent


@pytest.mark.django_db(transaction=True)
def test_a_body_that_is_not_only_repeats_locks_and_writes_nothing_before_its_transaction():
    make_alert(fingerprint="a", source="am")
    with connection.cursor() as cursor:
        cursor.execute("SELECT txid_current()")
        before = cursor.fetchone()[0]
        assert statements.count_repeats("am", ["a", "b"], ignored=0, receiver="") == statements.Repeats(1, None)
        cursor.execute("SELECT txid_current()")
        assert cursor.fetchone()[0] == before + 1
    assert not Delivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_repeats_at_once_in_any_order_are_all_counted(settings):
    prints = [f"w{n}" for n in range(12)]
    for fingerprint in prints:
        make_alert(fingerprint=fingerprint, source="am", occurrences=1)

    def send(wanted):
        for _ in range(4):
            assert statements.count_repeats("am", wanted, ignored=0, receiver="").known == len(wanted)

    together([lambda wanted=wanted: send(wanted) for wanted in (prints, prints[::-1], prints[:5], prints[5:][::-1])])
    assert set(Alert.objects.values_list("occurrences", flat=True)) == {1 + 3 * 4}
    assert Delivery.objects.count() == 16


def test_a_repeat_twice_in_one_body_counts_twice(post):
    known = alert(fingerprint="f1")
    post(message(known))
    post(message(known, known))
    assert Alert.objects.get().occurrences == 3


@pytest.mark.parametrize("size", [1, 50])
def test_new_alerts_cost_at_most_eight_statements(post, size):
    post(message(alert(deployment="warm")))
    with CaptureQueriesContext(connection) as queries:
        post(message(*[alert(deployment=f"web{n}") for n in range(size)]))
    sent = [q["sql"] for q in queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(sent) <= 8, sent


def test_a_delivery_is_written_for_the_health_of_its_source(post):
    post(message(alert()))
    delivery = Delivery.objects.get()
    assert delivery.source.startswith("alertmanager/")
    assert delivery.accepted == 1


def test_the_timeline_cannot_be_rewritten(post):
    post(message(alert()))
    with pytest.raises(Exception, match="Cannot update or delete"):
        TimelineEvent.objects.update(title="nothing happened")
