"""What becomes of a READY decision whose target cannot be looked at now."""

from datetime import timedelta

import pytest
from django.utils import timezone

from aiops import events
from aiops.core.clusters import Cluster
from approvals import assessment, sweeping
from approvals.models import Approval
from incidents.models import Decision
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


def test_in_a_storm_the_sweeper_makes_decisions_first_and_workers_look_at_them(decision, settings, monkeypatch):
    begun: list[str] = []
    handed_over: list[int] = []
    monkeypatch.setattr(events, "enqueue_all", lambda task, ids: handed_over.extend(ids))
    monkeypatch.setattr(sweeping.helpers, "begin", lambda name, work: begun.append(name) is None)
    Decision.objects.filter(pk=decision.pk).update(assess_due_at=timezone.now() - timedelta(minutes=1))
    settings.AIOPS = settings.AIOPS.model_copy(
        update={"incidents": settings.AIOPS.incidents.model_copy(update={"storm_waiting": 0})}
    )
    waiting = factories.make_decision(state="INIT")
    assert sweeping.assess() == 1
    assert (handed_over, begun) == ([decision.pk], [])
    assert sweeping.assess() == 0, "not again at once"
    monkeypatch.setattr(events, "broker_answers", lambda: False)
    Decision.objects.filter(pk=decision.pk).update(assess_due_at=timezone.now() - timedelta(minutes=1))
    assert sweeping.assess() == 1, "nobody else could do it"
    assert begun == [f"assess {decision.pk}"]
    Decision.objects.filter(pk=waiting.pk).update(state="READY")
    assert sweeping.assess() == 1
    assert begun == [f"assess {decision.pk}"] * 2
