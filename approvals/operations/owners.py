"""Who else writes an object: an autoscaler its replicas, a GitOps controller all of it."""

from collections.abc import Mapping

from aiops.connectors.kubernetes import Api
from aiops.connectors.kubernetes_objects import KubeObject

# Label or annotation → the controller that puts it there and reverts what differs from its repository.
_GITOPS: Mapping[str, str] = {
    "argocd.argoproj.io/instance": "Argo CD",
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
    "fluxcd.io/sync-checksum": "Flux",
}
_MANAGED_BY = "app.kubernetes.io/managed-by"


def gitops_owner(subject: KubeObject) -> str:
    """`Argo CD shop-apps`, or empty where no GitOps controller owns it."""
    words = subject.annotations | subject.labels
    for key, name in _GITOPS.items():
        if key in words:
            return f"{name} {words[key].split(':')[0]}".strip()
    manager = words.get(_MANAGED_BY, "")
    return manager if manager.lower().startswith(("flux", "argo")) else ""


def autoscaler_of(workload: KubeObject, api: Api) -> str:
    """The name of the HorizontalPodAutoscaler that sets its replicas, or empty."""
    for hpa in api.find("HorizontalPodAutoscaler", workload.namespace):
        if hpa.text("spec", "scaleTargetRef", "kind") == workload.kind and (
            hpa.text("spec", "scaleTargetRef", "name") == workload.name
        ):
            return hpa.name
    return ""
