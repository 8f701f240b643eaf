from collections.abc import Iterator

import pytest
import stamina

from tests.approvals.acting import SANDBOX
from tests.approvals.memory_cluster import MemoryCluster, deployment
from tests.pages.conftest import visit  # noqa: F401  (people at their browsers)


@pytest.fixture
def cluster(settings) -> MemoryCluster:
    """A cluster with one Deployment `web` in namespace `shop`, configured as `sandbox`."""
    settings.CLUSTERS = (SANDBOX,)
    memory = MemoryCluster()
    deployment(memory)
    return memory


@pytest.fixture(autouse=True)
def _no_waiting_between_reads() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield
