"""The numbers of trust in force."""

from django.conf import settings

from aiops.access import policy_versions
from learning.conf import LearningConf


def conf_in_force() -> LearningConf:
    """As an admin has saved them, else as the environment says."""
    return policy_versions.in_force("learning", settings.AIOPS.learning)
