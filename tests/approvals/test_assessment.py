"""What becomes of a READY decision whose target cannot be looked at now."""

import pytest

from aiops.core.clusters import Cluster
from approvals import assessment
from approvals.models import Approval
from tests import factories

pytestmark = pytest.mark.django_db

GONE = """
apiVersion: v1
kind: Config
current-context: it
contexts: [{name: it, context: {cluster: it, user: it}}]
clusters: [{name: it, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: it, user: {token: none}}]
"""


@pytest.fixture
def decision(settings, tmp_path):
    path = tmp_path / "gone.kubeconfig"
    path.write_text(GONE)
    settings.CLUSTERS = (Cluster(name="sandbox", kubeconfig=path, shadow=False),)
    return factories.make_decision()


def test_a_cluster_that_does_not_answer_is_asked_again_later(decision):
    assessment.assess(decision.pk)
    decision.refresh_from_db()
    assert decision.assessed_at is None, "it still waits for policy"
    assert decision.assess_due_at is not None
    assert "cluster sandbox does not answer" in decision.assessment["sentence"]
    assert not Approval.objects.exists()


def test_what_cannot_be_done_as_things_are_is_told_once(decision, settings):
    settings.CLUSTERS = (Cluster(name="sandbox", kubeconfig=settings.CLUSTERS[0].kubeconfig, read_only=True),)
    assessment.assess(decision.pk)
    decision.refresh_from_db()
    assert decision.assessed_at is not None
    assert decision.assessment["not_here"] == "read_only"
