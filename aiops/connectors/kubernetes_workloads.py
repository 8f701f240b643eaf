"""What the objects of workloads and pods say of themselves: counts, revisions, readiness, who else writes them."""

from collections.abc import Mapping

from aiops.connectors.kubernetes_objects import KubeObject

REVISION = "deployment.kubernetes.io/revision"
TEMPLATE_HASH = "pod-template-hash"
REVISION_HASH = "controller-revision-hash"
DEPENDS_ON = "aiops.dev/depends-on"  # annotation, a comma list of namespace/name

# Label or annotation → the controller that puts it there and reverts what differs from its repository.
_GITOPS: Mapping[str, str] = {
    "argocd.argoproj.io/instance": "Argo CD",
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
    "fluxcd.io/sync-checksum": "Flux",
}
_MANAGED_BY = "app.kubernetes.io/managed-by"


def replicas(workload: KubeObject) -> int:
    """How many pods it wants; Kubernetes means one where the field is missing."""
    if workload.kind == "DaemonSet":
        return workload.number("status", "desiredNumberScheduled")
    return workload.number("spec", "replicas", default=1)


def ready(workload: KubeObject) -> int:
    return workload.number("status", "numberReady" if workload.kind == "DaemonSet" else "readyReplicas")


def is_ready(pod: KubeObject) -> bool:
    condition = pod.condition("Ready")
    return condition is not None and condition.text("status") == "True" and not pod.is_terminating


def is_over(pod: KubeObject) -> bool:
    """Finished, or on its way out."""
    return pod.is_terminating or pod.text("status", "phase") in ("Succeeded", "Failed")


def restarts(pod: KubeObject) -> int:
    return sum(status.number("restartCount") for status in pod.each("status", "containerStatuses"))


def revision_of(owner: KubeObject) -> int:
    given = owner.annotations.get(REVISION, "")
    return int(given) if given.isdecimal() else 0


def images(owner: KubeObject) -> list[str]:
    """Of the pods that it makes."""
    return [container.text("image") for container in owner.each("spec", "template", "spec", "containers")]


def gitops_owner(subject: KubeObject) -> str:
    """`Argo CD shop-apps`, or empty where no GitOps controller owns it."""
    words = subject.annotations | subject.labels
    for key, name in _GITOPS.items():
        if key in words:
            return f"{name} {words[key].split(':')[0]}".strip()
    manager = words.get(_MANAGED_BY, "")
    return manager if manager.lower().startswith(("flux", "argo")) else ""
