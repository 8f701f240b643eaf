"""Holds: when deciding, acting or telling stops, and for which alerts (`domain.md` §2).

A hold's matchers speak of an alert's labels and of the words `cluster`, `environment`, `namespace`, `service`, `alertname`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from dateutil.rrule import rrulestr
from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator

from aiops.core.errors import Invalid
from incidents.models import Hold, Incident


class Operator(StrEnum):
    IS = "="
    IS_NOT = "!="
    FITS = "=~"
    FITS_NOT = "!~"


class Matcher(BaseModel):
    """One condition on one label, as Alertmanager spells it. A label that is missing counts as empty."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    op: Operator = Operator.IS
    value: Annotated[str, StringConstraints(max_length=1000)] = ""

    @field_validator("value")
    @classmethod
    def _usable(cls, value: str, info: object) -> str:
        if getattr(info, "data", {}).get("op") in (Operator.FITS, Operator.FITS_NOT):
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from None
        return value

    def fits(self, labels: Mapping[str, str]) -> bool:
        found = labels.get(self.name, "")
        match self.op:
            case Operator.IS:
                return found == self.value
            case Operator.IS_NOT:
                return found != self.value
            case Operator.FITS:
                return re.fullmatch(self.value, found[:1000]) is not None
            case Operator.FITS_NOT:
                return re.fullmatch(self.value, found[:1000]) is None


@dataclass(frozen=True, slots=True)
class Period:
    starts_at: datetime
    ends_at: datetime

    def covers(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at


def period_at(hold: Hold, at: datetime) -> Period | None:
    """The occurrence of `hold` that `at` lies in; None: it is not in force then."""
    if hold.ended_at is not None and hold.ended_at <= at:
        return None
    length = hold.ends_at - hold.starts_at
    if not hold.rrule:
        period = Period(hold.starts_at, hold.ends_at)
        return period if period.covers(at) else None
    begun = rrulestr(hold.rrule, dtstart=hold.starts_at).before(at, inc=True)
    if begun is None:
        return None
    period = Period(begun, begun + length)
    return period if period.covers(at) else None


def last_end(hold: Hold, at: datetime) -> datetime | None:
    """When the newest occurrence that is over by `at` ended; None: none is over yet."""
    length = hold.ends_at - hold.starts_at
    if hold.ended_at is not None and hold.ended_at <= at:
        return hold.ended_at
    if not hold.rrule:
        return hold.ends_at if hold.ends_at <= at else None
    begun = rrulestr(hold.rrule, dtstart=hold.starts_at).before(at - length, inc=True)
    return begun + length if begun else None


def check_rrule(rule: str, starts_at: datetime, ends_at: datetime) -> None:
    """Refuse a recurrence that cannot be read, or that begins again before it ends."""
    try:
        parsed = rrulestr(rule, dtstart=starts_at)
        second = parsed.after(starts_at)
    except (ValueError, TypeError) as error:
        raise Invalid(f"not a recurrence rule of RFC 5545: {error}", loc=("rrule",)) from None
    if second is not None and second - starts_at < ends_at - starts_at:
        raise Invalid("it begins again before it ends; shorten the time or repeat less often", loc=("rrule",))


def in_force(at: datetime, stops: Hold.Stops) -> list[Hold]:
    """Every hold that stops `stops` at `at`: few rows, read once for a batch of alerts."""
    candidates = Hold.objects.filter(stops__contains=[stops.value], ended_at=None, starts_at__lte=at)
    return [hold for hold in candidates if period_at(hold, at)]


def first_fitting(holds: Iterable[Hold], labels: Mapping[str, str]) -> Hold | None:
    return next((hold for hold in holds if fits(hold, labels)), None)


def fits(hold: Hold, labels: Mapping[str, str]) -> bool:
    """Whether all matchers fit; a hold without any fits everything."""
    return all(Matcher.model_validate(matcher).fits(labels) for matcher in hold.matchers)


def words_of(
    labels: Mapping[str, str], *, cluster: str, environment: str, namespace: str, services: Sequence[str] = ()
) -> dict[str, str]:
    """The labels that matchers see: the alert's own, with what the product derived for the words that were missing."""
    derived = {"cluster": cluster, "environment": environment, "namespace": namespace}
    if services:
        derived["service"] = services[0]
    return {name: value for name, value in derived.items() if value} | dict(labels)


def words_of_incident(incident: Incident) -> dict[str, str]:
    """The same for an incident: the labels of its root alert."""
    return words_of(
        incident.root_alert.labels if incident.root_alert else {},
        cluster=incident.cluster,
        environment=incident.environment,
        namespace=incident.namespace,
        services=incident.services,
    )
