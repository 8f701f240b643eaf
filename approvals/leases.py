"""Who may work on an execution now: one claim at a time, on the database's clock, fenced against those who come late."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from approvals.conf import ApprovalsConf
from approvals.execution_state import Fenced, LostLease
from approvals.models import Execution


@dataclass(frozen=True, slots=True)
class Claim(Fenced):
    """A lease on one execution. `found` is the status it was found in: it says whether something may have been sent."""

    conf: ApprovalsConf
    found: Execution.Status
    began: float = field(default_factory=time.monotonic)

    @property
    def left_s(self) -> float:
        """Of the time that one run may take in all."""
        return self.conf.act_within_s - (time.monotonic() - self.began)

    def renew(self) -> None:
        """Before anything outside is asked: whoever does that holds the lease until the answer is there."""
        self.write(lease_until=in_seconds(self.conf.lease_s))

    def write(self, **fields: object) -> None:
        """Set fields of the row, if it is still ours; LostLease if not."""
        mine = Execution.objects.filter(pk=self.execution.pk, fence=self.fence, status__in=Execution.ACTIVE)
        if mine.update(**fields) != 1:
            raise LostLease(str(self.execution.pk))

    def hand_over(self, *, in_s: float) -> None:
        """Give the row back in good order, to be looked at again in `in_s` seconds by whoever comes first."""
        self.write(lease_until=None, due_at=in_seconds(in_s), claims=0)


def in_seconds(seconds: float) -> CombinedExpression:
    """That long from now, by the database's clock."""
    return Now() + timedelta(seconds=seconds)


def database_now() -> datetime:
    """The one clock that leases, deadlines and expiries are compared with."""
    with connection.cursor() as cursor:
        cursor.execute("select statement_timestamp()")
        (now,) = cursor.fetchone()
    return cast(datetime, now)


@transaction.atomic
def claim(execution_id: UUID, *, who: str, conf: ApprovalsConf) -> Claim | None:
    """The lease on a due execution; None where it is not due, over, or somebody else's."""
    taken = (
        Execution.objects.due()
        .filter(pk=execution_id)
        .update(lease_until=in_seconds(conf.lease_s), fence=F("fence") + 1, claims=F("claims") + 1, claimed_by=who[:120])
    )
    if taken != 1:
        return None
    # The row lock of the UPDATE is held until this transaction ends, so this is what it wrote.
    execution = Execution.objects.select_related("approval", "decision", "incident").get(pk=execution_id)
    return Claim(execution, execution.fence, conf=conf, found=Execution.Status(execution.status))


@transaction.atomic
def due(limit: int = 50) -> list[UUID]:
    """The executions that somebody should be at work on. Two sweepers that ask at once get different ones."""
    rows = Execution.objects.due().select_for_update(skip_locked=True).order_by("due_at")
    return list(rows.values_list("pk", flat=True)[:limit])
