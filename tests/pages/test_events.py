"""What the console noticed about itself stands on the system page, and on every page while it is critical."""

from datetime import timedelta

import pytest
from django.utils import timezone

from aiops.layout import ALARMS_MOST
from governance import fragments
from governance.conditions import Condition, observe, recover
from governance.intake_watch import QUIET
from governance.models import GovernanceEvent
from incidents.models import Delivery
from tests.factories import make_user

Level = GovernanceEvent.Level


def condition(kind: str = "engine_broken", key: str = "rules", *, level: Level = Level.WARNING) -> Condition:
    return Condition(kind, key, f"{key} breaks", "Decisions lack it.", "Read the log.", "Look with more care.", level)


@pytest.fixture
def page(db, visit):
    client = visit(make_user("viewer"))
    return lambda address: client.get(address).content.decode()


def card(html: str) -> str:
    return html.split('id="events"')[1].split("</section>")[0]


def test_with_nothing_open_it_says_so(page):
    assert "None" in card(page("/system"))


def test_an_open_event_says_what_it_means_and_what_to_do(page):
    now = timezone.now()
    for minutes in (3, 2, 1):
        observe(condition(), seen_at=now - timedelta(minutes=minutes))
    told = card(page("/system"))
    for text in ("rules breaks", "Decisions lack it.", "Read the log.", "Look with more care.", "3 times", "first at"):
        assert text in told, text


def test_the_most_critical_comes_first_however_old_it_is(page):
    observe(condition(key="oldest", level=Level.CRITICAL), seen_at=timezone.now())
    for n in range(fragments.SHOWN):
        observe(condition(key=f"k{n}", level=Level.INFO if n % 2 else Level.WARNING), seen_at=timezone.now())
    told = card(page("/system"))
    assert told.index("oldest breaks") < told.index("k28 breaks") < told.index("k0 breaks") < told.index("k29 breaks")
    assert "k1 breaks" not in told
    assert f"Those {fragments.SHOWN} of {fragments.SHOWN + 1} that matter most." in told


def test_what_is_over_is_folded_for_a_day(page):
    observe(condition(key="mended"), seen_at=timezone.now())
    observe(condition("other", "long gone"), seen_at=timezone.now())
    recover("engine_broken", still=())
    recover("other", still=())
    GovernanceEvent.objects.filter(kind="other").update(resolved_at=timezone.now() - timedelta(hours=25))
    told = card(page("/system"))
    assert "1 event over within 24 hours" in told
    assert "mended breaks" in told.split("<details")[1]
    assert "long gone" not in told


@pytest.mark.parametrize("address", ["/", "/incidents", "/approvals", "/settings"])
def test_what_is_critical_is_told_on_every_page_with_the_way_to_it(page, address):
    event = observe(condition(level=Level.CRITICAL), seen_at=timezone.now())
    observe(condition(key="less", level=Level.WARNING), seen_at=timezone.now())
    Delivery.objects.create(source="alertmanager", accepted=1)
    observe(condition(QUIET, "", level=Level.CRITICAL), seen_at=timezone.now())  # silence has a banner of its own
    html = page(address)
    banners = html.split('id="banners"')[1].split("<main")[0]
    assert "rules breaks" in banners
    assert f'href="/system#event-{event.pk}"' in banners
    assert "less breaks" not in banners
    assert banners.count("/system#event-") == 1
    assert f'id="event-{event.pk}"' in page("/system")


def test_a_sender_that_was_never_heard_is_told_on_every_page(page):
    event = observe(condition(QUIET, "alertmanager", level=Level.CRITICAL), seen_at=timezone.now())
    assert f"/system#event-{event.pk}" in page("/")


def test_many_critical_ones_leave_room_for_the_page(page):
    for n in range(ALARMS_MOST + 2):
        observe(condition(key=f"k{n}", level=Level.CRITICAL), seen_at=timezone.now())
    assert page("/").split('id="banners"')[1].split("<main")[0].count("/system#event-") == ALARMS_MOST


def test_a_banner_goes_when_its_event_is_over(page):
    observe(condition(level=Level.CRITICAL), seen_at=timezone.now())
    recover("engine_broken", still=())
    assert "/system#event-" not in page("/")
