"""What only one act at a time may change."""

from aiops.core.targets import Target, owner_of_pod


def target_key(cluster: str, target: Target) -> str:
    """The lock on a target: cluster and object. A pod's is its workload's, as far as its name tells."""
    owner = owner_of_pod(target.namespace, target.name) if target.kind == "Pod" else target
    return f"{cluster}/{owner.kind}/{owner.namespace or ''}/{owner.name}"
