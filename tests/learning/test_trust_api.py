import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aiops.access.authentication import LOGIN_AT
from aiops.core.actions import ScaleUp
from aiops.core.clusters import Cluster
from learning import brakes, hindsight, ledger
from learning.judgement import Brakes
from learning.models import TrustGrant, TrustRecord
from tests.factories import WEB, make_playbook, make_token, make_trust, make_user, record_outcome

pytestmark = pytest.mark.django_db


@pytest.fixture
def api():
    """Calls as a person of some role, by default a lead's token."""

    def call(method, path, body=None, *, role="lead"):
        headers = {"Authorization": f"Bearer {make_token(role)}"}
        content = json.dumps(body) if body is not None else ""
        return Client().generic(method, f"/api/v1{path}", content, content_type="application/json", headers=headers)

    return call


def proven(**fields):
    start = timezone.now() - timedelta(days=8)
    for n in range(8):
        record_outcome(at=start + timedelta(days=n), signers=[f"person{n % 2}"], **fields)
    return TrustRecord.objects.get(**{key: value for key, value in fields.items() if key == "alert_name"})


def in_days(days):
    return (timezone.now() + timedelta(days=days)).isoformat()


def test_a_row_says_where_it_stands(api):
    record = proven()
    answer = api("GET", f"/trust/{record.pk}").json()
    assert {key: answer[key] for key in ("id", "pattern", "environment", "namespace", "alert_name")} == {
        "id": record.pk, "pattern": "restart:web-*", "environment": "production", "namespace": "shop", "alert_name": "HighMemory",
    }  # fmt: skip
    assert (answer["score"], answer["verified_days"], answer["people"]) == (8, 8, 2)
    assert (answer["step"], answer["level"], answer["grants"]) == (-1, "alone", [])
    assert answer["successes"] == pytest.approx(record.successes)
    assert 0.80 < answer["bound"] < answer["mean"] < 1
    assert answer["sentence"].startswith("8 of 8 verified restarts of web-* for HighMemory in production/shop (90 days): ")
    assert all(set(reason) == {"code", "met", "detail"} for reason in answer["reasons"])


def test_the_ledger_is_told_newest_first(api):
    outcome = record_outcome()
    hindsight.rate(outcome.execution, score=1, actor="ana", at=timezone.now())
    record = TrustRecord.objects.get()
    rating, run = api("GET", f"/trust/{record.pk}/events").json()["items"]
    assert (run["kind"], run["ds"], run["df"], run["dscore"], run["successes"]) == ("outcome", 1.0, 0.0, 1, 1.0)
    assert (run["execution"], run["decision"], run["actor"], run["reason"]) == (
        str(outcome.execution), outcome.decision, "verification", "success",
    )  # fmt: skip
    assert (rating["kind"], rating["ds"], rating["score"], rating["step"], rating["actor"]) == ("rating", -0.5, 0, 0, "ana")


def test_lists_are_filtered_and_paged(api):
    for alert in ("A", "B", "C"):
        make_trust(alert_name=alert)
    make_trust(environment="staging")
    found = api("GET", "/trust?environment=production&limit=2").json()
    assert len(found["items"]) == 2
    rest = api("GET", f"/trust?environment=production&limit=2&cursor={found['next_cursor']}").json()
    assert [row["alert_name"] for row in found["items"] + rest["items"]] == ["C", "B", "A"]
    assert rest["next_cursor"] is None
    assert api("GET", "/trust?pattern=scale:web-*").json()["items"] == []


@pytest.mark.parametrize("path", ["/trust", "/playbooks"])
def test_queries_do_not_grow_with_the_rows(api, path):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert api("GET", path).status_code == 200
        return len(captured)

    def add(number):
        for _ in range(number):
            scope = {"alert_name": f"Alert{uuid4()}"}
            record = proven(**scope)
            TrustGrant.objects.create(
                record=record, kind="grant", by=make_user(), reason="x", until=timezone.now() + timedelta(days=1)
            )
            make_playbook()

    add(1)
    one = queries()
    add(4)
    assert queries() == one


def test_a_revoke_by_token_takes_the_step_away_and_ends_early(api):
    record = proven()
    answer = api("POST", f"/trust/{record.pk}/grants", {"kind": "revoke", "until": in_days(7), "reason": "New release"})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["step"], told["level"]) == (0, "one person")
    [grant] = told["grants"]
    assert (grant["kind"], grant["reason"]) == ("revoke", "New release")
    ended = api("DELETE", f"/trust/{record.pk}/grants/{grant['id']}")
    assert (ended.status_code, ended.json()["step"], ended.json()["grants"]) == (200, -1, [])


def test_a_grant_by_token_asks_for_the_dashboard(api):
    answer = api("POST", f"/trust/{make_trust().pk}/grants", {"kind": "grant", "until": in_days(7), "reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (403, "step_up")


def test_a_grant_in_the_dashboard_with_a_fresh_login():
    client, lead, record = Client(), make_user("lead"), make_trust()
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session[LOGIN_AT] = timezone.now().isoformat()
    session.save()
    body = {"kind": "grant", "until": in_days(7), "reason": "Proven elsewhere"}
    answer = client.post(f"/api/v1/trust/{record.pk}/grants", body, content_type="application/json")
    assert (answer.status_code, answer.json()["level"]) == (200, "alone")
    assert answer.json()["grants"][0]["by"] == lead.username


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "revoke", "until": "2020-01-01T00:00:00Z", "reason": "x"}, "until"),
        ({"kind": "revoke", "until": "2126-01-01T00:00:00Z", "reason": "x"}, "until"),
        ({"kind": "revoke", "until": "2026-01-01T00:00:00", "reason": "x"}, "until"),
        ({"kind": "revoke", "until": "2126-01-01T00:00:00Z"}, "reason"),
        ({"kind": "edit", "until": "2126-01-01T00:00:00Z", "reason": "x"}, "kind"),
    ],
)
def test_what_cannot_be_granted_is_named(api, body, field):
    answer = api("POST", f"/trust/{make_trust().pk}/grants", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][-1] == field


