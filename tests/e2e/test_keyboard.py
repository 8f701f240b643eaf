"""Keys move, open and show; only a form's own button signs."""

import pytest
from playwright.sync_api import expect

from approvals.models import Signature


def test_keys_go_to_places_and_walk_lists(night, sit):
    seat = sit(night.people["mira"])
    page = seat.open("/")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/incidents")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("[data-cursor]")).to_have_count(1)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{night.analyzing.get_absolute_url()}")


def test_keys_open_dialogs_and_sign_nothing(night, sit):
    page = sit(night.people["mira"]).open(night.ready.get_absolute_url())
    before = Signature.objects.count()
    for key, kind in (("a", "approve"), ("r", "reject"), ("o", "override"), ("?", "keys")):
        page.keyboard.press(key)
        expect(page.locator("dialog[open]")).to_have_attribute("id", f"{kind}-{night.approval.pk}" if kind != "keys" else kind)
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)
    assert Signature.objects.count() == before


def test_a_dialog_takes_the_focus_and_gives_it_back(night, sit):
    page = sit(night.people["mira"]).open(night.ready.get_absolute_url())
    opener = page.locator("#approval .acts .primary")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open] h2")).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


def test_keys_mean_nothing_while_somebody_types(night, sit):
    page = sit(night.people["mira"]).open("/incidents")
    page.keyboard.press("/")
    expect(page.locator("[data-find]")).to_be_focused()
    page.keyboard.type("goat?")
    expect(page.locator("[data-find]")).to_have_value("goat?")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_single_keys_can_be_turned_off(night, sit):
    seat = sit(night.people["mira"])
    page = seat.open("/settings")
    page.uncheck("[name=single_keys]")
    page.click("text=Save")
    page.wait_for_selector("text=Single keys are off")
    page = seat.open(night.ready.get_absolute_url())
    page.keyboard.press("a")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_the_finder_finds_while_typing(night, sit):
    page = sit(night.people["mira"]).open("/help")
    page.keyboard.press("Control+k")
    page.keyboard.type("p99")
    page.click(f"#found a:has-text('{night.ready.ref}')")
    page.wait_for_url(f"**{night.ready.get_absolute_url()}")


@pytest.mark.parametrize(("theme", "background"), [("dark", "rgb(11, 12, 15)"), ("light", "rgb(247, 247, 249)")])
def test_the_theme_is_kept(night, sit, theme, background):
    seat = sit(night.people["mira"], theme="light" if theme == "dark" else "dark")
    page = seat.open("/help")
    while page.get_attribute("html", "data-theme") != theme:
        page.click("button[data-act=theme]")
    page.reload()
    assert page.get_attribute("html", "data-theme") == theme
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == background


def test_the_command_is_copied(night, sit):
    page = sit(night.people["mira"], permissions=["clipboard-read", "clipboard-write"]).open(night.ready.get_absolute_url())
    page.keyboard.press("c")
    expect(page.locator("#announce")).to_have_text("Command copied")
    assert page.evaluate("navigator.clipboard.readText()") == "kubectl rollout undo deployment/checkout -n shop --to-revision=41"


def test_an_incident_is_merged_from_the_keyboard_alone(night, sit):
    page = sit(night.people["mira"]).open(night.told.get_absolute_url())
    page.locator("summary[aria-label='More acts']").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Merge into another").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#merge")).to_be_visible()
    page.locator("#merge [name=into]").focus()
    page.keyboard.type(night.single.ref)
    page.keyboard.press("Tab")
    page.keyboard.type("One certificate")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(f"**{night.single.get_absolute_url()}")
    expect(page.locator("main")).to_contain_text(f"{night.told.ref} was merged into this.")
