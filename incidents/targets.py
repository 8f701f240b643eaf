"""What the labels of an alert really identify.

Specific labels before general ones, `exported_*` before its plain twin, and never the exporter: the order and its reasons
are in `bench/corpus/README.md`, "What to know about labels". A value that cannot be a name identifies nothing, and nothing
more general stands in for it.
"""

from collections.abc import Callable

from pydantic import ValidationError

from aiops.core.targets import Target
from incidents import kubernetes_targets as kubernetes
from incidents import outside_targets as outside
from incidents.kubernetes_targets import Unusable
from incidents.labels import Labels, Reporter, reporter_of

Step = Callable[[Labels, Reporter], Target | None]
STEPS: tuple[Step, ...] = (
    outside.unit,
    kubernetes.claim,
    kubernetes.workload,
    kubernetes.governor,
    kubernetes.certificate,
    kubernetes.custom_resource,
    kubernetes.ingress,
    outside.device,
    outside.queue,
    kubernetes.owner,
    kubernetes.search_member,
    outside.search_cluster,
    kubernetes.volume,
    kubernetes.node,
    outside.measured_machine,
    outside.managed,
    kubernetes.service,
    outside.address,
    kubernetes.whole_namespace,
)


def target_of(labels: Labels) -> Target | None:
    """What these labels identify, or None. Never raises; whatever comes back could exist."""
    return _found(labels, reporter_of(labels))


def namespace_of(labels: Labels) -> str | None:
    """The Kubernetes namespace of what the alert is about; None where it names none, or only its reporter's."""
    reporter = reporter_of(labels)
    if reporter is not Reporter.ITSELF and (target := _found(labels, reporter)) is not None:
        if target.namespace is not None:
            return target.namespace
        if target.kind in ("Node", "PersistentVolume", "Host"):
            return None
    try:
        return kubernetes.namespace(labels)
    except Unusable:
        return None


def pod_of(labels: Labels) -> Target | None:
    """The pod itself, where the labels carry the patient's and not the reporter's."""
    try:
        name = kubernetes.real_pod(labels, reporter_of(labels))
        return Target(kind="Pod", namespace=kubernetes.namespace(labels), name=name) if name else None
    except (Unusable, ValidationError):
        return None


def _found(labels: Labels, reporter: Reporter) -> Target | None:
    try:
        return next((found for step in STEPS if (found := step(labels, reporter)) is not None), None)
    except (Unusable, ValidationError):
        return None
