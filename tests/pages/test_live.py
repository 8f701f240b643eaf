"""The websocket: who may follow what, and that a page is current whatever gets lost."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from aiops import consumer
from aiops.access.models import User
from aiops.listening import switchboard
from aiops.live import publish
from approvals.models import Approval
from incidents import closing
from incidents.models import Incident, TimelineEvent
from tests.factories import make_approval, make_decision, make_incident, make_principal, make_user
from tests.pages.scene import assessment
from tests.sockets import Deaf, Socket

pytestmark = pytest.mark.django_db(transaction=True)


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def ids(html: str) -> set[str]:
    """The parts of a message: the ids of its roots."""
    return set(re.findall(r'<[a-z]+[^>]*\sid="([^"]+)"[^>]*\shx-swap-oob="outerMorph"', html))


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async_to_sync(scenario)()


def in_database(act: Callable[[], Any]) -> Coroutine[Any, Any, Any]:
    return sync_to_async(act)()


def waiting_incident() -> Incident:
    incident = make_incident(severity="P1")
    make_approval(make_decision(incident, assessment=assessment()), required_signatures=2)
    return incident


@pytest.mark.parametrize(
    "origin",
    [None, b"http://evil.example", b"null", b"http://localhost:9999", b"http://localhost.evil.example", b"file://localhost", b""],
)  # fmt: skip
def test_pages_of_other_sites_are_refused(origin):
    session = session_of(make_user())

    async def scenario() -> None:
        assert not await Socket(session, "topic=overview", origin=origin).is_accepted()
        ours = Socket(session, "topic=overview")
        await ours.open()
        await ours.close()

    run(scenario)


@pytest.mark.parametrize(
    "address", ["", "topic=", "topic=nothing", "topic=incident.999999", "topic=incident.x", "topic=overview&page=x"]
)
def test_what_is_no_page_is_refused(address):
    session = session_of(make_user())

    async def scenario() -> None:
        assert not await Socket(session, address).is_accepted()

    run(scenario)


def test_nobody_is_refused():
    async def scenario() -> None:
        assert not await Socket(None, "topic=overview").is_accepted()
        assert not await Socket("a" * 32, "topic=overview").is_accepted()

    run(scenario)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("topic=overview", {"nav", "tabs", "banners", "headline", "needs-you", "live-incidents", "figures", "safety", "alert-chain"}),
        ("topic=overview&page=incidents&severity=P1", {"nav", "incidents"}),
        ("topic=approvals", {"nav", "queue", "recent"}),
        ("topic=overview&page=system", {"nav", "banners", "events", "chain", "held-alerts", "clusters", "dependencies", "outbox"}),
        ("topic=governance", {"nav", "events"}),
        (
            "topic=incident.{pk}",
            {"nav", "head", "decision-rail", "proposal", "approval", "outcome", "blast", "actbar", "dialogs", "opinions", "evidence",
             "alerts", "earlier", "timeline"},
        ),
    ],
)  # fmt: skip
def test_on_connect_everything_on_the_page_is_sent(address, parts):
    incident, session = waiting_incident(), session_of(make_user("lead"))

    async def scenario() -> None:
        socket = Socket(session, address.format(pk=incident.pk))
        assert parts <= ids(await socket.open())
        await socket.close()

    run(scenario)


def test_a_change_sends_what_looks_different_and_nothing_else():
    incident, session = waiting_incident(), session_of(make_user("lead"))

    async def scenario() -> None:
        socket = Socket(session, f"topic=incident.{incident.pk}")
        await socket.open()
        await in_database(lambda: closing.resolve(incident, make_principal("lead")))
        sent = await socket.until('id="head"')
        assert {"head", "decision-rail", "timeline"} <= ids(sent)
        assert not {"blast", "evidence", "alerts"} & ids(sent)
        assert "resolved" in sent
        await socket.close()

    run(scenario)


def test_many_changes_at_once_are_few_messages_and_the_last_state_arrives():
    incident, session = waiting_incident(), session_of(make_user("lead"))

    def storm() -> None:
        for n in range(30):
            TimelineEvent.record(incident, "decision.ready", f"row {n}")
            publish(incident.topic)

    async def scenario() -> None:
        socket = Socket(session, incident_address(incident))
        await socket.open()
        await in_database(storm)
        messages = [await socket.receive()]
        while "row 29" not in messages[-1]:
            messages.append(await socket.receive())
        assert len(messages) <= 5
        await socket.close()

    run(scenario)


def incident_address(incident: Incident) -> str:
    return f"topic=incident.{incident.pk}"


def test_a_viewer_is_never_sent_what_only_a_lead_may_do():
    incident = waiting_incident()
    sessions = [session_of(make_user(role)) for role in ("viewer", "lead")]

    async def scenario() -> None:
        sockets = [Socket(session, incident_address(incident)) for session in sessions]
        viewer, lead = [await socket.open() for socket in sockets]
        assert "/approve" in lead
        assert "/approve" not in viewer
        await in_database(lambda: publish(incident.topic, "overview"))
        await in_database(lambda: TimelineEvent.record(incident, "decision.ready", "more"))
        await in_database(lambda: publish(incident.topic))
        assert "/approve" not in await sockets[0].receive()
        for socket in sockets:
            await socket.close()

    run(scenario)


def test_nothing_that_is_sent_belongs_to_one_person(monkeypatch):
    incident, user = waiting_incident(), make_user("lead", name="Zoë Unmistakable")
    session = session_of(user)

    async def scenario() -> None:
        socket = Socket(session, incident_address(incident))
        sent = await socket.open()
        assert "csrfmiddlewaretoken" not in sent
        assert user.username not in sent
        assert "Unmistakable" not in sent
        await socket.close()

    run(scenario)


def test_a_round_of_pages_sends_at_the_same_moment_and_the_seldomer_the_longer_it_takes():
    pace, gap = consumer.Pace(), consumer.GAP_S
    pace.took(100.0, 100.01)
    assert gap <= pace.next_at(100.01) - 100.01 <= 2 * gap
    pace.took(100.0, 100.2)
    later = pace.next_at(100.2)
    assert 0.2 * consumer.PAUSE_A_WORK <= later - 100.2 <= 4 * 0.2 * consumer.PAUSE_A_WORK
    pace.took(100.2, 100.21)
    assert pace.next_at(100.21) == later, "who was served first waits for the others"
    pace.took(101.0, 109.0)
    assert pace.next_at(109.0) - 109.0 <= 2 * consumer.GAP_MOST_S
    pace.took(114.1, 114.11)
    assert pace.next_at(114.11) - 114.11 <= 2 * gap, "the crowd has gone"


def test_a_lost_message_leaves_no_page_stale(monkeypatch):
    monkeypatch.setattr(consumer, "TICK_S", 0.5)
    incident, session = waiting_incident(), session_of(make_user("lead"))

    async def scenario() -> None:
        socket = Socket(session, incident_address(incident))
        await socket.open()
        await in_database(lambda: TimelineEvent.record(incident, "decision.ready", "nobody was told"))
        assert "nobody was told" in await socket.until("nobody was told")
        await socket.close()

    run(scenario)


def test_a_quiet_page_hears_a_heartbeat_only(monkeypatch):
    monkeypatch.setattr(consumer, "TICK_S", 0.5)
    incident, session = waiting_incident(), session_of(make_user("viewer"))

    async def scenario() -> None:
        socket = Socket(session, incident_address(incident))
        await socket.open()
        assert {await socket.receive() for _ in range(3)} == {consumer.HEARTBEAT}
        await socket.close()

    run(scenario)


@pytest.mark.parametrize("end", ["logged out", "disabled", "password changed"])
def test_whoever_may_not_be_in_any_more_is_cut_off(monkeypatch, end):
    monkeypatch.setattr(consumer, "TICK_S", 0.3)
    monkeypatch.setattr(consumer, "LOGIN_CHECKED_S", 0.3)
    user = make_user("lead")
    session = session_of(user)

    def ends() -> None:
        if end == "logged out":
            SessionStore(session).delete()
        elif end == "disabled":
            User.objects.update(is_active=False)
        else:
            user.set_password("another horse battery")
            user.save()

    async def scenario() -> None:
        socket = Socket(session, "topic=overview")
        await socket.open()
        await in_database(ends)
        while (message := await socket.message())["type"] != "websocket.close":
            pass
        assert message["code"] == consumer.LOGGED_OUT
        await socket.close()

    run(scenario)


def test_a_role_that_was_taken_away_shows_on_the_open_page(monkeypatch):
    monkeypatch.setattr(consumer, "TICK_S", 0.3)
    monkeypatch.setattr(consumer, "LOGIN_CHECKED_S", 0.3)
    incident, session = waiting_incident(), session_of(make_user("lead"))

    async def scenario() -> None:
        socket = Socket(session, incident_address(incident))
        assert "/approve" in await socket.open()
        await in_database(lambda: User.objects.update(role="viewer"))
        assert "/approve" not in await socket.until('id="dialogs"')
        await socket.close()

    run(scenario)


def test_what_a_browser_sends_means_nothing():
    incident, session = waiting_incident(), session_of(make_user("lead"))

    async def scenario() -> None:
        socket = Socket(session, incident_address(incident))
        await socket.open()
        await socket.say('{"type": "topic.changed", "topic": "overview", "approve": 1}')
        assert await socket.hears_nothing()
        await socket.close()

    run(scenario)
    assert Approval.objects.get().is_pending


def test_a_viewer_that_reads_nothing_is_closed(monkeypatch):
    monkeypatch.setattr(consumer, "SEND_TIMEOUT_S", 0.3)
    incident, session = waiting_incident(), session_of(make_user("lead"))
    run(Deaf(Socket(session, incident_address(incident))).run)


def test_viewers_of_the_same_share_one_rendering():
    incident = waiting_incident()
    sessions = [session_of(make_user("lead")) for _ in range(6)]
    renderings: list[str] = []

    async def scenario() -> None:
        sockets = [Socket(session, incident_address(incident)) for session in sessions]
        for socket in sockets:
            await socket.open()
        await in_database(lambda: TimelineEvent.record(incident, "decision.ready", "shared"))
        await in_database(lambda: publish(incident.topic))
        renderings.extend([await socket.until("shared") for socket in sockets])
        for socket in sockets:
            await socket.close()

    run(scenario)
    assert len(set(renderings)) == 1


def test_a_page_that_leaves_while_it_connects_is_forgotten(monkeypatch):
    incident, session = waiting_incident(), session_of(make_user("lead"))

    async def gone(self: consumer.LiveConsumer, *args: object, **more: object) -> None:
        raise ConnectionError("the browser has left")

    async def scenario() -> None:
        monkeypatch.setattr(consumer.LiveConsumer, "accept", gone)
        with pytest.raises(ConnectionError):
            await Socket(session, incident_address(incident)).is_accepted()
        assert not switchboard()._following

    run(scenario)


def test_a_withdrawn_approval_takes_its_dialog_with_it():
    incident, session = waiting_incident(), session_of(make_user("lead"))
    approval = Approval.objects.get()

    async def scenario() -> None:
        socket = Socket(session, incident_address(incident))
        assert f'id="approve-{approval.pk}"' in await socket.open()
        await in_database(lambda: withdraw(approval))
        sent = await socket.until('id="dialogs"')
        assert "approve-" not in sent
        await socket.close()

    def withdraw(row: Approval) -> None:
        Approval.objects.filter(pk=row.pk).update(status=Approval.Status.WITHDRAWN, reason="the target changed")
        publish(incident.topic)

    run(scenario)
