"""Incidents through the running product: its own processes, its sandbox, and a person who signs by the API.

What is late is told by the product's rows, what is doubled by the cluster's own log of mutations.
"""

import time
from collections import Counter
from random import Random
from typing import Any

import httpx

from aiops.sandbox.faults.scenarios import scenarios
from tests.product import Product

AT_ONCE = 3  # so many are broken at the same time
SPEED = 30  # of simulated time
PLAYED_FOR_S = 60.0
READY_WITHIN_S = 30


def run(n: int, seed: int) -> tuple[int, int]:
    """`n` incidents; how many decisions were late, and how many effects doubled."""
    chance = Random(seed)
    names = [chance.choice(sorted(scenarios())) for _ in range(n)]
    with Product() as product, product.client() as api, httpx.Client(base_url=product.sandbox_url, timeout=30) as sandbox:
        sandbox.put("/sandbox/clock", json={"speed": SPEED}).raise_for_status()
        doubled = 0
        for begin in range(0, n, AT_ONCE):
            after = _last(sandbox)
            for name in names[begin : begin + AT_ONCE]:
                # The same workload may be broken already; one fault is then drawn twice and played once.
                sandbox.post("/sandbox/inject", json={"scenario": name})
            _play(api)
            doubled += _doubled(sandbox, after)
            sandbox.post("/sandbox/reset", timeout=120).raise_for_status()
        late = product.ask_database(
            "select count(*) from incidents_decision"
            f" where coalesce(ready_at, now()) - received_at > interval '{READY_WITHIN_S} s'"
            " and (ready_at is not null or state in ('INIT', 'ANALYZING'))"
        )
    return int(late[0][0]), doubled


def _play(api: httpx.Client) -> None:
    """Sign whatever asks for it, until the time is over."""
    ends = time.monotonic() + PLAYED_FOR_S
    while time.monotonic() < ends:
        pending = api.get("/api/v1/approvals", params={"status": "pending"}).raise_for_status().json()
        for approval in pending["items"]:
            # A refusal is an answer too: of two people who are needed only one is here, or it was withdrawn meanwhile.
            api.post(f"/api/v1/approvals/{approval['id']}/approve", json={"digest": approval["digest"]})
        time.sleep(1)


def _last(sandbox: httpx.Client) -> int:
    found: list[dict[str, Any]] = sandbox.get("/sandbox/mutations").raise_for_status().json()
    return max((one["n"] for one in found), default=0)


def _doubled(sandbox: httpx.Client, after: int) -> int:
    found = sandbox.get("/sandbox/mutations", params={"after": after}).raise_for_status().json()
    made = Counter(
        (one["mark"], one["verb"], one["object"]["kind"], one["object"]["uid"]) for one in found if one["effect"] and one["mark"]
    )
    return sum(times - 1 for times in made.values())
