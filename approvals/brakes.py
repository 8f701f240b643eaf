"""What holds back actions that trust would lower (`trust-model.md` §5–6), for one scope or many in as many queries."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet

from aiops.core.clusters import Cluster
from aiops.core.scales import Severity
from approvals.models import Execution, Review
from approvals.policy_in_force import Policy, now
from incidents.models import Decision, Incident
from learning.conf import LearningConf
from learning.judgement import Brakes
from learning.models import Outcome, TrustRecord
from learning.scopes import Scope

SCOPE = ("pattern", "environment", "namespace", "alert_name")
V = Execution.Verdict


def of_decision(decision: Decision, scope: Scope, *, cluster: Cluster | None, policy: Policy, at: datetime) -> Brakes:
    """What holds this decision's action back."""
    found = of_scopes([scope], policy=policy, at=at)[0]
    return replace(
        found,
        in_shadow=cluster.shadow if cluster else True,
        severity=Severity(decision.incident.severity),
        is_hold_out=decision.pk % policy.trust.hold_out_one_in == 0,
    )


def of_rows(records: Sequence[TrustRecord], conf: LearningConf, at: datetime) -> Sequence[Brakes]:
    """What holds trust rows back, for lists of them: the answer that learning asks for (`learning/brakes.py`)."""
    in_shadow = {cluster.name for cluster in settings.CLUSTERS if cluster.shadow}
    policy = now()._replace(trust=conf)
    found = of_scopes([record.scope for record in records], policy=policy, at=at)
    return [replace(brakes, in_shadow=record.cluster in in_shadow) for record, brakes in zip(records, found, strict=True)]


def of_scopes(scopes: Sequence[Scope], *, policy: Policy, at: datetime) -> list[Brakes]:
    """The counts of each scope, in its place; five queries however many scopes there are."""
    alone = Execution.objects.filter(autonomous=True, direction=Execution.Direction.FORWARD)
    unverified = Q(status__in=Execution.ACTIVE) | Q(status=Execution.Status.SUCCEEDED, verified_at=None)
    in_flight = _by_scope(alone.filter(unverified))
    hour = alone.filter(planned_at__gt=at - timedelta(hours=1))
    of_pattern = Counter(hour.values_list("pattern", flat=True))
    failed = failed_alone(since=at - timedelta(seconds=policy.trust.breaker_window_s))
    of_group = Counter(_group(Scope(*row)) for row in failed.values_list(*SCOPE))
    overdue = _by_scope(Review.objects.overdue(at, policy.approvals.review_overdue_s), via="execution__")
    healed = _clears_by_itself(scopes, policy.trust, at)
    return [
        Brakes(
            in_flight=in_flight[astuple(scope)],
            pattern_runs=of_pattern[scope.pattern],
            group_failures=of_group[_group(scope)],
            overdue_reviews=overdue[astuple(scope)],
            healed_k=healed.get((scope.alert_name, scope.environment), (0, 0))[0],
            healed_n=healed.get((scope.alert_name, scope.environment), (0, 0))[1],
        )
        for scope in scopes
    ]


def failed_alone(*, since: datetime) -> QuerySet[Execution]:
    """Autonomous runs planned since then that failed, or that later turned out to be failures."""
    wrong = Outcome.objects.filter(autonomous=True, failures__gte=1.0, at__gt=since).values("execution")
    failed = Q(status__in=(Execution.Status.FAILED, Execution.Status.ROLLED_BACK)) | Q(verification_result=V.FAILED)
    rows = Execution.objects.filter(autonomous=True, direction=Execution.Direction.FORWARD, planned_at__gt=since)
    return rows.filter(failed | Q(pk__in=wrong))


def _by_scope(rows: "QuerySet[Execution] | QuerySet[Review]", *, via: str = "") -> Counter[tuple[str, ...]]:
    return Counter(rows.values_list(*(f"{via}{name}" for name in SCOPE)))


def _group(scope: Scope) -> tuple[str, str, str]:
    return scope.environment, scope.namespace, scope.group


def _clears_by_itself(scopes: Sequence[Scope], conf: LearningConf, at: datetime) -> dict[tuple[str, str], tuple[int, int]]:
    """`(k, n)` of `trust-model.md` §6 by alert name and environment: of n incidents that nobody touched for the window, k
    had cleared within it."""
    window = timedelta(seconds=conf.heal_window_s)
    seen = Incident.objects.filter(
        alert_name__in={scope.alert_name for scope in scopes},
        environment__in={scope.environment for scope in scopes},
        opened_at__gt=at - timedelta(days=conf.healed_days),
        is_test=False,
        merged_into=None,
    )
    touched = Execution.objects.filter(planned_at__lt=F("incident__opened_at") + window).values("incident")
    cleared = Q(disposition=Incident.Disposition.SELF_RESOLVED, resolved_at__lte=F("opened_at") + window)
    outlasted = Q(opened_at__lte=at - window) & (Q(resolved_at=None) | Q(resolved_at__gt=F("opened_at") + window))
    counts = (
        seen.exclude(pk__in=touched)
        .order_by()
        .values("alert_name", "environment")
        .annotate(k=Count("pk", filter=cleared), n=Count("pk", filter=cleared | outlasted))
    )
    return {(row["alert_name"], row["environment"]): (row["k"], row["n"]) for row in counts}
