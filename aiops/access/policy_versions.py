"""The policy that is in force: what an admin has saved in the dashboard wins over the environment.

Read from the database whenever something is judged, so that all processes hold the same policy at the same moment.
"""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, JsonValue

from aiops.access.models import PolicyVersion

C = TypeVar("C", bound=BaseModel)


def newest() -> PolicyVersion | None:
    """The version in force; None: nothing was ever saved, the environment holds."""
    return PolicyVersion.objects.order_by("-id").first()


def in_force(section: str, from_environment: C) -> C:
    """The numbers of one app as they hold now."""
    return applied(newest(), section, from_environment)


def applied(version: PolicyVersion | None, section: str, from_environment: C) -> C:
    """The numbers of one app under `version`."""
    return over(from_environment, version.values.get(section, {})) if version else from_environment


def over(conf: C, values: Mapping[str, JsonValue]) -> C:
    """`conf` with these values, validated whole. Fields that are no longer known are left out."""
    known = {name: value for name, value in values.items() if name in type(conf).model_fields}
    return type(conf).model_validate(conf.model_dump() | known) if known else conf
