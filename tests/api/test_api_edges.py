"""Who may call, how refusals look, how lists page: the same for every call."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aiops.access.models import ApiToken
from aiops.api import api
from tests.factories import make_decision, make_incident, make_token, make_user

pytestmark = pytest.mark.django_db


def client(role="lead", **token):
    return Client(headers={"Authorization": f"Bearer {make_token(role, **token)}"})


def test_nobody_gets_a_problem_with_401():
    answer = Client().get("/api/v1/decisions/DEC-000000000000")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json()["status"] == 401


@pytest.mark.parametrize("change", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now()}])
def test_a_revoked_or_expired_token_is_nobody(change):
    caller = client()
    ApiToken.objects.update(**change)
    assert caller.get("/api/v1/holds").status_code == 401


def test_a_disabled_person_s_token_is_nobody():
    user = make_user("admin")
    caller = client(user=user)
    user.is_active = False
    user.save()
    assert caller.get("/api/v1/holds").status_code == 401


def test_a_token_never_has_more_than_its_person():
    caller = client("admin", user=make_user("viewer"))
    answer = caller.post("/api/v1/holds", hold(), content_type="application/json")
    assert answer.status_code == 403
    assert "needs the role lead; you are viewer" in answer.json()["detail"]


def test_a_token_for_webhooks_calls_nothing_else():
    assert client(scope="webhooks").get("/api/v1/holds").status_code == 401


def test_what_is_not_there_is_404():
    assert client().get("/api/v1/decisions/DEC-000000000000").status_code == 404
    assert client().get("/api/v1/incidents/INC-0/timeline").status_code == 404
    assert client().get("/api/v1/incidents/robots.txt/timeline").status_code == 404


def hold(**changed):
    until = (timezone.now() + timezone.timedelta(hours=1)).isoformat()
    return {
        "matchers": [{"name": "namespace", "op": "=", "value": "shop"}],
        "until": until,
        "stops": ["act"],
        "reason": "freeze",
    } | changed


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"stops": []}, "stops"), ({"stops": ["breathe"]}, "stops"), ({"reason": ""}, "reason"), ({"until": "soon"}, "until"),
        ({"matchers": [{"name": "x", "op": "=~", "value": "("}]}, "matchers"), ({"rrule": "FREQ=NEVER"}, "rrule"),
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
    ],
)  # fmt: skip
def test_bad_input_is_422_with_the_field_named_and_nothing_stored(changed, field):
    answer = client().post("/api/v1/holds", hold(**changed), content_type="application/json")
    assert answer.status_code == 422
    assert any(field in [str(part) for part in error["loc"]] for error in answer.json()["errors"])
    assert client().get("/api/v1/holds").json()["items"] == []


def test_a_hold_is_made_listed_and_ended():
    caller = client()
    made = caller.post("/api/v1/holds", hold(), content_type="application/json").json()
    assert made["matchers"] == [{"name": "namespace", "op": "=", "value": "shop"}]
    assert caller.get("/api/v1/holds").json()["items"][0]["id"] == made["id"]
    assert caller.delete(f"/api/v1/holds/{made['id']}").json()["ended_at"]
    again = caller.delete(f"/api/v1/holds/{made['id']}")
    assert (again.status_code, again.json()["code"]) == (409, "not_in_force")


def test_a_session_needs_its_csrf_token():
    person = make_user("lead")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person)
    assert browser.get("/api/v1/holds").status_code == 200
    refused = browser.post("/api/v1/holds", json.dumps(hold()), content_type="application/json")
    assert refused.status_code == 403


def test_lists_page_by_key_and_stay_stable_under_inserts():
    incident = make_incident()
    for n in range(7):
        incident.timeline.create(kind="note", title=f"{n}")
    caller, seen, cursor = client(), [], None
    url = f"/api/v1/incidents/{incident.ref}/timeline"
    while True:
        page = caller.get(url, {"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["title"] for item in page["items"]]
        incident.timeline.create(kind="note", title="later")
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "WzFd", "WyJ4Il0"])
def test_a_foreign_cursor_is_refused(cursor):
    answer = client().get(f"/api/v1/incidents/{make_incident().ref}/timeline", {"cursor": cursor})
    assert answer.status_code == 422


@pytest.mark.parametrize("limit", [0, 201, "many"])
def test_a_limit_is_one_to_two_hundred(limit):
    assert client().get("/api/v1/holds", {"limit": limit}).status_code == 422


def test_a_decision_is_read_with_its_proposal():
    decision = make_decision()
    body = client("viewer").get(f"/api/v1/decisions/{decision.token}").json()
    assert (body["token"], body["state"], body["reason"]) == (decision.token, "READY", None)
    action = body["proposal"]["action"]
    assert action == {
        "class": "restart_workload",
        "target": {"kind": "Deployment", "namespace": "shop", "name": "web"},
        "parameters": {},
        "command": "kubectl rollout restart deployment/web -n shop",
    }
    assert body["proposal"]["risk_level"] == "low"


def test_a_decision_costs_the_same_queries_with_many_opinions():
    decision, caller = make_decision(), client()

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert caller.get(f"/api/v1/decisions/{decision.token}").status_code == 200
        return len(captured)

    queries()  # the first use of a token on a day is noted
    before = queries()
    for n in range(20):
        decision.opinions.create(engine=f"e{n}", status="nothing")
    assert queries() == before


def test_health_is_open_and_names_each_dependency():
    assert Client().get("/api/v1/health").json() == {"status": "ok"}
    ready = Client().get("/api/v1/health/ready").json()
    assert ready["postgresql"]["ok"]
    assert ready["redis"]["ok"]


def test_without_redis_it_is_ready_and_says_so(settings):
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    answer = Client().get("/api/v1/health/ready")
    assert answer.status_code == 200
    assert not answer.json()["redis"]["ok"]


def test_metrics_are_for_a_token_or_this_machine():
    assert b"aiops_decisions_live" in Client().get("/metrics").content
    assert Client(REMOTE_ADDR="203.0.113.9").get("/metrics").status_code == 403
    assert (
        Client(REMOTE_ADDR="203.0.113.9", headers={"Authorization": f"Bearer {make_token('viewer')}"}).get("/metrics").status_code
        == 200
    )


def test_every_call_has_a_name_of_its_own_and_is_documented():
    names = [op["operationId"] for path in api.get_openapi_schema()["paths"].values() for op in path.values()]
    assert len(names) == len(set(names))
    assert Client().get("/api/v1/openapi.json").status_code == 200
