"""Open alerts compared with Alertmanager's own list."""

from datetime import timedelta

import httpx
import pytest
import respx
from django.db.models import F
from django.utils import timezone

from incidents import reconciling
from incidents.models import Alert, Delivery, Incident, ListComparison, QuarantinedAlert
from tests.factories import make_alert, make_incident
from tests.incidents.senders import ByToken

pytestmark = pytest.mark.django_db
URL = "http://alertmanager.test:9093"
MINUTE = timedelta(minutes=1)


class Server:
    """An Alertmanager as its API shows it."""

    def __init__(self, router):
        self.list, self.started_at = [], timezone.now() - timedelta(days=1)
        self.looks = 0
        router.get(f"{URL}/api/v2/alerts").mock(side_effect=self.answer)
        router.get(f"{URL}/api/v2/status").mock(
            side_effect=lambda request: httpx.Response(200, json={"uptime": self.started_at.isoformat(), "config": {}})
        )
        self.failing = None

    def answer(self, request):
        self.looks += 1
        return self.failing or httpx.Response(200, json=self.list)


@pytest.fixture
def server(settings):
    settings.AIOPS = settings.AIOPS.model_copy(update={"alertmanager_url": URL})
    with respx.mock(assert_all_called=False) as router:
        yield Server(router)


def listed(fingerprint="f1", *, state="active", receivers=("aiops",), age=timedelta(minutes=5), **labels):
    labels = {"alertname": "KubePodCrashLooping", "namespace": "shop", "deployment": "web", "severity": "warning"} | labels
    return {
        "labels": labels,
        "annotations": {"summary": "web keeps crashing"},
        "startsAt": (timezone.now() - age).isoformat(),
        "endsAt": (timezone.now() + MINUTE).isoformat(),
        "updatedAt": timezone.now().isoformat(),
        "fingerprint": fingerprint,
        "generatorURL": "http://prometheus.test/graph",
        "receivers": [{"name": name} for name in receivers],
        "status": {"state": state, "silencedBy": [], "inhibitedBy": []},
    }


def look(count=1):
    """Looks, each two minutes after the one before; no webhook comes meanwhile."""
    moved = 0
    for _ in range(count):
        ListComparison.objects.update(looked_at=F("looked_at") - 2 * MINUTE)
        missed = Alert.objects.filter(status="firing", unlisted_since__isnull=False)
        missed.update(unlisted_since=F("unlisted_since") - 2 * MINUTE, last_seen=F("last_seen") - 2 * MINUTE)
        moved += reconciling.reconcile()
    return moved


def known(fingerprint="f1", *, source="alertmanager/prod", **fields):
    incident = make_incident(correlation_keys=[fingerprint])
    return make_alert(incident, fingerprint=fingerprint, source=source, **fields)


def state_of(alert):
    alert.refresh_from_db()
    return alert.status


# Ends that were missed


def test_an_alert_that_the_list_lost_ends_at_the_second_look(server):
    alert = known()
    server.list = [listed()]
    look()
    server.list = []
    assert look() == 0
    assert state_of(alert) == "firing"
    assert look() == 1
    assert state_of(alert) == "resolved"
    assert alert.incident.timeline.filter(kind="alert.reconciled").count() == 1
    alert.incident.refresh_from_db()
    assert alert.incident.status == "resolved"


def test_one_that_comes_back_between_two_looks_goes_on(server):
    alert = known()
    server.list = [listed()]
    look()
    server.list = []
    look()
    server.list = [listed()]
    look()
    server.list = []
    look()
    assert state_of(alert) == "firing"


def test_a_webhook_between_two_looks_says_that_it_fires(server):
    alert = known()
    server.list = [listed()]
    look()
    server.list = []
    look()
    Alert.objects.update(unlisted_since=timezone.now() - 2 * MINUTE, last_seen=timezone.now())
    ListComparison.objects.update(looked_at=timezone.now() - 2 * MINUTE)
    assert reconciling.reconcile() == 0
    assert state_of(alert) == "firing"


def test_what_the_list_never_held_is_another_alertmanager_s(server):
    mine, other = known("f1"), known("f2", source="alertmanager/staging")
    server.list = [listed("f1")]
    look()
    server.list = []
    look(4)
    assert (state_of(mine), state_of(other)) == ("resolved", "firing")


def test_alerts_of_other_senders_are_none_of_its_business(server):
    alert = known(source="grafana/prod")
    server.list = [listed()]
    look(3)
    server.list = []
    look(3)
    assert state_of(alert) == "firing"


@pytest.mark.parametrize("state", ["suppressed", "unprocessed"])
def test_a_silenced_alert_still_fires(server, state):
    alert = known()
    server.list = [listed(state=state)]
    look(3)
    assert state_of(alert) == "firing"


def test_an_alertmanager_that_has_just_started_ends_nothing(server):
    alert = known()
    server.list = [listed()]
    look()
    server.started_at, server.list = timezone.now() - timedelta(seconds=30), []
    look(3)
    assert state_of(alert) == "firing"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503), httpx.Response(401), httpx.Response(302, headers={"Location": "/login"}),
        httpx.Response(200, text="<html>"), httpx.Response(200, json={"status": "success", "data": []}),
        httpx.Response(200, json=[{"labels": {"alertname": "x"}}]),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_read_ends_nothing_and_is_said(server, answer):
    alert = known()
    server.list = [listed()]
    look()
    server.failing = answer
    look(3)
    assert state_of(alert) == "firing"
    assert URL in ListComparison.objects.get().error
    server.failing = None
    look()
    assert ListComparison.objects.get().error == ""


