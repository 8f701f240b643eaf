"""One worker at a time, on the database's clock; whoever comes late writes nothing."""

import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone

from aiops.connectors.kubernetes import Kubernetes, Request
from aiops.connectors.kubernetes_objects import KubeObject
from approvals import execution as executions
from approvals import execution_state, leases
from approvals.execution_state import LostLease
from approvals.models import Execution
from tests.approvals.acting import carry_out, let_pass, planned
from tests.approvals.memory_cluster import Fault
from tests.threads import together

S = Execution.Status


def claim(execution: Execution) -> leases.Claim | None:
    return leases.claim(execution.pk, who="test", conf=django_settings.AIOPS.approvals)


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_gets_it(cluster):
    execution = planned(cluster)
    claims = together([lambda: claim(execution)] * 8)
    assert sum(isinstance(one, leases.Claim) for one in claims) == 1
    assert claims.count(None) == 7


@pytest.mark.django_db(transaction=True)
def test_ten_copies_of_a_message_make_one_effect(cluster):
    execution = planned(cluster)
    together([lambda: executions.execute(execution.pk, who="worker", connect=lambda _: cluster.client)] * 10)
    execution.refresh_from_db()
    assert execution.status == S.SUCCEEDED
    assert len(cluster.effects(execution.mark)) == 1


@pytest.mark.django_db
def test_a_lapsed_lease_is_taken_over_and_the_old_holder_stops(cluster):
    execution = planned(cluster)
    first = claim(execution)
    assert claim(execution) is None
    let_pass(execution, 21)
    second = claim(execution)
    assert second.fence == first.fence + 1
    with pytest.raises(LostLease):
        first.renew()
    with pytest.raises(LostLease):
        execution_state.advance(first, S.DRY_RUN)


class Sleeper(Kubernetes):
    """A client that falls asleep before its first change, while somebody else takes over and finishes."""

    def send(self, request: Request, *, dry_run: bool = False) -> KubeObject:
        if not dry_run:
            self.meanwhile()
        return super().send(request, dry_run=dry_run)


@pytest.mark.django_db
def test_a_zombie_that_wakes_to_send_changes_and_writes_nothing(cluster):
    execution = planned(cluster)
    sleeper = Sleeper(config=cluster.client.config, transport=cluster.client.transport)

    def meanwhile() -> None:
        let_pass(execution, 21)
        carry_out(execution, cluster)

    object.__setattr__(sleeper, "meanwhile", meanwhile)
    executions.execute(execution.pk, who="zombie", connect=lambda _: sleeper, wait=lambda _: None)
    execution.refresh_from_db()
    assert (execution.status, execution.claimed_by) == (S.SUCCEEDED, "test")
    assert len(cluster.effects(execution.mark)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_sweepers_that_ask_at_once_get_different_work(cluster):
    for n in range(6):
        Execution.objects.filter(pk=planned(cluster).pk).update(target_key=f"target-{n}")

    def take() -> list[UUID]:
        with transaction.atomic():
            found = leases.due(3)
            both_have.wait(10)
            return found

    both_have = threading.Barrier(2)
    first, second = together([take, take])
    assert len(first) == len(second) == 3
    assert not set(first) & set(second)


@pytest.mark.django_db
def test_the_clock_of_a_worker_does_not_matter(cluster, monkeypatch):
    execution = planned(cluster)
    first = claim(execution)
    monkeypatch.setattr(timezone, "now", lambda: _skewed(timedelta(minutes=10)))
    assert claim(execution) is None, "its lease has not lapsed by the database's clock"
    let_pass(execution, 21)
    monkeypatch.setattr(timezone, "now", lambda: _skewed(timedelta(minutes=-10)))
    assert claim(execution).fence == first.fence + 1


def _skewed(by: timedelta) -> datetime:
    return datetime.now(UTC) + by


# What ends its worker again and again


@pytest.mark.django_db
def test_what_kills_its_worker_before_anything_is_sent_fails_after_five_starts(cluster):
    execution = planned(cluster)
    for _ in range(5):
        assert claim(execution) is not None
        let_pass(execution, 21)
    done = carry_out(execution, cluster)
    assert (done.status, done.reason) == (S.FAILED, "poison")
    assert not cluster.mutations


@pytest.mark.django_db
def test_what_kills_its_worker_after_sending_is_a_persons(cluster):
    execution = planned(cluster)
    cluster.faults.append(Fault.LATE)
    carry_out(execution, cluster, wait=_die)
    for _ in range(5):
        let_pass(execution, 700)
        claim(execution)
    let_pass(execution, 21)
    done = carry_out(execution, cluster)
    assert done.status == S.AMBIGUOUS
    assert done.escalated_at is not None
    assert execution.attempts.count() == 1
    let_pass(execution, 601)
    carry_out(execution, cluster)
    assert execution.attempts.count() == 1, "nobody begins it again"


def _die(_: float) -> None:
    raise LostLease


@pytest.mark.django_db
def test_a_worker_hands_over_when_its_time_is_over(cluster, settings):
    conf = settings.AIOPS
    settings.AIOPS = conf.model_copy(update={"approvals": conf.approvals.model_copy(update={"act_within_s": 0.0})})
    execution = planned(cluster)
    cluster.faults.append(Fault.APPLIED_504)
    began = time.monotonic()
    handed = carry_out(execution, cluster, wait=lambda _: pytest.fail("it has no time to wait"))
    assert time.monotonic() - began < 30
    assert (handed.status, handed.lease_until, handed.claims) == (S.AMBIGUOUS, None, 0)
    settings.AIOPS = conf
    let_pass(execution, 16)
    assert carry_out(execution, cluster).status == S.SUCCEEDED
