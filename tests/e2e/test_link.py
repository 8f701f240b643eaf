"""What the page says and does when the line to the server is cut, and when nothing answers at all."""

import re

from playwright.sync_api import Route, WebSocketRoute, expect

from aiops.live import publish
from incidents.models import TimelineEvent
from tests.product import wait_for

EXTENSION = re.compile(r"/hx-ws[^/]*\.js")


class Line:
    """The page's socket, to be cut and mended. What the page hears while it is cut, it has asked for."""

    def __init__(self, page) -> None:
        self.is_cut = False
        self._open: list[WebSocketRoute] = []
        page.route_web_socket(re.compile(r"/ws/live"), self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        if self.is_cut:
            socket.close(code=1013)
            return
        socket.connect_to_server()
        self._open.append(socket)

    def cut(self) -> None:
        self.is_cut = True
        for socket in self._open:
            socket.close(code=1013)
        self._open.clear()

    def mend(self) -> None:
        self.is_cut = False


def test_a_script_that_comes_late_leaves_no_page_without_its_line(night, sit):
    """A new browser on a slow line: one of the scripts is there long before the next one."""
    seat = sit(night.people["mira"])
    late: list[Route] = []
    seat.page.route(EXTENSION, lambda route: late.append(route))
    with seat.page.expect_request(EXTENSION):
        seat.page.goto(seat.url + night.ready.get_absolute_url(), wait_until="commit")
    wait_for(lambda: seat.page.evaluate("'htmx' in window"))  # the page's policy lets no string be waited for
    for _ in range(3):
        seat.page.evaluate("new Promise(resolve => setTimeout(resolve))")
    late[0].continue_()
    seat.is_live()


def test_a_cut_socket_is_said_and_the_page_asks_instead(night, sit):
    seat = sit(night.people["mira"])
    line = Line(seat.page)
    seat.page.clock.install()
    page = seat.open(night.ready.get_absolute_url())
    seat.is_live()
    line.cut()
    page.clock.run_for(4_000)
    expect(page.locator("#link-lost")).to_contain_text("Live updates are interrupted")
    expect(page.locator("#live")).to_have_text("Reconnecting")
    expect(page.locator("#approval .primary")).not_to_have_attribute("aria-disabled", "true")

    TimelineEvent.record(night.ready, "alert.repeated", "seen by asking")
    page.clock.run_for(11_000)
    expect(page.locator("#timeline")).to_contain_text("seen by asking")

    line.mend()
    TimelineEvent.record(night.ready, "alert.repeated", "seen live again")
    page.clock.run_for(10_000)
    seat.is_live()
    expect(page.locator("#link-lost")).to_be_hidden()
    expect(page.locator("#timeline")).to_contain_text("seen live again")


def test_when_nothing_answers_the_page_says_its_age_and_turns_its_acts_off(night, sit, web):
    seat = sit(night.people["mira"])
    line = Line(seat.page)
    seat.page.clock.install()
    page = seat.open(night.ready.get_absolute_url())
    seat.is_live()
    page.route("**/live?*", lambda route: route.abort())
    line.cut()
    page.clock.run_for(40_000)
    expect(page.locator("#link-silent")).to_contain_text("The server does not answer")
    expect(page.locator("#link-silent time")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    act = page.locator("#approval .acts .primary")
    expect(act).to_have_attribute("aria-disabled", "true")
    act.click(force=True)
    page.keyboard.press("a")
    expect(page.locator("dialog[open]")).to_have_count(0)

    page.unroute("**/live?*")
    line.mend()
    page.clock.run_for(15_000)
    seat.is_live()
    expect(page.locator("#link-silent")).to_be_hidden()
    expect(act).not_to_have_attribute("aria-disabled", "true")


def test_a_frozen_server_is_noticed_though_the_socket_stays_open(night, sit, web):
    seat = sit(night.people["mira"])
    seat.page.clock.install()
    page = seat.open(night.ready.get_absolute_url())
    seat.is_live()
    web.freeze()
    try:
        page.clock.run_for(35_000)
        expect(page.locator("#live")).to_have_text("Reconnecting")
    finally:
        web.thaw()
    TimelineEvent.record(night.ready, "alert.repeated", "after the thaw")
    publish(night.ready.topic)
    page.clock.run_for(11_000)
    expect(page.locator("#timeline")).to_contain_text("after the thaw")


def test_whoever_was_logged_out_is_led_to_the_login(night, sit):
    seat = sit(night.people["mira"])
    line = Line(seat.page)
    seat.page.clock.install()
    page = seat.open(night.ready.get_absolute_url())
    seat.is_live()
    night.people["mira"].is_active = False
    night.people["mira"].save()
    line.cut()
    page.clock.run_for(15_000)
    page.wait_for_url("**/login?next=*")
    assert night.ready.ref in page.url