def test_one_that_was_ended_by_the_list_fires_again_under_its_old_time(server):
    """Alertmanager forgets what it held when it restarts; Prometheus sends the same episode again."""
    alert = listed()
    body = {"version": "4", "receiver": "aiops", "alerts": [alert | {"status": "firing"}]}
    post = ByToken("alertmanager")
    post(body)
    server.list = [alert]
    look()
    server.list = []
    look(2)
    assert Incident.objects.get().status == "resolved"
    assert post(body).json()["accepted"] == 1
    assert Incident.objects.get().status == "open"
    assert sorted(Alert.objects.values_list("status", flat=True)) == ["firing", "resolved"]


def test_a_stale_alert_that_the_list_holds_fires(server):
    alert = known(status="stale", last_seen=timezone.now() - timedelta(hours=6))
    server.list = [listed()]
    look()
    assert state_of(alert) == "firing"
    assert alert.last_seen > timezone.now() - MINUTE


def test_a_long_list_is_written_only_where_something_changed(server):
    alert = known(last_seen=timezone.now() - timedelta(minutes=30))
    server.list = [listed()]
    look()
    before = Alert.objects.get().last_seen
    look(2)
    alert.refresh_from_db()
    assert alert.last_seen == before


# Alerts that never arrived


def heard(source="alertmanager/prod", **fields):
    return Delivery.objects.create(source=source, receiver="aiops", **fields)


def test_an_alert_that_we_never_heard_of_is_taken_in_like_a_webhook(server):
    heard()
    server.list = [listed("f9")]
    assert look() == 1
    alert = Alert.objects.get()
    assert (alert.source, alert.fingerprint, alert.status) == ("alertmanager/prod", "f9", "firing")
    assert alert.incident.decisions.get().state == "INIT"
    assert look() == 0


@pytest.mark.parametrize(
    "more", [{"state": "suppressed"}, {"state": "unprocessed"}, {"receivers": ("mail",)}, {"age": MINUTE / 2}]
)
def test_what_is_silenced_for_others_or_still_on_its_way_is_not(server, more):
    heard()
    server.list = [listed("f9", **more)]
    look()
    assert not Alert.objects.exists()


@pytest.mark.parametrize("age", [MINUTE / 2, -60 * MINUTE], ids=["young", "ahead of our clock"])
def test_one_that_is_on_its_way_is_taken_when_the_next_look_still_finds_it_unknown(server, age):
    heard()
    server.list = [listed("f9", age=age)]
    assert look() == 0
    assert look() == 1
    assert Alert.objects.get().listed_at is not None


def test_what_was_taken_in_and_is_gone_at_the_next_look_ends_too(server):
    heard()
    server.list = [listed("f9")]
    look()
    server.list = []
    look(2)
    assert Alert.objects.get().status == "resolved"


def test_before_any_webhook_every_active_alert_counts(server):
    server.list = [listed("f9", receivers=("anybody",))]
    look()
    assert Alert.objects.get().source == "alertmanager"


def test_it_goes_on_under_its_sender_s_name_once_that_is_known(server):
    server.list = [listed("f9")]
    look()
    ByToken("alertmanager")({"version": "4", "receiver": "aiops", "alerts": [listed("f9") | {"status": "firing"}]})
    look()
    open_ones = Alert.objects.filter(status="firing")
    assert [alert.source.startswith("alertmanager/") for alert in open_ones] == [True]
    assert Incident.objects.live().count() == 1


def test_a_nameless_double_ends_also_where_its_sender_has_ended_it_since(server):
    server.list = [listed("f9")]
    look()
    by_token = ByToken("alertmanager")
    for status in ("firing", "resolved"):
        by_token({"version": "4", "receiver": "aiops", "alerts": [listed("f9") | {"status": status}]})
    look()
    assert not Alert.objects.filter(status__in=Alert.OPEN).exists()
    assert not Incident.objects.live().exists()


def test_a_hostile_alert_of_the_list_is_treated_like_one_of_a_webhook(server):
    heard()
    server.list = [listed("f8", deployment="a\x00b; rm -rf /"), listed("f9", **{f"l{n}": "x" for n in range(300)}), listed("f7")]
    look()
    assert sorted(Alert.objects.values_list("fingerprint", flat=True)) == ["f7", "f8"]
    assert "304 labels" in QuarantinedAlert.objects.get().reason
    assert Incident.objects.filter(target_name__contains=";").count() == 0


@pytest.mark.django_db(transaction=True)  # as in the sweeper, where nothing stands around it
def test_a_thousand_lost_alerts_come_in_together(server):
    heard()
    server.list = [listed(f"f{n}", deployment=f"web{n}") for n in range(1_000)]
    assert look() == 1_000
    assert Incident.objects.count() == 1_000
    assert ListComparison.objects.get().taken == 1_000


# When it looks


def test_it_looks_once_in_its_time(server):
    reconciling.reconcile()
    reconciling.reconcile()
    assert server.looks == 1
    look()
    assert server.looks == 2


def test_a_sender_that_left_alerts_out_is_looked_at_at_once(server):
    reconciling.reconcile()
    heard(truncated=3)
    server.list = [listed("f9", age=MINUTE / 2)]
    assert reconciling.reconcile() == 1
    assert reconciling.reconcile() == 0
    assert server.looks == 2


def test_without_an_address_it_does_not_look(settings):
    assert reconciling.reconcile() == 0
    assert not ListComparison.objects.exists()
