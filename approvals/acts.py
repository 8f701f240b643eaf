"""One act under way: its claim, its cluster, and the two things done with that: looking, and recording how it ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from pydantic import JsonValue

from aiops.access.principals import SYSTEM, Principal
from aiops.connectors.errors import Transient
from aiops.connectors.kubernetes import Api, Request
from aiops.connectors.kubernetes_objects import KubeObject
from aiops.core.actions import Action
from aiops.core.errors import Conflict
from approvals import attempts as rows
from approvals import authorisation, execution_state, lessons
from approvals.conf import ApprovalsConf
from approvals.execution_state import Fenced
from approvals.leases import Claim, in_seconds
from approvals.models import Attempt, Execution
from approvals.operations import way_back, workloads
from approvals.operations.marks import Mark
from approvals.operations.operation import Bound, Operation
from approvals.plans import digest_of
from approvals.protocol import Next, Seen, Sent, next_step

log = structlog.get_logger(__name__)
S = Execution.Status


@dataclass(frozen=True, slots=True)
class Look:
    """The cluster at one moment: the object that is changed, and the one that shows whether the change has landed."""

    subject: KubeObject | None
    proof: KubeObject | None
    seen: Seen


@dataclass(frozen=True, slots=True)
class Act:
    claim: Claim
    api: Api
    operation: Operation
    wait: Callable[[float], None]

    @property
    def execution(self) -> Execution:
        return self.claim.execution

    @property
    def action(self) -> Action:
        return self.execution.action

    @property
    def mark(self) -> Mark:
        return Mark(self.execution.mark, self.execution.planned_at)

    @property
    def before(self) -> KubeObject:
        """The object as it was when the first body was computed; empty before that."""
        kept = self.execution.before.get("subject")
        return KubeObject(kept if isinstance(kept, dict) else {})

    def look(self) -> Look:
        """Read the object as it is now; the connector's errors where it cannot be read."""
        subject = self.api.get(self.operation.subject(self.action))
        where = self.operation.proof(self.action, self.mark)
        proof = subject if where == self.operation.subject(self.action) else self.api.get(where)
        return Look(subject, proof, self._seen(subject, proof))

    def _seen(self, subject: KubeObject | None, proof: KubeObject | None) -> Seen:
        landed = self.operation.has_landed(proof, self._agreed_uid(), self.before, self.mark)
        if subject is None:
            return Seen(has_landed=landed, is_same=False, is_untouched=False)
        return Seen(
            has_landed=landed,
            is_same=subject.uid == self._agreed_uid(),
            is_untouched=self._is_as_agreed(subject),
            version=subject.resource_version,
            generation=subject.generation,
            may_repeat=self.operation.BOUND is Bound.KEY and subject.flag("spec", "idempotent"),
        )

    def _agreed_uid(self) -> str:
        return agreed_uid(self.execution)

    def _is_as_agreed(self, subject: KubeObject) -> bool:
        """As it was signed or, for undoing something, as that left it."""
        touched, undone = self.operation.touched(subject), self.execution.reverses
        if undone is not None:
            # What a webhook job has changed cannot be seen: the job itself has to be set up as it was.
            made = self.execution.agreed.get("touched", undone.made.get("touched"))
            return bool(touched == (undone.before.get("touched") if made is None else made))
        agreed = self.execution.agreed.get("digest") or self.execution.approval.digest
        return digest_of(self.action, subject.uid, touched) == agreed

    def refuse(self, subject: KubeObject) -> None:
        """Raise Conflict where it must not be done to the object as it stands. What we made is put back in any case."""
        if self.execution.reverses is None:
            self.operation.refuse(self.action, subject, self.api, self.claim.conf)
        else:
            workloads.refuse_paused(subject)

    def body(self, subject: KubeObject) -> Request:
        """The final body, from a read without the mark. Conflict `irreversible` where it undoes what nothing can."""
        undone = self.execution.reverses
        if undone is not None:
            if (back := way_back(self.action)) is None:
                raise Conflict(f"{self.action.action_class} cannot be put back", code="irreversible")
            return back.restore(KubeObject(undone.before).at("touched"), subject, self.mark)
        return self.operation.request(self.action, subject, self.api, self.mark)

    def next_step(self, seen: Seen, unsettled: Sequence[Attempt]) -> Next:
        sent = [Sent(a.resource_version, a.generation, was_refused=a.status == 409) for a in unsettled]
        return next_step(self.operation.BOUND, sent, seen)

    def unwanted(self) -> authorisation.Refusal | None:
        """Why it is not to be done any more, asked of the database now."""
        self.execution.refresh_from_db()
        if self.execution.stop_requested:
            return authorisation.Refusal("stopped", self.execution.stop_reason or "Stopped by a person")
        return authorisation.check(self.execution)

    # How it ends

    @transaction.atomic
    def fail(self, reason: str, detail: str) -> None:
        execution_state.advance(self.claim, S.FAILED, reason=reason[:40], detail=detail)
        lessons.refused(self.execution, at=timezone.now())
        log.error("execution.failed", reason=reason, detail=detail)

    def cancel(self, reason: str, detail: str) -> None:
        execution_state.advance(self.claim, S.CANCELLED, reason=reason[:40], detail=detail)
        log.info("execution.cancelled", reason=reason, detail=detail)

    def stopped(self) -> None:
        """A person was faster than the request."""
        self.execution.refresh_from_db()
        self.cancel("stopped", self.execution.stop_reason or "Stopped by a person")

    def put_back(self, error: Transient) -> None:
        """It surely had no effect and may pass: again later, twice at most."""
        conf = self.claim.conf
        if self.execution.retries >= conf.retries:
            self.fail("unreachable", error.detail)
            return
        later = in_seconds(max(conf.retry_backoff_s, error.after_s or 0.0))
        execution_state.advance(
            self.claim,
            S.PLANNED,
            detail=error.detail,
            due_at=later,
            lease_until=None,
            unclear_since=None,
            claims=0,
            retries=F("retries") + 1,
        )
        log.warning("execution.put_back", detail=error.detail, retries=self.execution.retries)

    def succeed(self, shown: KubeObject | None, attempts: Sequence[Attempt]) -> None:
        """Record that the change is there. `shown` is the object with the change, `attempts` those that may have made it."""
        done(self.claim, self.claim.conf, shown=shown, attempts=attempts)
        log.info("execution.succeeded", attempts=len(attempts))


