"""Every page in a real browser: nothing refused, nothing cut off, reachable for everybody."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from learning.models import TrustRecord
from tests.e2e.conftest import DESK, PHONE
from tests.pages.conftest import pages_of

AXE = next((Path(__file__).parent.parent / "vendor").glob("axe-*.min.js")).read_text()
SMALL = {"width": 320, "height": 700}


def faults(page: Page) -> list[str]:
    """What axe finds wrong, with the elements."""
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{v['id']}: {[node['html'][:120] for node in v['nodes']][:3]}" for v in found["violations"]]


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_wrong_in_either_theme(night, sit, viewport):
    # Axe is run by the test, not by the page, so the page's policy has to let it: everything else stays as it is.
    seat = sit(night.people["mira"], viewport=viewport, bypass_csp=True)
    found = {}
    for address in [*pages_of(night), "/login?again=1"]:
        page = seat.open(address)
        page.evaluate(AXE)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            if wrong := faults(page):
                found[theme, address] = wrong
    assert found == {}


def test_axe_finds_nothing_wrong_in_open_dialogs(night, sit):
    seat = sit(night.people["mira"], bypass_csp=True)
    found = {}
    page = seat.open(night.ready.get_absolute_url())
    page.evaluate(AXE)
    for kind in ("approve", "reject", "override", "resolve", "find", "keys"):
        page.evaluate("id => document.querySelector(`dialog[id^=${id}]`).showModal()", kind)
        if wrong := faults(page):
            found[kind] = wrong
        page.evaluate("document.querySelector('dialog[open]').close()")
    page = seat.open(f"/trust?row={TrustRecord.objects.get().pk}")
    page.evaluate(AXE)
    for kind in ("grant", "switch"):
        page.evaluate("id => document.getElementById(id).showModal()", kind)
        if wrong := faults(page):
            found[kind] = wrong
        page.evaluate("document.querySelector('dialog[open]').close()")
    assert found == {}


def test_the_browser_refuses_nothing_and_complains_of_nothing(night, sit):
    seat = sit(night.people["mira"])
    foreign = []
    seat.page.on(
        "request", lambda request: foreign.append(request.url) if not request.url.startswith((seat.url, "data:")) else None
    )
    for address in pages_of(night):
        seat.open(address)
        seat.is_live()
    assert seat.complaints == []
    assert foreign == []


@pytest.mark.parametrize("viewport", [PHONE, SMALL, DESK], ids=["phone", "small phone", "desk"])
def test_no_page_scrolls_sideways(night, sit, viewport):
    seat = sit(night.people["mira"], viewport=viewport)
    wide = {}
    for address in pages_of(night):
        page = seat.open(address)
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if beyond > 0:
            wide[address] = beyond
    assert wide == {}


def test_everything_that_is_tapped_is_large_enough_on_a_phone(night, sit):
    """44 px, but for links inside a sentence."""
    seat = sit(night.people["mira"], viewport=PHONE)
    small = {}
    for address in pages_of(night):
        page = seat.open(address)
        found = page.evaluate(
            """() => [...document.querySelectorAll('a.btn, button, summary, select, input:not([type=hidden]):not([type=radio]):not([type=checkbox]), .tabbar a')]
            .filter(e => e.checkVisibility() && e.getBoundingClientRect().height > 0 && e.getBoundingClientRect().height < 43.5)
            .map(e => e.outerHTML.slice(0, 90) + ' ' + e.getBoundingClientRect().height)"""
        )
        if found:
            small[address] = found[:3]
    assert small == {}
