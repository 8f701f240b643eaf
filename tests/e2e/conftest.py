"""A real browser, and the real web process on the test database."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from aiops.access.authentication import LOGIN_AT
from aiops.access.models import User
from tests.pages import scene

HOME = Path(__file__).resolve().parent.parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
START_WITHIN_S = 60
PATIENCE_MS = 60_000  # with what comes within milliseconds, on a machine that has better things to do

expect.set_options(timeout=PATIENCE_MS)

# Playwright's own event loop runs in this thread; Django is asked between its steps only.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e" in str(item.path):
            item.add_marker(pytest.mark.browser)
            # One file's tests run one after the other in one process: one browser is started for them.
            item.add_marker(pytest.mark.xdist_group(item.path.name))
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="BROWSER TESTS SKIPPED: install Debian's package chromium"))


class Web:
    """`uvicorn` as `up` runs it, on a free port that stays the same when it is started again."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = Path(tempfile.mkstemp(prefix="aiops-web-", suffix=".log")[1])
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.e2e.server_settings",
            "AIOPS_TEST_DATABASE": str(connection.settings_dict["NAME"]),
            "AIOPS_PROCESS": "web",
        }
        command = [sys.executable, "-m", "uvicorn", "aiops.asgi:application", "--port", str(self.port), "--log-level", "warning"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=HOME, env=environment, stdout=log, stderr=log)
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        with httpx.Client(transport=httpx.HTTPTransport(retries=START_WITHIN_S * 2), timeout=START_WITHIN_S) as client:
            assert client.get(f"{self.url}/login").status_code == 200, self.log.read_text()

    def freeze(self) -> None:
        """As a machine that hangs: connections are taken, nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(30)
            self._process = None


@pytest.fixture(scope="session")
def _web(django_db_setup: None) -> Iterator[Web]:
    web = Web()
    web.start()
    yield web
    web.stop()
    web.log.unlink()


@pytest.fixture
def web(_web: Web, transactional_db: None) -> Web:
    """The web process, with whatever the test has put into the database."""
    return _web


@pytest.fixture(scope="module")
def _browser() -> Iterator[Browser]:
    """Not for the whole session: while Playwright is open its event loop runs in this thread, and no other test could start one."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Seat:
    """One person at one browser, with everything that the browser complained about."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, address: str) -> Page:
        self.page.goto(self.url + address)
        return self.page

    def is_live(self) -> None:
        """Waits until the page is connected."""
        self.page.wait_for_selector('#live[data-link="up"]')


Sit = Callable[..., Seat]


@pytest.fixture
def sit(web: Web, _browser: Browser) -> Iterator[Sit]:
    """`sit(user, viewport=PHONE, theme="dark", scripts=False)`: a browser in which that person has just logged in."""
    contexts: list[BrowserContext] = []

    def down(user: User, *, viewport: dict[str, int] = DESK, theme: str = "light", scripts: bool = True, **more: Any) -> Seat:
        phone = viewport["width"] < 600
        context = _browser.new_context(
            viewport=viewport,
            color_scheme=theme,
            java_script_enabled=scripts,
            has_touch=phone,
            is_mobile=phone,
            # A colour on its way from one theme to the other is no colour of either.
            reduced_motion="reduce",
            **more,
        )
        contexts.append(context)
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": _session(user), "url": web.url}])
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        seat = Seat(page, web.url)
        page.on("console", lambda said: seat.complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: seat.complaints.append(str(error)))
        return seat

    yield down
    for context in contexts:
        context.close()


def _session(user: User) -> str:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session[LOGIN_AT] = timezone.now().isoformat()
    session.save()
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


@pytest.fixture
def night(web: Web) -> scene.Scene:
    return scene.build()
