"""Messages: born with their fact, told once, and never lost by a channel that fails."""

import json
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from pydantic import SecretStr

from aiops.connectors import egress
from aiops.connectors.errors import Permanent, Transient
from aiops.outbox import delivery
from aiops.outbox.models import Channel, Notification
from aiops.outbox.posting import post
from incidents import analysis
from incidents.models import Hold
from tests.factories import make_alert, make_decision, make_incident
from tests.outbox.receiver import receiving
from tests.threads import together

pytestmark = pytest.mark.django_db
S = Notification.Status


@pytest.fixture
def receiver(settings):
    settings.AIOPS = settings.AIOPS.model_copy(update={"egress_hosts": ("127.0.0.1",)})
    with receiving() as found:
        yield found


@pytest.fixture
def channel(receiver):
    return Channel.objects.create(name="on-call", address=receiver.url, secret="shared")


def message(fact="x:1", **fields) -> Notification:
    with transaction.atomic():
        post(fact, "test", {"hello": "world"})
    Notification.objects.filter(fact=fact).update(**fields)
    return Notification.objects.get(fact=fact)


def test_a_message_is_signed_and_sent_once(channel, receiver):
    message()
    assert delivery.deliver_due() == 1
    assert delivery.deliver_due() == 0
    headers, body = receiver.got[0]
    assert body["payload"] == {"hello": "world"}
    assert headers["X-Aiops-Signature"] == egress.signature("shared", json.dumps(body).encode())
    assert Notification.objects.get().status == S.SENT


def test_the_same_fact_is_told_once(channel):
    for _ in range(3):
        message()
    assert Notification.objects.count() == 1


def test_a_fact_that_is_rolled_back_is_not_told(channel):
    def fails() -> None:
        with transaction.atomic():
            post("x:1", "test", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert not Notification.objects.exists()


def test_a_receiver_that_is_down_is_tried_again_later(channel, receiver):
    receiver.server.shutdown()
    receiver.server.server_close()
    row = message()
    delivery.deliver_due()
    row.refresh_from_db()
    assert (row.status, row.due_at > timezone.now()) == (S.QUEUED, True)
    channel.refresh_from_db()
    assert channel.failing_since is not None


def test_what_nobody_knows_is_tried_once_more_and_says_so(channel, receiver):
    receiver.answers = [0, 0]
    row = message()
    delivery.deliver_due()
    row.refresh_from_db()
    assert row.status == S.UNKNOWN
    Notification.objects.update(due_at=timezone.now())
    delivery.deliver_due()
    row.refresh_from_db()
    assert row.status == S.DEAD
    assert [body["may_be_a_repeat"] for _, body in receiver.got] == [False, True]


def test_what_surely_did_not_arrive_is_no_repeat_and_takes_nothing_from_the_second_try(channel, receiver):
    receiver.answers = [429, 0, 429, 200]
    row = message()
    for status in (S.QUEUED, S.UNKNOWN, S.QUEUED, S.SENT):
        Notification.objects.update(due_at=timezone.now())
        delivery.deliver_due()
        row.refresh_from_db()
        assert row.status == status
    assert [body["may_be_a_repeat"] for _, body in receiver.got] == [False, False, True, True]


@pytest.mark.parametrize(("answer", "status"), [(404, S.DEAD), (302, S.DEAD), (429, S.QUEUED), (500, S.UNKNOWN)])
def test_an_answer_decides_whether_it_is_tried_again(channel, receiver, answer, status):
    receiver.answers = [answer]
    row = message()
    delivery.deliver_due()
    row.refresh_from_db()
    assert row.status == status


def test_after_a_day_it_is_given_up(channel, receiver):
    receiver.answers = [429]
    row = message(created_at=timezone.now() - timedelta(hours=25))
    delivery.deliver_due()
    row.refresh_from_db()
    assert row.status == S.DEAD
    delivery.retry(row)
    delivery.deliver_due()
    row.refresh_from_db()
    assert row.status == S.SENT


def test_one_that_was_being_sent_when_its_process_died_is_sent_again(channel, receiver):
    row = message(status=S.SENDING, attempts=1, due_at=timezone.now() - timedelta(seconds=1))
    assert delivery.deliver_due() == 1
    row.refresh_from_db()
    assert row.status == S.SENT


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_send_it_once(channel, receiver):
    message()
    together([delivery.deliver_due] * 4)
    assert len(receiver.got) == 1


def test_a_failing_channel_does_not_hold_up_another(channel, receiver):
    Channel.objects.create(name="broken", address="http://127.0.0.1:1/")
    with transaction.atomic():
        post("x:1", "test", {})
    delivery.deliver_due()
    by_channel = dict(Notification.objects.values_list("channel__name", "status"))
    assert by_channel == {"on-call": S.SENT, "broken": S.QUEUED}


def test_a_ready_decision_is_told_unless_telling_is_on_hold(channel, receiver):
    for hold in (False, True):
        if hold:
            now = timezone.now()
            Hold.objects.create(stops=["notify"], starts_at=now, ends_at=now + timedelta(hours=1), reason="quiet", created_by="x")
        incident = make_incident()
        make_alert(incident)
        decision = make_decision(incident, state="INIT")
        analysis.decide(decision.pk)
        assert Notification.objects.filter(fact=f"decision.ready:{decision.token}").exists() != hold


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "http://user:pass@example.org/", "http://169.254.169.254/latest/meta-data", "http://0.0.0.0/",
        "http://127.0.0.1:6379/", "http://localhost/", "http://[::1]/", "http://[::ffff:169.254.169.254]/", "http://224.0.0.1/",
        "file:///etc/passwd", "http:///x", "gopher://x", "http://[fe80::1]/",
    ],
)  # fmt: skip
def test_addresses_that_only_this_machine_may_reach_are_refused(url):
    with pytest.raises((Permanent, Transient)):
        egress.checked_address(url)


