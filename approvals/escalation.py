"""Approvals that nobody answers: the next contact of the ordered list is asked, one after the other, then every lead.

When the next one is asked stands on the approval itself (`escalate_at`), by the database's clock; the sweeper follows it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from aiops.access.models import User
from aiops.access.principals import Principal, Via
from aiops.access.roles import Role
from aiops.core.wording import duration
from aiops.live import publish
from aiops.outbox.models import Channel
from approvals import messages, policy_in_force
from approvals.models import Approval, Contact
from approvals.waiting import Waiting
from incidents import holds
from incidents.models import Hold, TimelineEvent

log = structlog.get_logger(__name__)
BATCH = 50
PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"


class Next(NamedTuple):
    """Who is asked next, and when: for people. `words` is a name, or `every lead`."""

    words: str
    at: datetime


def ask_due() -> int:
    """Ask the next contact of each approval whose time has come; returns how many were looked at."""
    due = Approval.objects.filter(status=Approval.Status.PENDING, escalate_at__lte=Now(), expires_at__gt=Now())
    return sum(ask_next(pk) for pk in list(due.order_by("escalate_at").values_list("pk", flat=True)[:BATCH]))


@transaction.atomic
def ask_next(pk: int) -> bool:
    """Ask whoever is next. False where it is answered, not due, or another process is at it."""
    locked = Approval.objects.select_for_update(skip_locked=True, of=("self",)).select_related("incident", "author")
    approval = locked.filter(pk=pk, status=Approval.Status.PENDING, escalate_at__lte=Now()).first()
    if approval is None:
        return False
    every = timedelta(seconds=policy_in_force.now().approvals.escalate_every_s)
    again = Approval.objects.filter(pk=approval.pk)
    if holds.stopping(approval.incident, Hold.Stops.NOTIFY, timezone.now()) is not None:
        again.update(escalate_at=Now() + every)  # silenced: nobody is asked now, and nobody is passed by
        return True
    contacts = contact_list()
    place = _next_place(approval, contacts)
    if place is None:
        again.update(escalate_at=None, contacts_asked=len(contacts) + 1)
        leads = [user for user in _leads() if may_sign(approval, user)]
        for user in leads:
            messages.asked_to_sign(approval, user, step=len(contacts) + 1, channel=None)
        if pager := paging_channel():
            messages.page_on_call(approval, pager, step=len(contacts) + 1)
        _tell(approval, "Every lead is asked" if leads else "Nobody else can sign this", every)
    else:
        contact = contacts[place]
        messages.asked_to_sign(approval, contact.user, step=place + 1, channel=contact.channel)
        again.update(escalate_at=Now() + every, contacts_asked=place + 1)
        _tell(approval, f"{contact.user} is asked", every)
    return True


def _tell(approval: Approval, words: str, every: timedelta) -> None:
    detail = f"Nobody has signed for {duration(every.total_seconds())}" if approval.contacts_asked else ""
    TimelineEvent.record(approval.incident_id, "approval.escalated", words, detail=detail, status="wait")
    publish("overview", "approvals", approval.incident.topic)
    log.info("approval.escalated", approval=approval.pk, words=words)


def paging_channel() -> Channel | None:
    """Where the end of the list pages, once a key for it is set; made with the first page."""
    if not settings.AIOPS.pagerduty_key.get_secret_value():
        return None
    defaults = {"kind": Channel.Kind.PAGERDUTY, "address": PAGERDUTY_URL}
    channel, _ = Channel.objects.get_or_create(name="PagerDuty", defaults=defaults)
    return channel


def contact_list() -> list[Contact]:
    return list(Contact.objects.filter(is_enabled=True).select_related("user", "channel"))


def _leads() -> list[User]:
    return list(User.objects.filter(is_active=True, role__in=[Role.LEAD.value, Role.ADMIN.value]))


def may_sign(approval: Approval, user: User) -> bool:
    """Whether a signature of this person would count: who cannot help is not woken."""
    waits = Waiting.of(approval, approval.signatures.all())
    return user.is_active and waits.for_person(Principal.of(user, Via.SYSTEM))


def _next_place(approval: Approval, contacts: Sequence[Contact]) -> int | None:
    """The place in the list of who is asked next; None: the list is through."""
    places = range(approval.contacts_asked, len(contacts))
    return next((place for place in places if may_sign(approval, contacts[place].user)), None)


def following(approval: Approval, contacts: Sequence[Contact]) -> Next | None:
    """Who is asked next of a pending approval, for its page; None where everybody was."""
    if not approval.is_pending or approval.escalate_at is None:
        return None
    place = _next_place(approval, contacts)
    return Next(str(contacts[place].user) if place is not None else "every lead", approval.escalate_at)
