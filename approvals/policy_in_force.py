"""The policy in force: the numbers of approval and of trust together, of one version."""

from typing import NamedTuple

from django.conf import settings

from aiops.access import policy_versions
from aiops.access.models import PolicyVersion
from approvals.conf import ApprovalsConf
from learning.conf import LearningConf


class Policy(NamedTuple):
    approvals: ApprovalsConf
    trust: LearningConf


def now() -> Policy:
    """As an admin has saved it, else as the environment says."""
    return under(policy_versions.newest())


def under(version: PolicyVersion | None) -> Policy:
    config = settings.AIOPS
    return Policy(
        approvals=policy_versions.applied(version, "approvals", config.approvals),
        trust=policy_versions.applied(version, "learning", config.learning),
    )
