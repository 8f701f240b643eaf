"""Holds: when deciding, acting or telling stops, and for which alerts (`domain.md` §2).

A hold's matchers speak of an alert's labels and of the words `cluster`, `environment`, `namespace`, `service`, `alertname`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Protocol

import re2
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationInfo, field_validator

from incidents import recurrences
from incidents.models import Hold, Incident


class Operator(StrEnum):
    IS = "="
    IS_NOT = "!="
    FITS = "=~"
    FITS_NOT = "!~"


class Expression(Protocol):
    def fullmatch(self, text: str) -> object | None: ...


@lru_cache(maxsize=512)
def compiled(expression: str) -> Expression:
    """An expression as Alertmanager reads it: RE2, whose time grows with the text alone, whatever a label holds.

    ValueError for one that cannot be read.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        pattern: Expression = re2.compile(expression, options=options)
    except re2.error as error:
        words = error.args[0] if error.args else ""
        raise ValueError(words.decode(errors="replace") if isinstance(words, bytes) else str(words)) from None
    return pattern


class Matcher(BaseModel):
    """One condition on one label, as Alertmanager spells it. A label that is missing counts as empty."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    op: Operator = Operator.IS
    value: Annotated[str, StringConstraints(max_length=1000)] = ""

    @field_validator("value")
    @classmethod
    def _usable(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("op") in (Operator.FITS, Operator.FITS_NOT):
            try:
                compiled(value)
            except ValueError as error:
                raise ValueError(f"not a regular expression of RE2: {error}") from None
        return value

    def fits(self, labels: Mapping[str, str]) -> bool:
        found = labels.get(self.name, "")
        match self.op:
            case Operator.IS:
                return found == self.value
            case Operator.IS_NOT:
                return found != self.value
            case Operator.FITS:
                return compiled(self.value).fullmatch(found) is not None
            case Operator.FITS_NOT:
                return compiled(self.value).fullmatch(found) is None


@dataclass(frozen=True, slots=True)
class Period:
    starts_at: datetime
    ends_at: datetime

    def covers(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at


def period_at(hold: Hold, at: datetime) -> Period | None:
    """The occurrence of `hold` that `at` lies in; None: it is not in force then."""
    period = _begun(hold, at)
    return period if period is not None and period.covers(at) else None


def last_over(hold: Hold, at: datetime) -> Period | None:
    """The newest occurrence that is over by `at`; None: none is over yet."""
    newest = _begun(hold, at)
    if newest is not None and newest.ends_at <= at:
        return newest
    return _begun(hold, at - (hold.ends_at - hold.starts_at)) if hold.rrule else None


def _begun(hold: Hold, at: datetime) -> Period | None:
    """The newest occurrence that has begun by `at`, cut short where a person ended the hold."""
    until = at if hold.ended_at is None else min(at, hold.ended_at)
    if not hold.rrule:
        begun = hold.starts_at if hold.starts_at <= until else None
    else:
        begun = recurrences.times(hold.rrule, hold.starts_at).before(until, inc=True)
    if begun is None:
        return None
    ends_at = begun + (hold.ends_at - hold.starts_at)
    return Period(begun, ends_at if hold.ended_at is None else min(ends_at, hold.ended_at))


def comes_again(hold: Hold, at: datetime) -> bool:
    """Whether an occurrence is in force at `at` or begins later."""
    if hold.ended_at is not None:
        return hold.ended_at > at
    if not hold.rrule:
        return hold.ends_at > at
    return period_at(hold, at) is not None or recurrences.times(hold.rrule, hold.starts_at).after(at) is not None


def in_force(at: datetime, stops: Hold.Stops) -> list[Hold]:
    """Every hold that stops `stops` at `at`: few rows, read once for a batch of alerts."""
    candidates = Hold.objects.filter(stops__contains=[stops.value], ended_at=None, starts_at__lte=at)
    return [hold for hold in candidates if period_at(hold, at)]


def stopping(incident: Incident, stops: Hold.Stops, at: datetime) -> Hold | None:
    """The hold that stops `stops` for this incident at `at`, if any."""
    candidates = in_force(at, stops)
    return first_fitting(candidates, words_of_incident(incident)) if candidates else None


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