@pytest.mark.parametrize(("method", "path"), [("GET", "/trust/999"), ("GET", "/trust/999/events"), ("GET", "/playbooks/999")])
def test_what_is_not_there(api, method, path):
    assert api(method, path).status_code == 404


def test_a_viewer_reads_and_does_not_grant(api):
    record = make_trust()
    assert api("GET", "/trust", role="viewer").status_code == 200
    answer = api("POST", f"/trust/{record.pk}/grants", {"kind": "revoke", "until": in_days(1), "reason": "x"}, role="viewer")
    assert answer.status_code == 403
    assert "lead" in answer.json()["detail"]


def test_nobody_reads_nothing():
    assert Client().get("/api/v1/trust").status_code == 401


def test_the_level_of_a_row_in_a_shadow_cluster(api, settings, tmp_path):
    record = proven()
    TrustRecord.objects.filter(pk=record.pk).update(cluster="edge")
    settings.CLUSTERS = (Cluster(name="edge", kubeconfig=tmp_path / "config", shadow=True),)
    assert api("GET", f"/trust/{record.pk}").json()["level"] == "shadow"


def test_later_apps_tell_of_their_brakes(api, monkeypatch):
    record = proven()
    monkeypatch.setattr(brakes.reader, "_read", brakes.reader._read)
    brakes.reader.answered_by(lambda records, conf, at: [Brakes(overdue_reviews=1) for _ in records])
    answer = api("GET", f"/trust/{record.pk}").json()
    assert (answer["step"], answer["level"]) == (0, "one person")


def test_a_row_without_events_is_told_too(api):
    answer = api("GET", f"/trust/{make_trust().pk}").json()
    assert (answer["evidence_at"], answer["successes"], answer["mean"]) == (None, 0.0, 0.5)


def test_a_playbook_is_told_with_its_steps(api):
    playbook = make_playbook(steps=["restart_workload", "scale_up"], needs=["recent_rollout"], labels={"team": "web"})
    told = api("GET", f"/playbooks/{playbook.pk}").json()
    assert [step["class"] for step in told["steps"]] == ["restart_workload", "scale_up"]
    assert (told["status"], told["success_rate"], told["trust"]) == ("approved", None, 0.5)
    assert (told["symptoms"]["needs"], told["symptoms"]["labels"]) == (["recent_rollout"], {"team": "web"})
    [listed] = api("GET", "/playbooks?status=approved").json()["items"]
    assert (listed["id"], "steps" in listed) == (playbook.pk, False)
    assert api("GET", "/playbooks?status=draft").json()["items"] == []


def test_history_recommends_what_verified(api):
    for _ in range(7):
        record_outcome(anomaly_key="a" * 16, seconds=30.0)
    record_outcome("failed", anomaly_key="a" * 16, action=ScaleUp(target=WEB, replicas=5))
    record_outcome("unverifiable", anomaly_key="a" * 16)
    told = api("GET", f"/learning/recommendation/{'a' * 16}").json()
    assert told["best_action"] == {
        "class": "restart_workload",
        "target": {"kind": "Deployment", "namespace": "shop", "name": "web"},
        "parameters": {},
        "command": "kubectl rollout restart deployment/web -n shop",
    }
    assert (told["tier"], told["average_seconds"], told["basis"]) == (1, 30.0, "7 of 7 verified runs worked")
    [scale] = told["alternatives"]
    assert (scale["action"]["class"], scale["action"]["parameters"], scale["trial"]) == ("scale_up", {}, "on_trial")


def test_an_anomaly_without_history_gets_the_safe_default(api):
    told = api("GET", f"/learning/recommendation/{'b' * 16}").json()
    assert (told["best_action"]["class"], told["best"], told["tier"]) == ("notify_only", None, 4)
    summary = api("GET", f"/learning/summary/{'b' * 16}").json()
    assert (summary["attempts"], summary["overall_rate"], summary["status"]) == (0, None, "insufficient")


def test_a_summary_of_what_was_tried(api):
    for result in ("success", "success", "failed", "degraded"):
        record_outcome(result, anomaly_key="a" * 16)
    told = api("GET", f"/learning/summary/{'a' * 16}").json()
    assert (told["attempts"], told["overall_rate"], told["status"]) == (4, 0.625, "learning")
    assert told["best_action"]["class"] == "restart_workload"
    assert [option["runs"] for option in told["actions_tried"]] == [4.0]


def test_a_repair_that_came_back_is_no_success_in_history_either(api):
    outcome = record_outcome(anomaly_key="a" * 16)
    hindsight.recurred("a" * 16, at=outcome.at + timedelta(minutes=1))
    assert api("GET", f"/learning/summary/{'a' * 16}").json()["overall_rate"] == 0.0
    assert list(ledger.verify()) == []


def test_records_older_than_ninety_days_do_not_count(api):
    record_outcome(anomaly_key="a" * 16, at=timezone.now() - timedelta(days=91))
    assert api("GET", f"/learning/summary/{'a' * 16}").json()["attempts"] == 0
