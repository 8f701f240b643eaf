"""What learning is told of a run: one outcome each, and what became of it later."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from approvals.judgement import Verdict
from approvals.models import Execution
from learning import hindsight, outcomes
from learning.models import Outcome

# Failures in which the target or its cluster refused the change itself, before anything was changed. Missing rights, an
# unreachable cluster or a worker that died say nothing about the action.
REFUSALS = frozenset({"dry_run_refused", "invalid", "pdb", "paused", "on_delete", "hpa_owner", "gitops_owner", "no_revision"})


def verified(execution: Execution, verdict: Verdict, *, at: datetime) -> None:
    """The verdict, in the transaction that writes it."""
    is_unverifiable = verdict.result == Execution.Verdict.TIMEOUT and verdict.reason == "unverifiable"
    result = Outcome.Result.UNVERIFIABLE.value if is_unverifiable else str(verdict.result)
    _record(execution, result, at=at, is_needless=verdict.is_needless)


def refused(execution: Execution, *, at: datetime) -> None:
    """It failed without an effect: worth learning only where the target refused it."""
    if execution.reason in REFUSALS and execution.direction == Execution.Direction.FORWARD:
        _record(execution, Outcome.Result.REFUSED.value, at=at)


def rolled_back(execution: Execution, *, at: datetime, reason: str) -> None:
    """What was done has been undone, and the undoing verified."""
    hindsight.rolled_back(execution.pk, actor="system", at=at, reason=reason[:300])


def _record(execution: Execution, result: str, *, at: datetime, is_needless: bool = False) -> None:
    incident, decision, approval = execution.incident, execution.decision, execution.approval
    proposal, judged = decision.proposal, _judged(execution)
    # A playbook has run when its last step has, or when one has failed.
    ends_it = execution.is_last_step or result not in (Outcome.Result.SUCCESS, Outcome.Result.UNVERIFIABLE)
    outcomes.record(
        execution=execution.pk,
        incident=incident.pk,
        decision=decision.pk,
        at=at,
        result=result,
        autonomous=execution.autonomous,
        allowed_alone=bool(judged.get("alone") or judged.get("watches")),
        source=proposal.source if proposal else "human",
        action=execution.action,
        environment=execution.environment,
        namespace=execution.namespace,
        alert_name=execution.alert_name,
        anomaly_key=incident.anomaly_key,
        category=incident.category,
        seconds=(at - (execution.started_at or at)).total_seconds(),
        blast_score=approval.blast_score,
        tier=str(judged.get("tier_before") or approval.tier),
        playbook=proposal.matched_playbook if proposal and ends_it else None,
        predicted=mean if isinstance(mean := judged.get("mean"), float) else None,
        claimed=proposal.confidence if proposal and proposal.confidence > 0 else None,
        signers=[signature.by for signature in approval.signatures.all()],
        needless=is_needless,
    )


def _judged(execution: Execution) -> Mapping[str, JsonValue]:
    """What policy said of this step; of several each was judged by itself."""
    judged: Mapping[str, JsonValue] = execution.decision.assessment or {}
    steps = judged.get("steps")
    own = steps[execution.step - 1] if isinstance(steps, list) and len(steps) >= execution.step else judged
    assert isinstance(own, dict)
    return own