@transaction.atomic
def done(
    held: Fenced,
    conf: ApprovalsConf,
    *,
    shown: KubeObject | None,
    attempts: Sequence[Attempt],
    actor: Principal = SYSTEM,
    detail: str = "",
) -> None:
    """The change is there: what it made is kept, one of `attempts` has landed, and verification follows."""
    rows.landed(attempts)
    execution_state.advance(
        held,
        S.SUCCEEDED,
        actor=actor,
        detail=detail,
        reason="",
        made=_made(held.execution, shown),
        verify_due_at=in_seconds(conf.verify_every_s),
        verify_until=in_seconds(max(conf.verify_within_s, _runs_within_s(held.execution))),
    )


def _runs_within_s(execution: Execution) -> int:
    """How long a webhook job says that it may run; 0 for everything else."""
    return KubeObject(execution.before).number("subject", "spec", "runs_within_s")


def agreed_uid(execution: Execution) -> str:
    """Of the object that it was agreed to change, or of the one whose change it undoes."""
    if execution.reverses is not None:
        return str(execution.reverses.made.get("uid", ""))
    return str(execution.agreed.get("uid") or execution.approval.target_uid)


def _made(execution: Execution, shown: KubeObject | None) -> dict[str, JsonValue]:
    """What the change left: what the dry run promised, since others may have been at the object before it was read."""
    made: dict[str, JsonValue] = {"uid": agreed_uid(execution), "touched": execution.dry_run.get("touched")}
    if shown is not None:
        made |= {"generation": shown.generation, "version": shown.resource_version}
    return made
