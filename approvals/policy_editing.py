"""Changing the policy: which numbers an admin may set, checking them whole, and saving them as a new version."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from django.conf import settings
from django.db import connection, transaction
from pydantic import BaseModel, JsonValue, ValidationError

from aiops.access import policy_versions
from aiops.access.models import PolicyVersion
from aiops.access.principals import Principal, record, require
from aiops.access.roles import Act
from aiops.core.errors import Conflict, Invalid
from aiops.live import publish
from approvals import policy_in_force
from approvals.policy_in_force import Policy

C = TypeVar("C", bound=BaseModel)
Values = Mapping[str, Mapping[str, JsonValue]]  # section → field → value

# How evidence is counted and what a run is worth is not here: that would rewrite the past.
GROUPS: Sequence[tuple[str, Sequence[tuple[str, str]]]] = (
    (
        "Who is asked",
        (
            ("approvals", "tier_human_from"), ("approvals", "tier_dual_from"), ("approvals", "tier_blocked_from"),
            ("approvals", "denied_namespaces"), ("approvals", "max_replicas"), ("approvals", "drain_limit"),
        ),
    ),
    (
        "What stops autonomy",
        (
            ("approvals", "autonomy_per_hour"), ("approvals", "breaker_failures"), ("approvals", "breaker_window_s"),
            ("approvals", "cooldown_s"), ("approvals", "ineffective_tries"), ("approvals", "ineffective_window_s"),
        ),
    ),
    (
        "What trust has to show",
        (
            ("learning", "sure"), ("learning", "need_human"), ("learning", "need_dual"), ("learning", "score_min"),
            ("learning", "days_min"), ("learning", "people_min"), ("learning", "disproved_below"),
            ("learning", "disproved_sure"),
        ),
    ),
    (
        "What suspends it",
        (
            ("learning", "budget_per_hour"), ("learning", "breaker_failures"), ("learning", "breaker_window_s"),
            ("learning", "healed_watch"), ("learning", "hold_out_one_in"), ("learning", "grant_max_days"),
        ),
    ),
    (
        "Shadow mode",
        (("learning", "shadow_cases"), ("learning", "shadow_agreement"), ("learning", "shadow_sure")),
    ),
    (
        "Reviews and escalation",
        (("approvals", "review_one_in"), ("approvals", "review_overdue_s"), ("approvals", "escalate_every_s")),
    ),
)  # fmt: skip
EDITABLE = tuple(field for _, fields in GROUPS for field in fields)
_SAVE_LOCK = 4_110_003


class Change(NamedTuple):
    """One number of a version against the one before."""

    name: str
    before: str
    after: str


def values_of(policy: Policy) -> Values:
    """The numbers that can be set, as they are under `policy`."""
    dumped = {"approvals": policy.approvals.model_dump(mode="json"), "learning": policy.trust.model_dump(mode="json")}
    found: dict[str, dict[str, JsonValue]] = {"approvals": {}, "learning": {}}
    for section, name in EDITABLE:
        found[section][name] = dumped[section][name]
    return found


def checked(values: Values) -> Policy:
    """The policy that these values make, or Invalid with the first field that is wrong. Unknown ones are refused."""
    for section, fields in values.items():
        for name in fields:
            if (section, name) not in EDITABLE:
                raise Invalid(f"{section}.{name} is not set here", loc=(section, name))
    config = settings.AIOPS
    return Policy(
        approvals=_checked("approvals", config.approvals, values.get("approvals", {})),
        trust=_checked("learning", config.learning, values.get("learning", {})),
    )


def _checked(section: str, conf: C, values: Mapping[str, JsonValue]) -> C:
    try:
        return policy_versions.over(conf, values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        message = first["msg"].removeprefix("Value error, ")
        raise Invalid(f"{name}: {message[:1].lower()}{message[1:]}", loc=(section, name)) from None


def seal(values: Values, base: int) -> str:
    """What a preview shows and a save names: exactly these values, over that version."""
    return hashlib.sha256(json.dumps([values, base], sort_keys=True).encode()).hexdigest()


def base_of(version: PolicyVersion | None) -> int:
    return version.pk if version else 0


@transaction.atomic
def save(values: Values, by: Principal, *, reason: str, seen: str) -> PolicyVersion:
    """Save a new version after its preview. `seen` is the preview's seal.

    Raises NotAllowed for whom it is not for (`step_up`: it needs a fresh login), Invalid for a wrong value or no reason,
    Conflict `preview_first` for values that were not previewed over the policy as it stands.
    """
    require(by, Act.POLICY)
    if not reason.strip():
        raise Invalid("say why, for those who find it so", loc=("reason",))
    with connection.cursor() as cursor:  # two who save at once: the second has not seen what the first saved
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SAVE_LOCK])
    current = policy_versions.newest()
    whole = values_of(checked(values))
    if seen != seal(whole, base_of(current)):
        raise Conflict("look at what it would change first; the policy or your values are others now", code="preview_first")
    changes = changes_between(values_of(policy_in_force.under(current)), whole)
    if not changes:
        raise Conflict("nothing is different from what holds now", code="unchanged")
    version = PolicyVersion.objects.create(values=whole, reason=reason.strip()[:500], by=by.name)
    record(
        by,
        Act.POLICY,
        "policy",
        version.pk,
        reason=version.reason,
        changes={change.name: [change.before, change.after] for change in changes},
    )
    publish("overview", "approvals")
    return version


def changes_between(before: Values, after: Values) -> list[Change]:
    return [
        Change(f"{section}.{name}", shown(before[section].get(name)), shown(after[section].get(name)))
        for section, name in EDITABLE
        if before[section].get(name) != after[section].get(name)
    ]


class Entry(NamedTuple):
    """A version in the history, with what it changed."""

    version: PolicyVersion
    changes: Sequence[Change]


def history(limit: int = 20) -> list[Entry]:
    """Newest first, each against the one before; the first against the environment as it is now."""
    rows = list(PolicyVersion.objects.order_by("-pk")[: limit + 1])
    entries = []
    for index, version in enumerate(rows[:limit]):
        before = rows[index + 1] if index + 1 < len(rows) else None
        changes = changes_between(_shown_of(before), _shown_of(version))
        entries.append(Entry(version, changes))
    return entries


def _shown_of(version: PolicyVersion | None) -> Values:
    return version.values if version else values_of(policy_in_force.under(None))


def shown(value: JsonValue) -> str:
    """As it is typed into the form."""
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
