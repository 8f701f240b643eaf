"""Is each cluster reachable, and has our account the rights that it needs, and no more? For `manage.py clusters check` and
the system page.

A cluster is connected read-only first: then no right to change anything is missed there.
"""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models.functions import Now
from pydantic import BaseModel, ConfigDict

from aiops.connectors import kubernetes_rights
from aiops.connectors.errors import Permanent, Transient
from aiops.connectors.kubernetes import Kubernetes, client_for
from aiops.connectors.kubernetes_rights import Standing
from aiops.core.clusters import Cluster
from aiops.core.targets import SYSTEM_NAMESPACES
from approvals.means import ClusterCheck

log = structlog.get_logger(__name__)
EVERY = timedelta(hours=1)
NAMESPACES_MOST = 200


class Report(BaseModel):
    """One cluster. `acting` says by action class where it may be done, `*` for everywhere; `cannot` why not, in words.

    `lacks` are rights to look; `too_many` forbid it to act alone; `unneeded` are used by nothing here.
    """

    model_config = ConfigDict(frozen=True)

    cluster: str
    environment: str
    shadow: bool
    read_only: bool
    reachable: bool
    detail: str
    version: str = ""
    ms: int = 0
    namespaces: int = 0
    lacks: tuple[str, ...] = ()
    acting: dict[str, tuple[str, ...]] = {}
    too_many: tuple[str, ...] = ()
    unneeded: tuple[str, ...] = ()
    checked_at: datetime | None = None

    @property
    def is_well(self) -> bool:
        return self.reachable and not self.lacks and not self.too_many

    @property
    def can(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Classes of action that may be done somewhere, with where."""
        return tuple((name, places) for name, places in self.acting.items() if places)

    @property
    def cannot(self) -> tuple[str, ...]:
        """Classes of action that may be done nowhere."""
        return tuple(name for name, places in self.acting.items() if not places)

    @property
    def modes(self) -> str:
        """How it is configured."""
        said = ((self.environment or "environment by labels", True), ("shadow mode", self.shadow), ("read only", self.read_only))
        return ", ".join(words for words, so in said if so)

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        if self.checked_at is None and not self.reachable and not self.detail:
            return "not asked yet"
        if not self.reachable:
            return f"does not answer: {self.detail}"
        parts = [f"{self.version}, {self.namespaces} namespaces"]
        if self.read_only:
            parts.append("nothing is changed")
        elif self.cannot:
            parts.append(f"may not: {', '.join(self.cannot)}")
        if self.lacks:
            parts.append(f"cannot look: {', '.join(self.lacks)}")
        if self.too_many:
            parts.append(f"nothing runs alone, because the account may {', '.join(self.too_many)}")
        return "; ".join(parts)


def check_all() -> list[Report]:
    """Every configured cluster, asked now; kept for the page."""
    return [check(cluster) for cluster in settings.CLUSTERS]


def check(cluster: Cluster) -> Report:
    """One cluster, asked now. What does not answer is a report, too."""
    report = _look(cluster)
    ClusterCheck.objects.update_or_create(
        cluster=cluster.name, defaults={"at": Now(), "report": report.model_dump(mode="json", exclude={"checked_at"})}
    )
    log.info("cluster.checked", cluster=cluster.name, reachable=report.reachable, too_many=report.too_many)
    return report


def _look(cluster: Cluster) -> Report:
    conf, began = settings.AIOPS.approvals, time.monotonic()
    known = Report(
        cluster=cluster.name,
        environment=cluster.environment,
        shadow=cluster.shadow,
        read_only=cluster.read_only,
        reachable=False,
        detail="",
    )
    try:
        api = client_for(cluster, read_timeout_s=conf.read_timeout_s, request_timeout_s=conf.request_timeout_s)
        version = api.version()
        ms = int((time.monotonic() - began) * 1000)
        names = _namespaces(api)
        found = kubernetes_rights.standing(api, names)
    except (Permanent, Transient) as error:
        return known.model_copy(update={"detail": error.detail})
    return known.model_copy(
        update={"reachable": True, "version": version, "ms": ms, "namespaces": len(names), **_rights(cluster, found)}
    )


def _namespaces(api: Kubernetes) -> Sequence[str]:
    """Those that may be acted on; `default` where the account may not list them."""
    try:
        names = [found.name for found in api.find("Namespace")]
    except Permanent:
        return ["default"]
    return [name for name in names if name not in SYSTEM_NAMESPACES][:NAMESPACES_MOST]


def _rights(cluster: Cluster, found: Standing) -> dict[str, object]:
    acting = {action_class.value: places for action_class, places in found.acting.items()}
    unneeded = found.unneeded
    if cluster.read_only:
        unused = sorted(name for name, places in acting.items() if places)
        unneeded = (*unneeded, *(f"everything for {name}, while it is connected read-only" for name in unused))
    return {"lacks": found.lacks, "acting": acting, "too_many": found.dangerous, "unneeded": unneeded}


def latest() -> list[Report]:
    """What was last found out about each configured cluster; one that was never asked is not reachable as far as we know."""
    rows = {row.cluster: row for row in ClusterCheck.objects.all()}
    return [_kept(cluster, rows.get(cluster.name)) for cluster in settings.CLUSTERS]


def _kept(cluster: Cluster, row: ClusterCheck | None) -> Report:
    if row is not None:
        return Report.model_validate({**row.report, "checked_at": row.at})
    return Report(
        cluster=cluster.name,
        environment=cluster.environment,
        shadow=cluster.shadow,
        read_only=cluster.read_only,
        reachable=False,
        detail="",
    )


def is_due() -> bool:
    """Whether a configured cluster was not asked within the hour."""
    fresh = ClusterCheck.objects.filter(at__gt=Now() - EVERY).values_list("cluster", flat=True)
    return bool({cluster.name for cluster in settings.CLUSTERS} - set(fresh))