def test_with_a_list_only_its_hosts_are_reached():
    with pytest.raises(Permanent, match="not on the list"):
        egress.checked_address("http://127.0.0.1/", allowed_hosts=["hooks.example"])
    assert egress.checked_address("http://127.0.0.1/", allowed_hosts=["127.0.0.1"]) == ("127.0.0.1", "127.0.0.1")


def test_a_page_is_sent_until_it_surely_arrived(receiver, settings):
    settings.AIOPS = settings.AIOPS.model_copy(update={"pagerduty_key": SecretStr("routing")})
    pager = Channel.objects.create(name="PagerDuty", kind="pagerduty", address=receiver.url)
    with transaction.atomic():
        post("x:1", "approval.escalated", {"severity": "P0"}, incident_ref="INC-7", channel=pager)
    receiver.answers = [0, 0, 0]
    for _ in range(4):
        Notification.objects.update(due_at=timezone.now())
        delivery.deliver_due()
    assert Notification.objects.get().status == S.SENT
    assert {body["dedup_key"] for _, body in receiver.got} == {"aiops-INC-7"}


def test_a_page_goes_to_pagerduty_by_itself_and_names_the_incident(receiver, settings):
    settings.AIOPS = settings.AIOPS.model_copy(update={"pagerduty_key": SecretStr("routing")})
    pager = Channel.objects.create(name="PagerDuty", kind="pagerduty", address=receiver.url)
    with transaction.atomic():
        assert post("x:1", "incident.opened", {}) == 0  # the stream of messages pages nobody
        post("x:2", "approval.escalated", {"severity": "P0", "title": "web is down"}, incident_ref="INC-7", channel=pager)
    delivery.deliver_due()
    (_, body) = receiver.got[0]
    assert (body["routing_key"], body["event_action"], body["dedup_key"]) == ("routing", "trigger", "aiops-INC-7")
    assert body["payload"]["severity"] == "critical"
    assert Notification.objects.get().status == S.SENT
