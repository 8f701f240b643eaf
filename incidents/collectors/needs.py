"""What the workload depends on: whether that is well, and whether its database has room for more clients."""

import asyncio
from collections.abc import Iterable

from pydantic import JsonValue

from aiops.connectors.errors import Permanent, Transient
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.connectors.kubernetes_workloads import DEPENDS_ON, ready, replicas
from aiops.connectors.prometheus import Series
from incidents.collectors.finding import Finding
from incidents.collectors.queries import Asked, error_ratios
from incidents.collectors.scene import Scene

MOST = 8
FAILING = 0.2  # of its requests
# Clients of a database now, and how many it takes, as the usual exporters tell.
CONNECTIONS = (
    (
        "sum without (datname, state, usename, application_name, backend_type, wait_event, wait_event_type)"
        " (pg_stat_activity_count)",
        "pg_settings_max_connections",
    ),
    ("mysql_global_status_threads_connected", "mysql_global_variables_max_connections"),
)


async def needs(scene: Scene) -> list[Finding]:
    """By its own annotation, and by what people declared."""
    workload = await scene.workload() if scene.cluster is not None else None
    noted = workload.annotations.get(DEPENDS_ON, "").split(",") if workload else []
    home = workload.namespace if workload else scene.patient.namespace or ""
    places = [_place(name.strip(), home) for name in [*noted, *scene.patient.needs] if name.strip()]
    asked = list(dict.fromkeys(places))[:MOST]
    if not asked:
        return []
    called = [f"{namespace}/{name}" for namespace, name in asked]
    found = await asyncio.gather(*(_found(scene, namespace, name) for namespace, name in asked))
    errors = dict(zip([one.uid for one in found if one], await _errors(scene, found), strict=True))
    looked = [_judged(name, one, errors.get(one.uid) if one else None) for name, one in zip(called, found, strict=True)]
    shares = await _connections(scene, asked)
    failing = [name for name, (is_well, _) in zip(called, looked, strict=True) if not is_well]
    facts: dict[str, JsonValue] = {"failing": [*failing]}
    if shares:
        facts["connections_ratio"] = round(max(shares.values()), 3)
    lines = [words for _, words in looked]
    lines += [f"{name} has {share:.0%} of its connections in use" for name, share in shares.items()]
    title = f"{', '.join(failing)} fails, on which it depends" if failing else f"All {len(asked)} that it depends on are well"
    return [Finding("dependencies", title, lines, facts)]


def _place(name: str, home: str) -> tuple[str, str]:
    namespace, _, plain = name.rpartition("/")
    return namespace or home, plain


async def _found(scene: Scene, namespace: str, name: str) -> KubeObject | None:
    """Whichever kind has that name. What cannot be read explains nothing, so it counts as not found."""
    for kind in ("Deployment", "StatefulSet"):
        try:
            if (found := await scene.get(Ref(kind, namespace, name))) is not None:
                return KubeObject({"kind": kind, **found.raw})
        except (Permanent, Transient):
            return None
    return None


async def _errors(scene: Scene, found: Iterable[KubeObject | None]) -> list[float | None]:
    there = [one for one in found if one is not None]
    return await error_ratios(scene, there) if scene.metrics is not None else [None] * len(there)


def _judged(called: str, found: KubeObject | None, share: float | None) -> tuple[bool, str]:
    """Whether it is well, and that in words."""
    if found is None:
        return True, f"{called}: not found in the cluster"
    is_well = not (replicas(found) > 0 and ready(found) == 0) and (share is None or share < FAILING)
    errors = f", {share:.0%} of its requests fail" if share is not None else ""
    return is_well, f"{called}: {ready(found)} of {replicas(found)} pods ready{errors}"


async def _connections(scene: Scene, asked: Iterable[tuple[str, str]]) -> dict[str, float]:
    """Share of its connections in use, of each database that is known to Prometheus."""
    if scene.metrics is None:
        return {}
    questions = Asked(scene)
    answers = [questions.now(f"{used} / {most}") for used, most in CONNECTIONS]
    await questions.all()
    shares: dict[str, float] = {}
    for series in (one for found in answers for one in found.result()):
        for namespace, name in asked:
            if series.points and _is_of(series, namespace, name):
                called = f"{namespace}/{name}"
                shares[called] = max(series.points[-1][1], shares.get(called, 0.0))
    return shares


def _is_of(series: Series, namespace: str, name: str) -> bool:
    """Whether an exporter measures that database: it names it as a server, a workload or a pod."""
    labels = series.labels
    if labels.get("namespace", namespace) != namespace:
        return False
    hosts = [labels.get(key, "").rpartition("//")[2].partition(":")[0] for key in ("server", "instance", "target", "host")]
    named = [labels.get(key, "") for key in ("statefulset", "deployment", "service", "cluster_name")]
    pods = [labels.get("pod", "").rpartition("-")[0]]
    return any(one == name or one.startswith(f"{name}.") for one in [*hosts, *named, *pods] if one)
