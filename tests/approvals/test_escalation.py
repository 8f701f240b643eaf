"""Nobody signs: one contact after the other is asked, each once, then every lead."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from pydantic import SecretStr

from aiops.access.models import AuditEntry
from aiops.core.actions import RestartWorkload, Rollback
from aiops.outbox.models import Channel, Notification
from approvals import assessment, escalation, signatures
from approvals.models import Approval, Contact
from approvals.plans import DryRun, Plan, Surroundings
from incidents.models import Hold
from tests.approvals.acting import SANDBOX
from tests.factories import WEB, make_alert, make_approval, make_decision, make_incident, make_principal, make_user
from tests.threads import together

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops() -> Channel:
    return Channel.objects.create(name="ops", address="https://ops.example.com")


def pending(**fields) -> Approval:
    incident = make_incident(status="investigating")
    make_alert(incident)
    return make_approval(make_decision(incident), **({"escalate_at": timezone.now()} | fields))


def on_the_list(*roles: str, channel: Channel | None = None):
    people = [make_user(role) for role in roles]
    for position, user in enumerate(people, start=1):
        Contact.objects.create(position=position, user=user, channel=channel)
    return people


def asked() -> list[str]:
    return list(Notification.objects.filter(kind="approval.escalated").order_by("id").values_list("recipient", flat=True))


def five_minutes_pass() -> None:
    Approval.objects.update(escalate_at=F("escalate_at") - timedelta(minutes=5))


def test_contacts_are_asked_in_their_order_five_minutes_apart(ops):
    first, second = on_the_list("responder", "lead")
    approval = pending()
    assert (escalation.ask_due(), escalation.ask_due()) == (1, 0)
    assert asked() == [first.username]
    approval.refresh_from_db()
    left = (approval.escalate_at - timezone.now()).total_seconds()
    assert 290 < left <= 301
    five_minutes_pass()
    escalation.ask_due()
    assert asked() == [first.username, second.username]
    assert approval.incident.timeline.filter(kind="approval.escalated").count() == 2


def test_after_the_last_contact_every_lead_is_asked_and_then_nobody(ops):
    (first,) = on_the_list("responder")
    leads = {make_user("lead").username, make_user("admin").username}
    make_user("viewer")
    make_user("lead", is_active=False)
    approval = pending()
    for _ in range(4):
        escalation.ask_due()
        five_minutes_pass()
    assert asked()[0] == first.username
    assert sorted(asked()[1:]) == sorted(leads)
    approval.refresh_from_db()
    assert approval.escalate_at is None


def test_without_a_list_every_lead_is_asked_at_once(ops):
    lead = make_user("lead")
    pending()
    escalation.ask_due()
    assert asked() == [lead.username]


def test_the_end_of_the_list_pages_where_a_key_is_set(settings, ops):
    settings.AIOPS = settings.AIOPS.model_copy(update={"pagerduty_key": SecretStr("routing")})
    make_user("lead")
    pending()
    escalation.ask_due()
    page = Notification.objects.get(channel__kind="pagerduty")
    assert (page.recipient, page.payload["asked"]) == ("on-call", "on call")


def test_who_cannot_sign_is_passed_by(ops):
    viewer, responder, gone, author, lead = on_the_list("viewer", "responder", "lead", "lead", "lead")
    gone.is_active = False
    gone.save()
    pending(tier="dual", author=author)
    escalation.ask_due()
    assert asked() == [lead.username]


def test_a_contact_is_asked_by_their_own_channel_only(ops):
    phone = Channel.objects.create(name="phone", address="https://phone.example.com")
    on_the_list("lead", channel=phone)
    pending()
    escalation.ask_due()
    message = Notification.objects.get(kind="approval.escalated")
    assert (message.channel, message.payload["step"]) == (phone, 1)


def test_an_answer_ends_it(ops):
    on_the_list("responder", "lead")
    approval = pending()
    escalation.ask_due()
    signatures.sign(approval, make_principal("lead"), digest=approval.digest)
    five_minutes_pass()
    assert escalation.ask_due() == 0
    assert len(asked()) == 1


def test_one_of_two_signatures_is_no_answer_and_the_signer_is_not_asked(ops):
    first, second = on_the_list("lead", "lead")
    approval = pending(required_signatures=2)
    signatures.sign(approval, make_principal(user=first), digest=approval.digest)
    escalation.ask_due()
    assert asked() == [second.username]


def test_a_silence_asks_nobody_and_passes_nobody_by(ops):
    first, _ = on_the_list("lead", "lead")
    now = timezone.now()
    hold = Hold.objects.create(stops=["notify"], starts_at=now, ends_at=now + timedelta(hours=1), reason="known", created_by="x")
    pending()
    escalation.ask_due()
    assert asked() == []
    hold.delete()
    five_minutes_pass()
    escalation.ask_due()
    assert asked() == [first.username]


def test_what_has_expired_asks_nobody(ops):
    on_the_list("lead")
    pending(expires_at=timezone.now() - timedelta(seconds=1))
    assert escalation.ask_due() == 0


@pytest.mark.django_db(transaction=True)
def test_two_sweepers_at_once_ask_once(ops):
    on_the_list("lead", "lead")
    pending()
    together([escalation.ask_due] * 4)
    assert len(asked()) == 1


SMALL = Surroundings(pods_affected=2, pods_total=8, rolling=True, replicas_left=7, criticality=3)


@pytest.mark.parametrize(("action", "waits"), [(Rollback(target=WEB, revision=4), True), (RestartWorkload(target=WEB), False)])
def test_only_what_waits_for_people_is_escalated(settings, action, waits):
    settings.CLUSTERS = (SANDBOX,)
    incident = make_incident(status="investigating")
    make_alert(incident)
    decision = make_decision(incident, action=action)
    approval = assessment.settle(decision, Plan(action, "sandbox", "u", {}, DryRun(clean=True), SMALL), broker_up=True)
    approval.refresh_from_db()
    assert (approval.escalate_at is not None) == waits


def test_the_pages_say_who_is_next(visit, ops):
    (mira,) = on_the_list("lead")
    approval = pending(escalate_at=timezone.now() + timedelta(minutes=3))
    client = visit(make_user("viewer"))
    for page in ("/approvals", approval.incident.get_absolute_url()):
        assert f"{str(mira).capitalize()} is asked next, in" in client.get(page).content.decode(), page


def test_admins_keep_the_list(visit):
    lead = make_user("lead")
    client = visit(make_user("admin"))
    answer = client.post("/admin/approvals/contact/add/", {"position": 1, "user": lead.pk, "channel": "", "is_enabled": "on"})
    assert answer.status_code == 302
    assert Contact.objects.get().user == lead
    assert AuditEntry.objects.filter(act="contact.edit").exists()
    assert visit(make_user("lead")).get("/admin/approvals/contact/").status_code in (302, 403)
