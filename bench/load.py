"""A load generator that costs little: keep-alive HTTP/1.1 over asyncio streams, bodies made before the clock starts."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Load:
    """Latencies in seconds of every request, and the whole time."""

    latencies: list[float]
    seconds: float
    failed: int

    def rate(self, alerts: int) -> float:
        """Alerts a second."""
        return len(self.latencies) * alerts / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def body(numbers: Sequence[int], *, generation: str = "a") -> bytes:
    """An Alertmanager message with one alert a number, each of a target of its own."""
    started = datetime.now(UTC).isoformat()
    alerts = [
        {
            "status": "firing",
            "labels": {
                "alertname": "KubePodCrashLooping", "namespace": f"ns{n % 50}", "deployment": f"web-{generation}-{n}",
                "container": "app", "severity": "warning", "job": "kube-state-metrics", "prometheus": "monitoring/k8s",
            },
            "annotations": {
                "summary": "A container keeps crashing and is being restarted with back-off.",
                "description": f"Container app of web-{generation}-{n} is in CrashLoopBackOff for over a quarter of an hour.",
                "runbook_url": "https://runbooks.example/kubepodcrashlooping",
            },
            "startsAt": started,
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example/graph?g0.expr=x",
            "fingerprint": f"{generation}{n:015x}"[:32],
        }
        for n in numbers
    ]  # fmt: skip
    return json.dumps(
        {"version": "4", "groupKey": f"{{}}:{{n={numbers[0]}}}", "status": "firing", "receiver": "aiops", "alerts": alerts}
    ).encode()


def request(url: str, content: bytes, token: str) -> bytes:
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    await reader.readexactly(length)
    return int(head[9:12])


async def closed_loop(url: str, requests: Sequence[bytes], *, in_flight: int) -> Load:
    """Send all requests with `in_flight` at a time."""
    queue = iter(requests)
    latencies: list[float] = []
    failed = 0
    parts = urlsplit(url)

    async def sender() -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        for content in queue:
            begun = time.perf_counter()
            writer.write(content)
            await writer.drain()
            failed += await _answer(reader) != 200
            latencies.append(time.perf_counter() - begun)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(in_flight)))
    return Load(latencies, time.perf_counter() - begun, failed)


async def open_loop(url: str, requests: Sequence[bytes], *, per_s: float) -> Load:
    """Send a request every 1/per_s, whether or not earlier ones were answered; latency counts from the due time."""
    parts = urlsplit(url)
    latencies: list[float] = []
    failed = 0
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(content: bytes, due: float) -> None:
        nonlocal failed
        while idle and idle[-1][0].at_eof():  # unused for so long that the server closed it
            idle.pop()[1].close()
        reader, writer = idle.pop() if idle else await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(content)
        await writer.drain()
        failed += await _answer(reader) != 200
        latencies.append(time.perf_counter() - due)
        idle.append((reader, writer))

    begun = time.perf_counter()
    tasks = []
    for n, content in enumerate(requests):
        due = begun + n / per_s
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(send(content, due)))
    await asyncio.gather(*tasks)
    for _, writer in idle:
        writer.close()
    return Load(latencies, time.perf_counter() - begun, failed)
