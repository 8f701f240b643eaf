"""Who else writes an object: an autoscaler its replicas, a GitOps controller all of it."""

from aiops.connectors.kubernetes import Api
from aiops.connectors.kubernetes_objects import KubeObject
from aiops.connectors.kubernetes_workloads import gitops_owner as gitops_owner


def autoscaler_of(workload: KubeObject, api: Api) -> str:
    """The name of the HorizontalPodAutoscaler that sets its replicas, or empty."""
    for hpa in api.find("HorizontalPodAutoscaler", workload.namespace):
        if hpa.text("spec", "scaleTargetRef", "kind") == workload.kind and (
            hpa.text("spec", "scaleTargetRef", "name") == workload.name
        ):
            return hpa.name
    return ""
