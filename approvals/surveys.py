"""What policy has to know from the database: counts of recent acts, holds, trust rows. Read under the budget's lock."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Max

from aiops.core.actions import Action
from aiops.core.clusters import Cluster
from aiops.core.scales import Severity
from approvals import autonomy, brakes
from approvals.conf import ApprovalsConf
from approvals.models import Execution
from approvals.plans import Plan
from approvals.policy import Inputs
from approvals.policy_in_force import Policy
from approvals.reach import has_executor, undo_of
from approvals.targets import target_key
from incidents import holds
from incidents.models import Alert, Decision, Hold, Incident
from learning import trust
from learning.scopes import Scope

LOOK_BACK = timedelta(days=1)  # the longest cooldown that can be set
_BUDGET_LOCK = 4_110_002  # whoever may start an autonomous act counts and starts under this

V = Execution.Verdict


def take_budget_lock() -> None:
    """Until the transaction ends, nobody else counts autonomous acts to start one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_BUDGET_LOCK])


def cluster_named(name: str) -> Cluster | None:
    return next((cluster for cluster in settings.CLUSTERS if cluster.name == name), None)


def inputs_for(decision: Decision, plan: Plan, *, policy: Policy, at: datetime, broker_up: bool) -> Inputs:
    """Everything the verdict depends on, as it is now."""
    incident, action = decision.incident, plan.action
    scope = Scope.of(action, environment=incident.environment, alert_name=incident.alert_name)
    cluster = cluster_named(incident.cluster)
    switch = autonomy.current()
    hold = holds.first_fitting(holds.in_force(at, Hold.Stops.ACT), holds.words_of_incident(incident))
    row, grants = trust.known(scope, conf=policy.trust, at=at)
    return Inputs(
        at=at,
        action=action,
        environment=incident.environment,
        severity=Severity(incident.severity),
        scope=scope,
        around=plan.surroundings,
        dry_run_clean=plan.dry_run.clean,
        dry_run_error=plan.dry_run.error,
        undo=undo_of(action, incident.cluster),
        is_test=incident.is_test,
        alert_fires=incident.alerts.filter(status=Alert.Status.FIRING).exists(),
        cluster=cluster.name if cluster else "",
        read_only=cluster.read_only if cluster else False,
        executor=has_executor(action, cluster.name if cluster else ""),
        autonomy_on=switch is None or switch.enabled,
        autonomy_reason=f"{switch.reason} ({switch.by})" if switch else "",
        hold=hold.reason if hold else "",
        broker_up=broker_up,
        model_led=decision.proposal.model_led if decision.proposal else False,
        row=row,
        grants=tuple(grants),
        brakes=brakes.of_decision(decision, scope, cluster=cluster, policy=policy, at=at),
        **recent_acts(plan_key(incident, action), conf=policy.approvals, at=at),
    )


def plan_key(incident: Incident, action: Action) -> str:
    """What two acts must not change at the same time: cluster and object; a pod's is its workload."""
    target = action.target
    if target is None:
        return f"{incident.cluster}/{incident.ref}"
    return target_key(incident.cluster, target)


def recent_acts(target_key: str, *, conf: ApprovalsConf, at: datetime) -> dict[str, int | float | None]:
    """Counts for budget, breaker, cooldown and full stop."""
    hour = at - timedelta(hours=1)
    alone = Execution.objects.filter(autonomous=True, direction=Execution.Direction.FORWARD, planned_at__gt=hour)
    here = Execution.objects.filter(target_key=target_key, started_at__isnull=False)
    last = here.filter(started_at__gt=at - LOOK_BACK).aggregate(at=Max("started_at"))["at"]
    tries = here.filter(
        verification_result__in=[V.FAILED, V.TIMEOUT], verified_at__gt=at - timedelta(seconds=conf.ineffective_window_s)
    )
    # Only what failed since it last worked counts: a success in between starts anew.
    worked = here.filter(verification_result=V.SUCCESS).aggregate(at=Max("verified_at"))["at"]
    if worked is not None:
        tries = tries.filter(verified_at__gt=worked)
    return {
        "autonomous_last_hour": alone.count(),
        "failed_autonomous": brakes.failed_alone(since=at - timedelta(seconds=conf.breaker_window_s)).count(),
        "repaired_ago_s": (at - last).total_seconds() if last else None,
        "ineffective_tries": tries.count(),
    }
