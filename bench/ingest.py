"""P1 to P4: webhooks, new and known alerts, beside the ceiling of the same run."""

import asyncio
import statistics
from collections.abc import Iterator

from bench.line import Line
from bench.load import Load, body, closed_loop, open_loop, request
from bench.stage import Stage

ROUNDS, IN_FLIGHT = 3, 8
REQUESTS = {1: 1200, 10: 500, 50: 160}
KNOWN_REACH = {1: 0.14, 10: 0.20, 50: 0.27}
NEW_REACH = {1: 0.11, 10: 0.18, 50: 0.30}


def bodies(size: int, count: int, generation: str) -> list[bytes]:
    return [body(range(n * size, (n + 1) * size), generation=generation) for n in range(count)]


def _send(url: str, contents: list[bytes], token: str) -> Load:
    load = asyncio.run(closed_loop(url, [request(url, content, token) for content in contents], in_flight=IN_FLIGHT))
    assert not load.failed, f"{load.failed} requests failed"
    return load


def measure(here: Stage, product: str, token: str) -> Iterator[Line]:
    ceiling = here.ceiling() + "/"
    slow: list[Load] = []
    for size, count in REQUESTS.items():
        shares: dict[str, list[float]] = {"known": [], "new": []}
        rates: dict[str, list[float]] = {"known": [], "new": []}
        for round_ in range(ROUNDS):
            fresh = bodies(size, count, f"{size}r{round_}")
            top = {"new": _send(ceiling, fresh, "x").rate(size), "known": _send(ceiling, fresh, "x").rate(size)}
            for case in ("new", "known"):
                load = _send(product, fresh, token)
                rates[case].append(load.rate(size))
                shares[case].append(load.rate(size) / top[case])
                if case == "new" and size == 50:
                    slow.append(load)
        for number, case, reach in (("P1", "known", KNOWN_REACH[size]), ("P2", "new", NEW_REACH[size])):
            share, rate = statistics.median(shares[case]), statistics.median(rates[case])
            measured = f"{share:.2f} ({rate:,.0f}/s)"
            yield Line(number, f"{case} alerts ÷ ceiling, ×{size}", measured, f"≥ {reach:.2f}", share >= reach)
    contents = [request(product, content, token) for content in bodies(10, 400, "open")]
    load = asyncio.run(open_loop(product, contents, per_s=20.0))
    p99 = load.percentile(0.99) * 1000
    yield Line("P3", "webhook p99, 20 requests/s of 10 new", f"{p99:.1f} ms", "< 10 ms", p99 < 10)
    p99, worst = (statistics.median(load.percentile(q) for load in slow) * 1000 for q in (0.99, 1.0))
    met = p99 <= 60 and worst <= 200
    yield Line("P4", "webhook p99 · worst, 8 in flight ×50 new", f"{p99:.0f} · {worst:.0f} ms", "≤ 60 · 200 ms", met)
