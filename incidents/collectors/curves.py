"""The last hour as lines: the alert's own metric first, then load and the resource that it is about."""

import asyncio
import statistics
from dataclasses import dataclass
from datetime import timedelta

from pydantic import JsonValue

from aiops.connectors.prometheus import Points
from aiops.core.categories import Category
from incidents.collectors.finding import Finding
from incidents.collectors.metrics import read
from incidents.collectors.queries import counters_of, cpu, memory, rate, selector_of
from incidents.collectors.scene import Scene

SPAN, STEP_S = timedelta(hours=1), 120.0
# What was normal is read from before this long before the alert: the trouble had begun by then.
QUIET_S = 600.0
OF_MEMORY = frozenset({Category.SATURATION_MEMORY, Category.WORKLOAD_CRASH})


@dataclass(frozen=True, slots=True)
class Curve:
    """One line in the unit that people read. It is bad above its `limit`, where it has one."""

    name: str
    unit: str
    points: Points
    limit: float | None = None

    def words(self, began_s: float) -> str:
        normal = [value for at, value in self.points if at < began_s - QUIET_S]
        against = f", normally {self._shown(statistics.median(normal))}" if normal else ""
        limit = f", limit {self._shown(self.limit)}" if self.limit is not None else ""
        return f"{self.name} {self._shown(self.points[-1][1])}{against}{limit}"

    def _shown(self, value: float) -> str:
        return f"{value:.3g} {self.unit}".strip()

    def plain(self) -> dict[str, JsonValue]:
        points: list[JsonValue] = [[round(at), float(f"{value:.4g}")] for at, value in self.points]
        return {"name": self.name, "unit": self.unit, "limit": self.limit, "points": points}


async def curves(scene: Scene) -> list[Finding]:
    """After the numbers that rules read: those must not wait for what only people look at."""
    if scene.cluster is not None:
        await scene.once("metrics", lambda: read(scene))
    found = [curve for curve in await asyncio.gather(_own(scene), _load(scene), _resource(scene)) if curve and curve.points]
    if not found:
        return []
    began_s = (scene.patient.began_at or scene.now).timestamp()
    words = [curve.words(began_s) for curve in found]
    facts: dict[str, JsonValue] = {"series": [curve.plain() for curve in found], "began_s": round(began_s)}
    return [Finding("curves", words[0], words, facts)]


async def _own(scene: Scene) -> Curve | None:
    """What the alert itself compares with its threshold."""
    measure = scene.patient.measure
    if measure is None:
        return None
    found = await scene.queries.over(measure.expression, scene.now - SPAN, scene.now, step_s=STEP_S)
    return Curve(
        scene.patient.alert_name, "", tuple(sorted(measure.of(found).items())), measure.limit if measure.is_upper else None
    )


async def _load(scene: Scene) -> Curve | None:
    pods = await selector_of(scene)
    if not pods:
        return None
    known = await counters_of(scene)
    if known.requests:
        return await _curve(scene, "Requests", "/s", rate(known.requests, pods))
    return await _curve(scene, "Work from the queue", "/s", rate(known.work, pods)) if known.work else None


async def _resource(scene: Scene) -> Curve | None:
    pods = await selector_of(scene)
    if not pods:
        return None
    if scene.patient.category in OF_MEMORY:
        return await _curve(scene, "Memory of the fullest container", "MiB", f"max ({memory(pods)})", times=2**-20)
    return await _curve(scene, "CPU", "cores", f"sum ({cpu(pods)})")


async def _curve(scene: Scene, name: str, unit: str, expression: str, *, times: float = 1.0) -> Curve:
    found = await scene.queries.over(expression, scene.now - SPAN, scene.now, step_s=STEP_S)
    return Curve(name, unit, [(at, value * times) for at, value in found[0].points] if found else [])
