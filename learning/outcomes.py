"""What an execution came to, recorded once: the one source of trust, playbook records, repair records and indicators."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from aiops.access.principals import AUTONOMY, SYSTEM
from aiops.core.actions import Action, dump
from aiops.core.scales import Tier
from learning import ledger, playbook_record
from learning.conf import LearningConf
from learning.evidence import RUNS, Hindsight, worth
from learning.models import Outcome, TrustEvent
from learning.scopes import Scope

VERIFICATION = "verification"  # the ledger's actor for a first result, so that a second one is refused


@transaction.atomic
def record(
    *,
    execution: UUID,
    incident: int,
    decision: int,
    at: datetime,
    result: str,
    autonomous: bool,
    allowed_alone: bool,
    source: str,
    action: Action,
    environment: str,
    namespace: str,
    alert_name: str,
    anomaly_key: str,
    category: str,
    seconds: float,
    blast_score: int,
    tier: str,
    playbook: int | None,
    predicted: float | None,
    claimed: float | None,
    signers: Sequence[str],
    rolled_back: bool = False,
    needless: bool = False,
) -> Outcome:
    """Write the outcome of `execution` with all that follows from it, in the caller's transaction.

    Asked again for the same execution it changes nothing and gives what was recorded. `at` is when the run ended,
    `result` one of `Outcome.Result`, `seconds` from sending to verified, `tier` the one before trust, `signers` the
    people who signed. `playbook` is given with the run that ends it: its last step, or the one that failed.
    """
    conf: LearningConf = settings.AIOPS.learning
    if result not in RUNS:
        raise ValueError(f"{result!r} is no result of a run")
    counts = worth(result, Hindsight(undone=rolled_back), conf)
    outcome, is_new = Outcome.objects.get_or_create(
        execution=execution,
        defaults={
            "incident": incident,
            "decision": decision,
            "at": at,
            "result": result,
            "autonomous": autonomous,
            "allowed_alone": allowed_alone,
            "source": source,
            "action_class": action.action_class.value,
            "action": dump(action),
            "pattern": action.pattern,
            "environment": environment,
            "namespace": namespace,
            "alert_name": alert_name,
            "anomaly_key": anomaly_key,
            "category": category,
            "seconds": seconds,
            "blast_score": blast_score,
            "tier": tier,
            "playbook": playbook,
            "predicted": predicted,
            "claimed": claimed,
            "signers": sorted(set(signers) - {AUTONOMY.name, SYSTEM.name}),
            "successes": counts.ds,
            "failures": counts.df,
            "rolled_back": rolled_back,
            "needless": needless,
        },
    )
    if not is_new:
        return outcome
    row = ledger.lock(outcome.scope)
    if row.decided_at is None and tier:
        ledger.decided(outcome.scope, tier=Tier(tier), cluster=row.cluster, at=at)
    ledger.append(
        outcome.scope,
        TrustEvent.Kind.OUTCOME,
        ds=counts.ds,
        df=counts.df,
        dscore=counts.dscore,
        at=at,
        actor=VERIFICATION,
        reason=f"{result}, rolled back" if rolled_back else result,
        execution=execution,
        decision=decision,
        signers=outcome.signers,
    )
    if playbook is not None:
        playbook_record.ran(playbook, counts, at=at, conf=conf)
    return outcome


def failed_alone(scopes: Iterable[Scope], *, at: datetime, conf: LearningConf) -> Mapping[Scope, int]:
    """Autonomous runs that failed lately on the resource group of each scope, for the breaker (`trust-model.md` §5)."""
    since = at - timedelta(seconds=conf.breaker_window_s)
    failed = Outcome.objects.filter(autonomous=True, failures__gte=1.0, at__gt=since, at__lte=at)
    groups = Counter(_group(outcome.scope) for outcome in failed)
    return {scope: groups[_group(scope)] for scope in scopes}


def _group(scope: Scope) -> tuple[str, str, str]:
    return scope.environment, scope.namespace, scope.group
