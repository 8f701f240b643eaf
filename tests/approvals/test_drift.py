"""What waits for signatures is withdrawn once its target is not as it was proposed."""

import pytest

from aiops.connectors.errors import Transient
from aiops.core.actions import RestartWorkload, ScaleUp
from aiops.core.errors import Conflict
from approvals import aftermath, drift, signatures, sweeping
from approvals.models import Approval, Execution
from incidents.models import Decision
from tests.approvals.acting import agree
from tests.approvals.memory_cluster import MemoryCluster
from tests.factories import WEB, make_principal

pytestmark = pytest.mark.django_db


def waiting(cluster: MemoryCluster, action=None) -> Approval:
    approval = agree(cluster, action or RestartWorkload(target=WEB), required_signatures=2)
    Approval.objects.filter(pk=approval.pk).update(status="pending")
    approval.refresh_from_db()
    return approval


def look(cluster: MemoryCluster) -> int:
    return drift.look(connect=lambda _: cluster.client)


def test_an_untouched_target_keeps_its_signatures(cluster):
    approval = waiting(cluster)
    assert look(cluster) == 0
    approval.refresh_from_db()
    assert approval.is_pending


def test_a_change_voids_the_signature_and_begins_a_new_analysis(cluster):
    approval = waiting(cluster)
    cluster.change("Deployment", "web", lambda web: web["spec"]["template"]["spec"]["containers"][0].update(image="web:2"))
    assert look(cluster) == 1
    sweeping.follow_decisions()
    approval.refresh_from_db()
    approval.decision.refresh_from_db()
    assert (approval.status, approval.decision.state, approval.decision.reason) == ("withdrawn", "WITHDRAWN", "drifted")
    with pytest.raises(Conflict) as refused:
        signatures.sign(approval, make_principal("lead"), digest=approval.digest)
    assert refused.value.code == "not_pending"
    aftermath.begin_after_drift(approval.decision_id)
    assert Decision.objects.filter(incident=approval.incident, state__in=Decision.LIVE).count() == 1
    assert not Execution.objects.exists()


def test_replicas_void_a_scaling_and_nothing_else(cluster):
    restart, scaling = waiting(cluster), waiting(cluster, ScaleUp(target=WEB, replicas=9))
    cluster.change("Deployment", "web", lambda web: web["spec"].update(replicas=4))
    assert look(cluster) == 1
    scaling.decision.refresh_from_db()
    restart.decision.refresh_from_db()
    assert (scaling.decision.state, restart.decision.state) == ("WITHDRAWN", "READY")


def test_a_silent_cluster_is_no_drift(cluster):
    approval, _ = waiting(cluster), waiting(cluster)
    asked = []

    def silent(_):
        asked.append(1)
        raise Transient("read it", "it does not answer")

    assert drift.look(connect=silent) == 0
    assert len(asked) == 1  # no time is spent on it twice in a round
    approval.refresh_from_db()
    assert approval.is_pending
