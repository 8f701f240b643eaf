"""From a fault in a cluster to a verified repair, as the person on call sees it: one page, never reloaded.

Everything is real: the processes that `up` starts, the sandbox cluster, the browser.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.product import Product, wait_for

SCENARIO = "failed-job"
BRISK = {
    # What a verification waits for, shortened: this is about seeing each of them happen.
    "AIOPS_APPROVALS__VERIFY_EVERY_S": "1",
    "AIOPS_APPROVALS__STABLE_FOR_S": "2",
    "AIOPS_APPROVALS__NEIGHBOUR_WINDOW_S": "2",
    # The worker is held until the page is open, for as long as a busy machine needs: nobody decides in its place.
    "AIOPS_INCIDENTS__UNCLAIMED_AFTER_S": "600",
    "AIOPS_INCIDENTS__SWEEP_READY_AFTER_S": "600",
    "AIOPS_INCIDENTS__READY_WITHIN_S": "900",
}
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Product(environment=BRISK) as running:
        yield running


@pytest.fixture
def page(product: Product, _browser: Browser) -> Iterator[Page]:
    context = _browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def control(product: Product, method: str, path: str, **body: Any) -> Any:
    return httpx.request(method, f"{product.sandbox_url}/sandbox/{path}", json=body, timeout=30, trust_env=False).json()


@contextmanager
def held_worker(product: Product) -> Iterator[None]:
    """The worker takes nothing until the end of the block."""
    processes = wait_for(lambda: product.processes("worker"), why="the worker runs")
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


def incident_about(product: Product, name: str) -> dict[str, Any] | None:
    with product.client() as client:
        items = client.get("/api/v1/incidents").json()["items"]
    return next((item for item in items if item["target"] and item["target"]["name"].startswith(name)), None)


def log_in(page: Page, product: Product) -> None:
    page.goto(f"{product.base_url}/login")
    page.fill("[name=username]", product.bootstrap["username"])
    page.fill("[name=password]", product.bootstrap["password"])
    page.click("button[type=submit]")
    expect(page.locator("#live")).to_have_attribute("data-link", "up", timeout=PATIENCE_MS)


def test_a_decision_becomes_ready_is_approved_and_is_completed_on_one_page(product, page):
    log_in(page, product)
    with held_worker(product):
        fault = control(product, "POST", "inject", scenario=SCENARIO)
        control(product, "PUT", "clock", speed=30)
        incident = wait_for(lambda: incident_about(product, fault["workload"]["name"]), within_s=120, why="it alerts")
        page.goto(f"{product.base_url}/incidents/{incident['ref']}")
        expect(page.locator("#live")).to_have_attribute("data-link", "up", timeout=PATIENCE_MS)
        expect(page.locator("#decision-rail [aria-current=step]")).to_contain_text("Init")
        expect(page.locator("#approval")).to_contain_text("Being analyzed")
        page.evaluate("window.sameDocument = true")

    stands = page.locator("#decision-rail [aria-current=step]")
    expect(stands).to_contain_text("Ready", timeout=PATIENCE_MS)
    sign = page.locator("#approval .acts .primary")
    expect(sign).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#command")).to_contain_text("kubectl create job")
    sign.click()
    dialog = page.locator("dialog[id^=approve-]")
    expect(dialog).to_be_visible()
    dialog.locator("button[type=submit]").click()

    expect(stands).to_contain_text("Completed", timeout=PATIENCE_MS)
    expect(page.locator("#outcome")).to_contain_text("Verified: success")
    expect(page.locator("#timeline")).to_contain_text(f"{product.bootstrap['username']} signed")
    assert page.evaluate("window.sameDocument") is True, "it was never reloaded"

    faults = {one["id"]: one["state"] for one in control(product, "GET", "faults")}
    assert faults[fault["id"]] == "cured"
    with product.client() as client:
        (run,) = client.get("/api/v1/executions", params={"incident": incident["ref"]}).json()["items"]
    effects = [one for one in control(product, "GET", "mutations") if one["effect"] and one["mark"]]
    assert [one["mark"] for one in effects] == [run["id"]], "one act, once, by the cluster's own log"
