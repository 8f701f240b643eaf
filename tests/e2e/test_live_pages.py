"""Pages that stay current under a person's eyes and hands."""

from playwright.sync_api import expect

from aiops.live import publish
from approvals.models import Approval
from incidents import closing, decisions
from incidents.models import Decision, TimelineEvent
from tests.factories import make_principal


def test_a_change_shows_without_reloading_and_keeps_what_a_person_does(night, sit):
    seat = sit(night.people["mira"])
    page = seat.open(night.ready.get_absolute_url())
    seat.is_live()
    page.evaluate("window.sameDocument = true")
    page.click("#e2 summary")
    page.click("#approval [data-dialog^=approve]")
    comment = page.locator("dialog[open] textarea")
    comment.fill("I looked at the deploy log")
    comment.evaluate("field => field.setSelectionRange(2, 6)")

    TimelineEvent.record(night.ready, "alert.repeated", "It fires again")
    Approval.objects.filter(pk=night.approval.pk).update(blast_score=61)
    publish(night.ready.topic, "overview")

    expect(page.locator("#timeline")).to_contain_text("It fires again")
    expect(comment).to_have_value("I looked at the deploy log")
    expect(comment).to_be_focused()
    assert comment.evaluate("field => [field.selectionStart, field.selectionEnd]") == [2, 6]
    assert page.evaluate("document.querySelector('#e2').open")
    assert page.evaluate("window.sameDocument")
    assert seat.complaints == []


def test_a_replaced_proposal_closes_the_dialog_that_somebody_has_open(night, sit):
    seat = sit(night.people["mira"])
    page = seat.open(night.ready.get_absolute_url())
    seat.is_live()
    page.click("#approval [data-dialog^=approve]")
    expect(page.locator(f"#approve-{night.approval.pk}")).to_be_visible()

    Approval.objects.filter(pk=night.approval.pk).update(status=Approval.Status.WITHDRAWN, reason="The target changed")
    decisions.reanalyse(Decision.objects.get(incident=night.ready), make_principal("lead"))

    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("#decision-rail")).to_contain_text("A decision is ready within 30 s")


def test_the_overview_and_its_counts_follow(night, sit):
    seat = sit(night.people["vera"])
    page = seat.open("/")
    seat.is_live()
    expect(page.locator(".side [data-place=incidents] .count")).to_contain_text("8")
    closing.resolve(night.single, make_principal("responder"))
    expect(page.locator(".side [data-place=incidents] .count")).to_contain_text("7")
    expect(page.locator(f"#live-{night.single.pk}")).to_have_count(0)
    expect(page.locator("[aria-current=page][data-place=overview]")).to_have_count(1)


def test_a_filter_works_while_typing_and_the_socket_follows_it(night, sit):
    seat = sit(night.people["vera"])
    page = seat.open("/incidents")
    seat.is_live()
    page.evaluate("window.sameDocument = true")
    page.fill("[data-find]", "p99")
    expect(page.locator("#incidents [data-item]")).to_have_count(1)
    page.wait_for_url("**/incidents?*q=p99*")
    seat.is_live()
    closing.resolve(night.single, make_principal("responder"))
    closing.resolve(night.ready, make_principal("responder"))
    expect(page.locator("#incidents")).to_contain_text("Closed")
    expect(page.locator("#incidents [data-item]")).to_have_count(1)
    assert page.evaluate("window.sameDocument")
    page.reload()
    expect(page.locator("[data-find]")).to_have_value("p99")
    expect(page.locator("#incidents [data-item]")).to_have_count(1)


def test_taking_an_incident_says_so_without_reloading(night, sit):
    seat = sit(night.people["jonas"])
    page = seat.open(night.single.get_absolute_url())
    seat.is_live()
    page.click("text=I have it")
    expect(page.locator("#toasts")).to_contain_text("You have it.")
    expect(page.locator("#head")).to_contain_text("You have it, until")
    assert seat.complaints == []


def test_a_refusal_is_said_where_it_was_asked(night, sit):
    seat = sit(night.people["jonas"])
    page = seat.open(night.single.get_absolute_url())
    seat.is_live()
    closing.resolve(night.single, make_principal("responder"))
    page.evaluate(
        """path => { const form = document.createElement('form'); form.method = 'post'; form.setAttribute('hx-post', path);
        form.setAttribute('hx-target', '#toasts'); form.innerHTML = '<button id=late>x</button>';
        document.querySelector('main').append(form); htmx.process(form); }""",
        f"{night.single.get_absolute_url()}/resolve",
    )
    page.click("#late")
    expect(page.locator("#toasts")).to_contain_text("is resolved already")


def test_times_tick_and_are_shown_in_the_viewers_zone(night, sit):
    seat = sit(night.people["vera"], timezone_id="Asia/Kolkata")
    page = seat.open(night.ready.get_absolute_url())
    seat.is_live()
    seen = page.locator("#alerts tbody time").first
    utc = seen.get_attribute("datetime")[11:16]
    assert seen.inner_text()[:5] != utc
    assert f"{utc}" in seen.get_attribute("title")
    left = page.locator("#approval header time")
    before = left.inner_text()
    expect(left).not_to_have_text(before)


def test_rows_do_not_move_under_a_moving_pointer(night, sit):
    seat = sit(night.people["vera"])
    page = seat.open("/")
    seat.is_live()
    row = page.locator(f"#live-{night.told.pk}")
    row.hover()
    closing.resolve(night.single, make_principal("responder"))
    for step in range(8):
        page.mouse.move(600 + step, row.bounding_box()["y"] + 10)
        page.wait_for_timeout(80)
    assert page.locator(f"#live-{night.single.pk}").count() == 1
    expect(page.locator(f"#live-{night.single.pk}")).to_have_count(0)
