"""GET /health/alert-chain: would an alert that fires now get here."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from incidents.models import Delivery, ListComparison
from tests.factories import make_alert, make_token
from tests.incidents.senders import ByToken, body_of, send

pytestmark = pytest.mark.django_db


def ask():
    headers = {"Authorization": f"Bearer {make_token('viewer')}"}
    return Client().get("/api/v1/health/alert-chain", headers=headers).json()


def test_every_source_says_what_it_brought_and_what_it_lost():
    post = ByToken("alertmanager")
    post("alertmanager/truncated")
    post({"version": "4", "alerts": [{"status": "on fire"}]})
    post([])
    send("sentry", b"{}", headers={})
    named, sentry = ask()["sources"]
    assert (named["quarantined"], named["left_out"], named["refused"]) == (1, 7, {"422": 1})
    assert named["refused_because"] == "the body is a JSON object"
    assert named["last_alert_at"]
    assert (sentry["source"], sentry["last_alert_at"], sentry["refused"]) == ("sentry", None, {"401": 1})
    assert "AIOPS_SENTRY_SECRET" in sentry["refused_because"]


def test_a_dead_man_s_switch_is_shown_with_its_source():
    make_alert(source="alertmanager/prod", is_deadman=True)
    assert ask()["sources"][0]["deadman_at"]


@pytest.mark.parametrize(("age", "quiet"), [(timedelta(hours=3), True), (timedelta(hours=1), False)])
def test_two_hours_without_an_alert_are_too_long(age, quiet):
    Delivery.objects.create(source="grafana", received_at=timezone.now() - age)
    Delivery.objects.create(source="signoz", received_at=timezone.now() - timedelta(days=2))
    answer = ask()
    assert answer["no_alerts_received_long"] is quiet
    assert [source["source"] for source in answer["sources"]] == ["grafana", "signoz"]


def test_the_look_at_alertmanager_s_list_is_part_of_it(settings):
    assert ask()["alertmanager_list"] is None
    settings.AIOPS = settings.AIOPS.model_copy(update={"alertmanager_url": "http://alertmanager.test"})
    assert ask()["alertmanager_list"]["looked_at"] is None
    ListComparison.objects.create(url="http://alertmanager.test", looked_at=timezone.now(), error="no connection")
    assert ask()["alertmanager_list"]["error"] == "no connection"


def test_it_asks_the_database_the_same_however_much_came():
    post = ByToken("grafana")

    def cost():
        with CaptureQueriesContext(connection) as queries:
            ask()
        return len(queries)

    post(body_of("grafana/firing"))
    before = cost()
    for _ in range(10):
        post(body_of("grafana/firing"))
        ByToken("signoz")(body_of("signoz/flat_firing"))
    assert cost() == before
