"""Watch first: what may run alone waits to see whether its alert clears by itself, and acts then, or asks."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from aiops.core.actions import RestartWorkload
from aiops.core.clusters import Cluster
from aiops.core.targets import Target
from approvals import assessment, autonomy, execution, signatures, watching
from approvals.models import Approval, Execution
from incidents.models import Alert, Hold
from learning import healing
from tests.factories import make_alert, make_decision, make_incident, make_principal
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db
WORKER = Target(kind="Deployment", namespace="shop", name="order-worker")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("sandbox"), speed=60) as sandbox:
        yield sandbox


@pytest.fixture
def watched(running, settings, monkeypatch) -> Approval:
    """An act that may run alone, of an alert that mostly clears by itself."""
    settings.CLUSTERS = (Cluster(name="sandbox", kubeconfig=running.kubeconfig, shadow=False),)
    monkeypatch.setattr(healing, "watches", lambda *_: True)
    incident = make_incident(target=WORKER, severity="P2")
    incident.root_alert = make_alert(incident)
    incident.save()
    assessment.assess(make_decision(incident, action=RestartWorkload(target=WORKER)).pk)
    approval = Approval.objects.get()
    assert (approval.status, approval.required_signatures) == ("pending", 1)
    assert approval.auto_at is not None
    return approval


def when_its_time_has_come(approval: Approval) -> Approval:
    Approval.objects.filter(pk=approval.pk).update(auto_at=timezone.now() - timedelta(seconds=1))
    watching.start_due()
    approval.refresh_from_db()
    return approval


def told(approval: Approval) -> list[str]:
    return list(approval.incident.timeline.filter(kind="approval.watched").values_list("title", flat=True))


def test_nothing_begins_while_it_is_watched(watched):
    assert watching.start_due() == 0
    assert not Execution.objects.exists()


def test_it_runs_alone_when_its_alert_still_fires(watched, running):
    approval = when_its_time_has_come(watched)
    assert (approval.status, approval.required_signatures) == ("approved", 0)
    act = Execution.objects.get()
    execution.execute(act.pk, who="test")
    act.refresh_from_db()
    assert (act.autonomous, act.status) == (True, "succeeded")
    assert running.effects(mark=act.mark)
    assert approval.signatures.get().by == "autonomy"


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (lambda _: Alert.objects.update(status="stale"), "is not heard any more"),
        (lambda _: autonomy.turn(False, make_principal("lead"), reason="migration"), "migration"),
        (
            lambda _: Hold.objects.create(
                stops=["act"], starts_at=timezone.now(), ends_at=timezone.now() + timedelta(hours=1), reason="freeze of the year"
            ),
            "freeze of the year",
        ),
    ],
    ids=["alert", "switch", "hold"],
)
def test_a_person_is_asked_where_something_speaks_against_it_by_then(watched, meanwhile, why):
    meanwhile(watched)
    approval = when_its_time_has_come(watched)
    assert (approval.status, approval.required_signatures, approval.auto_at) == ("pending", 1, None)
    assert approval.escalate_at is not None
    [title] = told(approval)
    assert why in title
    assert not Execution.objects.exists()


def test_one_signature_acts_at_once(watched):
    signatures.sign(watched, make_principal("lead"), digest=watched.digest)
    execution.execute(Execution.objects.get().pk, who="test")
    act = Execution.objects.get()
    assert (act.autonomous, act.status) == (False, "succeeded")


def test_a_target_that_is_busy_leaves_it_to_a_person(watched):
    other = make_decision(make_incident(target=WORKER), action=RestartWorkload(target=WORKER))
    make_alert(other.incident)
    assessment.assess(other.pk)
    rival = Approval.objects.exclude(pk=watched.pk).get()
    signatures.sign(rival, make_principal("lead"), digest=rival.digest)
    approval = when_its_time_has_come(watched)
    assert (approval.status, approval.required_signatures) == ("pending", 1)
    assert not approval.signatures.exists()
    assert told(approval)[0].startswith("Does not run alone")
