import pytest

from tests.approvals.acting import SANDBOX
from tests.approvals.memory_cluster import MemoryCluster, deployment


@pytest.fixture
def cluster(settings) -> MemoryCluster:
    """A cluster with one Deployment `web` in namespace `shop`, configured as `sandbox`."""
    settings.CLUSTERS = (SANDBOX,)
    memory = MemoryCluster()
    deployment(memory)
    return memory
