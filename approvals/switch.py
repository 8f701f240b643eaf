"""The state of autonomy as the trust page shows it: the switch, its budgets, and what would stop it."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from aiops.access.principals import Principal
from aiops.access.roles import Act
from aiops.live import Context
from approvals import autonomy, brakes, policy_in_force
from approvals.models import Execution


def facts(key: str) -> Context:
    now, policy = timezone.now(), policy_in_force.now()
    conf = policy.approvals
    change = autonomy.current()
    alone = Execution.objects.filter(autonomous=True)
    failed = brakes.failed_alone(since=now - timedelta(seconds=conf.breaker_window_s))
    return {
        "on": change is None or change.enabled,
        "switch": change,
        "alone": alone.filter(planned_at__gt=now - timedelta(hours=1)).count(),
        "alone_limit": conf.autonomy_per_hour,
        "pattern_limit": policy.trust.budget_per_hour,
        "failed": failed.count(),
        "failed_limit": conf.breaker_failures,
        "clusters": len(settings.CLUSTERS),
        "shadowed": [cluster.name for cluster in settings.CLUSTERS if cluster.shadow],
    }


def may_turn(facts: Context, viewer: Principal) -> bool:
    """Whether the switch is for this viewer. Turning it on also asks for a fresh login, which is said when it is sent."""
    return viewer.user is not None and viewer.may(Act.AUTONOMY_OFF)
