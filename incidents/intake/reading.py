"""What an alert is about: from a signal to everything that correlation, engines and pages ask of it. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiops.core.categories import Category
from aiops.core.clusters import Cluster, cluster_of, environment_of
from aiops.core.scales import Severity, severity_of
from aiops.core.targets import Target
from incidents.classification import classify, is_deadman
from incidents.intake.signals import Signal
from incidents.targets import namespace_of, target_of

TITLE_MAX = 160
NAME_LABELS = ("alertname", "rulename", "alert_name", "title")


@dataclass(frozen=True, slots=True)
class Reading:
    """One signal, understood."""

    signal: Signal
    name: str
    severity: Severity
    category: Category
    cluster: str
    environment: str
    namespace: str
    target: Target | None
    services: tuple[str, ...]
    anomaly_key: str
    is_deadman: bool
    is_test: bool

    @property
    def title(self) -> str:
        """The sender's own summary where it has one of sensible length, else the alert's name and its target."""
        summary = self.signal.annotations.get("summary") or self.signal.annotations.get("title") or ""
        summary = " ".join(summary.split())
        if 0 < len(summary) <= TITLE_MAX:
            return summary
        about = f"{self.target.kind} {self.target.name}" if self.target else ", ".join(self.services)
        return f"{self.name or 'Alert without a name'}{': ' + about if about else ''}"[:TITLE_MAX]


def read(signal: Signal, clusters: Sequence[Cluster]) -> Reading:
    labels = signal.labels
    cluster = cluster_of(labels, clusters)
    target = target_of(labels)
    namespace = (target.namespace if target else None) or namespace_of(labels)
    environment = environment_of(labels, cluster, namespace)
    name = alert_name(labels)
    category = classify(labels, signal.annotations, target)
    return Reading(
        signal=signal,
        name=name,
        severity=severity_of(labels.get("severity", ""), production=environment == "production"),
        category=category,
        cluster=cluster.name if cluster else "",
        environment=environment,
        namespace=namespace or "",
        target=target,
        services=services_of(labels, target),
        anomaly_key=anomaly_key(category, name, target),
        is_deadman=is_deadman(labels, signal.annotations),
        is_test=signal.is_test or labels.get("testalert") == "true",
    )


def alert_name(labels: Mapping[str, str]) -> str:
    return next((labels[name] for name in NAME_LABELS if labels.get(name)), "")[:200]


def services_of(labels: Mapping[str, str], target: Target | None) -> tuple[str, ...]:
    """The services that are affected: of the target's own name, never of the exporter that reports it."""
    found = []
    if target is not None and target.kind not in {"Node", "Host", "Namespace", "Endpoint", "External"}:
        found.append(target.resource)
    found += [labels[label][:253] for label in ("sloth_service", "app_kubernetes_io_name", "app") if labels.get(label)]
    return tuple(dict.fromkeys(found))[:5]


def anomaly_key(category: Category, name: str, target: Target | None) -> str:
    """16 hex digits over category, alert name and target without pod hash: the same trouble has the same key."""
    place = f"{target.kind}/{target.namespace or ''}/{target.resource}" if target else ""
    if target is not None and target.kind == "Pod" and target.resource != target.name:
        place = f"Workload/{target.namespace or ''}/{target.resource}"
    return hashlib.blake2b(f"{category}\0{name}\0{place}".encode(), digest_size=8).hexdigest()
