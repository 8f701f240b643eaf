"""F9, F10 and F20: people who click at once or too late, and workers whose clock is wrong. The database decides both."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone as django_timezone

from aiops.access.principals import SYSTEM
from aiops.connectors.kubernetes import Kubernetes, Request
from aiops.connectors.kubernetes_objects import KubeObject
from aiops.core.actions import RestartWorkload
from aiops.core.errors import Conflict
from approvals import leases, signatures, sweeping
from approvals.models import Approval, Execution
from incidents import closing
from incidents import sweeping as incidents_sweeping
from incidents.models import Alert, Decision
from tests import factories
from tests.approvals.acting import carry_out, planned
from tests.approvals.memory_cluster import MemoryCluster
from tests.faults.conftest import times
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
S = Execution.Status


def waiting(n: int = 0, **fields: object) -> Approval:
    """An approval that waits for one signature, each for another target."""
    target = factories.WEB.model_copy(update={"name": f"web{n}"})
    incident = factories.make_incident(target=target)
    factories.make_alert(incident)
    decision = factories.make_decision(incident, action=RestartWorkload(target=target))
    return factories.make_approval(decision, **fields)


# F9


def test_f9_two_who_sign_at_once_start_one_act(figure):
    rounds, people = times(5, full=500), [factories.make_principal("lead") for _ in range(2)]
    for n in range(rounds):
        approval = waiting(n)
        together([lambda p=p, a=approval: signatures.sign(a, p, digest=a.digest) for p in people])
        assert Execution.objects.filter(approval=approval).count() == 1
        Execution.objects.filter(approval=approval).update(status=S.CANCELLED)
    figure("two signers at the same moment: 1 execution each", rounds=rounds)


def test_f9_one_person_twenty_times_is_one_signature(figure):
    rounds, person = times(1, full=25), factories.make_principal("lead")
    for n in range(rounds):
        approval = waiting(n, required_signatures=2)
        together([lambda a=approval: signatures.sign(a, person, digest=a.digest) for _ in range(20)])
        assert approval.signatures.count() == 1
        assert not Execution.objects.filter(approval=approval).exists()
    figure("20 clicks of one person: 1 signature", rounds=rounds)


# F10


def test_f10_a_signature_around_the_expiry_is_either_in_time_or_refused(figure):
    rounds, chance, person = times(12, full=500), Random(10), factories.make_principal("lead")
    started = refused = 0
    signing_ms = 50.0  # how long it takes until it is looked at, found by trying
    for n in range(rounds):
        approval = waiting(n)
        ends = Now() + timedelta(milliseconds=signing_ms + chance.randint(-50, 50))
        Approval.objects.filter(pk=approval.pk).update(expires_at=ends)
        Decision.objects.filter(pk=approval.decision_id).update(expires_at=ends)
        answers = together([lambda a=approval: signatures.sign(a, person, digest=a.digest), incidents_sweeping.expire])
        approval.refresh_from_db()
        execution = Execution.objects.filter(approval=approval).first()
        if execution is None:
            assert isinstance(answers[0], Conflict), answers
            assert approval.signatures.count() == 0
            refused, signing_ms = refused + 1, signing_ms * 1.5
        else:
            assert approval.signatures.get().at <= approval.expires_at + timedelta(seconds=1)
            assert approval.status == Approval.Status.APPROVED
            assert approval.decision.state != Decision.State.EXPIRED
            started, signing_ms = started + 1, signing_ms / 1.5
            Execution.objects.filter(pk=execution.pk).update(status=S.CANCELLED)
    figure(f"{started} started, {refused} refused, none both", rounds=rounds)


def test_f10_what_resolves_while_it_waits_is_withdrawn(cluster: MemoryCluster, figure):
    approval = waiting()
    approval.incident.alerts.update(status=Alert.Status.RESOLVED)
    closing.resolve_if_quiet(approval.incident, actor=SYSTEM)
    sweeping.follow_decisions()
    approval.refresh_from_db()
    assert approval.status == Approval.Status.WITHDRAWN
    assert not Execution.objects.exists()
    figure("resolved while pending: withdrawn, nothing sent")


def test_f10_what_resolves_while_it_is_queued_is_not_sent(cluster: MemoryCluster, figure):
    execution = planned(cluster)
    execution.incident.alerts.update(status=Alert.Status.RESOLVED)
    done = carry_out(execution, cluster)
    assert (done.status, done.reason) == (S.CANCELLED, "resolved")
    assert cluster.effects(execution.mark) == []
    figure("resolved while queued: cancelled, nothing sent")


@dataclass(frozen=True)
class Answered(Kubernetes):
    """The product's client; something happens as soon as a change was answered."""

    then: Callable[[], object] = lambda: None

    def send(self, request: Request, *, dry_run: bool = False) -> KubeObject:
        answer = super().send(request, dry_run=dry_run)
        if not dry_run:
            self.then()
        return answer


def test_f10_what_resolves_while_it_runs_is_finished(cluster: MemoryCluster, figure):
    execution = planned(cluster)
    plain = cluster.client
    alerts = execution.incident.alerts
    client = Answered(config=plain.config, transport=plain.transport, then=lambda: alerts.update(status=Alert.Status.RESOLVED))
    done = carry_out(execution, cluster, connect=lambda _: client)
    assert done.status == S.SUCCEEDED
    assert done.verify_due_at is not None
    assert len(cluster.effects(execution.mark)) == 1
    figure("resolved while running: finished once, verification follows")


# F20


@contextmanager
def wrong_clock(minutes: int) -> Iterator[None]:
    """This process's clock is wrong; the database's is right."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(minutes=minutes)

    with patch.object(django_timezone, "datetime", Wrong):
        yield


@pytest.mark.parametrize("minutes", [-10, 10])
def test_f20_a_worker_with_a_wrong_clock_is_neither_early_nor_late(cluster: MemoryCluster, minutes, figure):
    rounds, person = times(3, full=50), factories.make_principal("lead")
    for n in range(rounds):
        held = planned(cluster)
        claim = leases.claim(held.pk, who="first", conf=settings.AIOPS.approvals)
        still, over = waiting(2 * n), waiting(2 * n + 1)
        Approval.objects.filter(pk=still.pk).update(expires_at=Now() + timedelta(minutes=5))
        Approval.objects.filter(pk=over.pk).update(expires_at=Now() - timedelta(seconds=1))
        with wrong_clock(minutes):
            assert claim is not None
            assert held.pk not in leases.due(), "its lease is held"
            signatures.sign(still, person, digest=still.digest)
            with pytest.raises(Conflict):
                signatures.sign(over, person, digest=over.digest)
            claim.hand_over(in_s=0)
            assert carry_out(held, cluster).status == S.SUCCEEDED
        assert len(cluster.effects(held.mark)) == 1
        Execution.objects.filter(status=S.PLANNED).update(status=S.CANCELLED)
    figure(f"a worker {minutes:+d} min off: 0 early, 0 late", rounds=rounds)
