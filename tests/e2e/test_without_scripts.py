"""Reading and acting with JavaScript turned off: real links, real forms, dialogs by their address."""

from playwright.sync_api import expect

from incidents.models import Incident


def test_an_incident_is_read_taken_and_resolved_by_plain_forms(night, sit):
    page = sit(night.people["jonas"], scripts=False).open(night.single.get_absolute_url())
    expect(page.locator("h1")).to_have_text(night.single.title)
    page.click("text=I have it")
    expect(page.locator("main")).to_contain_text("You have it.")
    page.click("summary[aria-label='More acts']")
    page.click("text=Resolve by hand")
    expect(page.locator("#resolve")).to_be_visible()
    page.fill("#resolve textarea", "scaled it by hand")
    page.click("#resolve button[type=submit]")
    expect(page.locator("#timeline")).to_contain_text("scaled it by hand")
    assert Incident.objects.get(pk=night.single.pk).status == "resolved"


def test_the_approve_dialog_opens_by_its_address_and_closes_again(night, sit):
    page = sit(night.people["mira"], scripts=False).open(night.ready.get_absolute_url())
    dialog = page.locator(f"#approve-{night.approval.pk}")
    expect(dialog).not_to_be_visible()
    page.click("#approval .acts .primary")
    expect(dialog).to_be_visible()
    expect(dialog.locator("code")).to_contain_text("kubectl rollout undo")
    dialog.locator("text=Not yet").click()
    expect(dialog).not_to_be_visible()


def test_the_list_is_narrowed_by_a_plain_form(night, sit):
    page = sit(night.people["vera"], scripts=False).open("/incidents")
    page.fill("[name=q]", "p99")
    page.press("[name=q]", "Enter")
    expect(page.locator("#incidents [data-item]")).to_have_count(1)


def test_a_refusal_is_a_page_that_leads_back(night, sit):
    page = sit(night.people["jonas"], scripts=False).open(night.single.get_absolute_url())
    Incident.objects.filter(pk=night.single.pk).update(status="resolved")
    page.click("text=I have it")
    expect(page.locator("h1")).to_have_text("Not done")
    page.click("text=Back")
    expect(page.locator("h1")).to_have_text(night.single.title)


def test_the_page_does_not_claim_to_be_live(night, sit):
    page = sit(night.people["vera"], scripts=False).open("/")
    expect(page.locator("#live")).to_contain_text("As of")


def test_alerts_are_split_off_by_a_plain_form(night, sit):
    page = sit(night.people["mira"], scripts=False).open(night.ready.get_absolute_url())
    page.click("summary[aria-label='More acts']")
    page.click("text=Split alerts off")
    dialog = page.locator("#split")
    expect(dialog).to_be_visible()
    dialog.get_by_label("ErrorBudgetBurn").check()
    dialog.get_by_label("Why are they another problem?").fill("Another service")
    dialog.locator("button[type=submit]").click()
    expect(page.locator("main")).to_contain_text(f"Split off from {night.ready.ref}.")
    expect(page.locator("#alerts [role=rowheader]")).to_have_count(1)
