"""What policy has to know from the database: counts of recent acts, holds, trust rows. Read under the budget's lock."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Max, Q

from aiops.core.actions import Action, Undo
from aiops.core.clusters import Cluster
from aiops.core.scales import Severity
from approvals import autonomy
from approvals.models import Execution
from approvals.operations import OPERATIONS
from approvals.plans import Plan
from approvals.policy import Inputs
from approvals.targets import target_key
from incidents import holds
from incidents.models import Alert, Decision, Hold, Incident
from learning import trust
from learning.judgement import Brakes
from learning.scopes import Scope

HEALED_OVER = timedelta(days=90)
_BUDGET_LOCK = 4_110_002  # whoever may start an autonomous act counts and starts under this

V = Execution.Verdict


def take_budget_lock() -> None:
    """Until the transaction ends, nobody else counts autonomous acts to start one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_BUDGET_LOCK])


def cluster_named(name: str) -> Cluster | None:
    return next((cluster for cluster in settings.CLUSTERS if cluster.name == name), None)


def has_executor(action: Action) -> bool:
    """Whether anything here can carry out an action of this class."""
    return action.action_class in OPERATIONS


def inputs_for(decision: Decision, plan: Plan, *, at: datetime, broker_up: bool) -> Inputs:
    """Everything the verdict depends on, as it is now."""
    incident, action = decision.incident, plan.action
    scope = Scope.of(action, environment=incident.environment, alert_name=incident.alert_name)
    cluster = cluster_named(incident.cluster)
    switch = autonomy.current()
    hold = holds.first_fitting(holds.in_force(at, Hold.Stops.ACT), holds.words_of_incident(incident))
    row, grants = trust.known(scope, conf=settings.AIOPS.learning, at=at)
    return Inputs(
        at=at,
        action=action,
        environment=incident.environment,
        severity=Severity(incident.severity),
        scope=scope,
        around=plan.surroundings,
        dry_run_clean=plan.dry_run.clean,
        dry_run_error=plan.dry_run.error,
        undo=undo_of(action),
        is_test=incident.is_test,
        alert_fires=incident.alerts.filter(status=Alert.Status.FIRING).exists(),
        cluster=cluster.name if cluster else "",
        read_only=cluster.read_only if cluster else False,
        executor=has_executor(action),
        autonomy_on=switch is None or switch.enabled,
        autonomy_reason=f"{switch.reason} ({switch.by})" if switch else "",
        hold=hold.reason if hold else "",
        broker_up=broker_up,
        model_led=decision.proposal.model_led if decision.proposal else False,
        row=row,
        grants=tuple(grants),
        brakes=brakes_for(decision, scope, cluster=cluster, at=at),
        **recent_acts(plan_key(incident, action), at=at),
    )


def undo_of(action: Action) -> Undo:
    return action.spec.undo


def plan_key(incident: Incident, action: Action) -> str:
    """What two acts must not change at the same time: cluster and object; a pod's is its workload."""
    target = action.target
    if target is None:
        return f"{incident.cluster}/{incident.ref}"
    return target_key(incident.cluster, target)


def recent_acts(target_key: str, *, at: datetime) -> dict[str, int | float | None]:
    """Counts for budget, breaker, cooldown and full stop."""
    conf = settings.AIOPS.approvals
    hour, breaker = at - timedelta(hours=1), at - timedelta(seconds=conf.breaker_window_s)
    alone = Execution.objects.filter(autonomous=True, direction=Execution.Direction.FORWARD, planned_at__gt=min(hour, breaker))
    counts = alone.aggregate(
        started=Count("pk", filter=Q(planned_at__gt=hour)),
        failed=Count(
            "pk", filter=Q(planned_at__gt=breaker) & (Q(status=Execution.Status.FAILED) | Q(verification_result=V.FAILED))
        ),
    )
    here = Execution.objects.filter(target_key=target_key, started_at__isnull=False)
    last = here.filter(started_at__gt=at - timedelta(seconds=conf.cooldown_s)).aggregate(at=Max("started_at"))["at"]
    tries = here.filter(
        verification_result__in=[V.FAILED, V.TIMEOUT], verified_at__gt=at - timedelta(seconds=conf.ineffective_window_s)
    )
    # Only what failed since it last worked counts: a success in between starts anew.
    worked = here.filter(verification_result=V.SUCCESS).aggregate(at=Max("verified_at"))["at"]
    if worked is not None:
        tries = tries.filter(verified_at__gt=worked)
    return {
        "autonomous_last_hour": counts["started"],
        "failed_autonomous": counts["failed"],
        "repaired_ago_s": (at - last).total_seconds() if last else None,
        "ineffective_tries": tries.count(),
    }


def brakes_for(decision: Decision, scope: Scope, *, cluster: Cluster | None, at: datetime) -> Brakes:
    """What holds back an action that trust would lower (`trust-model.md` §5–6)."""
    conf = settings.AIOPS.learning
    alone = Execution.objects.filter(autonomous=True, direction=Execution.Direction.FORWARD)
    row = alone.filter(
        pattern=scope.pattern, environment=scope.environment, namespace=scope.namespace, alert_name=scope.alert_name
    )
    unverified = Q(status__in=Execution.ACTIVE) | Q(status=Execution.Status.SUCCEEDED, verified_at=None)
    resource = scope.pattern.partition(":")[2]
    failed = alone.filter(
        pattern__endswith=f":{resource}",
        namespace=scope.namespace,
        environment=scope.environment,
        planned_at__gt=at - timedelta(seconds=conf.breaker_window_s),
    ).filter(Q(status=Execution.Status.FAILED) | Q(verification_result=V.FAILED))
    healed, untouched = clears_by_itself(scope.alert_name, scope.environment, at=at)
    return Brakes(
        in_flight=row.filter(unverified).count(),
        pattern_runs=alone.filter(pattern=scope.pattern, planned_at__gt=at - timedelta(hours=1)).count(),
        group_failures=failed.count(),
        in_shadow=cluster.shadow if cluster else True,
        healed_k=healed,
        healed_n=untouched,
        severity=Severity(decision.incident.severity),
        is_hold_out=decision.pk % conf.hold_out_one_in == 0,
    )


def clears_by_itself(alert_name: str, environment: str, *, at: datetime) -> tuple[int, int]:
    """`(k, n)` of `trust-model.md` §6: of n incidents that nobody touched for the window, k had cleared within it."""
    window = timedelta(seconds=settings.AIOPS.learning.heal_window_s)
    seen = Incident.objects.filter(
        alert_name=alert_name, environment=environment, opened_at__gt=at - HEALED_OVER, is_test=False, merged_into=None
    )
    touched = Execution.objects.filter(planned_at__lt=F("incident__opened_at") + window).values("incident")
    cleared = Q(disposition=Incident.Disposition.SELF_RESOLVED, resolved_at__lte=F("opened_at") + window)
    outlasted = Q(opened_at__lte=at - window) & (Q(resolved_at=None) | Q(resolved_at__gt=F("opened_at") + window))
    counts = seen.exclude(pk__in=touched).aggregate(k=Count("pk", filter=cleared), n=Count("pk", filter=cleared | outlasted))
    return counts["k"], counts["n"]
