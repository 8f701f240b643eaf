"""Alertmanager's webhook, version 4: groups of alerts, firing and resolved. Grafana and SigNoz speak dialects of it.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, JsonValue, StringConstraints, ValidationError

from aiops.core.errors import Invalid
from incidents.intake.bodies import digest_of, fingerprint_of
from incidents.intake.signals import Bad, Parsed, Signal
from incidents.labels import DAEMONSET, DEPLOYMENT, NODE, SERVICE, STATEFULSET, is_exporter_name

VERSIONS = frozenset({"4", "1"})  # Alertmanager's and Grafana's
YEARS = range(2, 9999)  # Go's zero time, year 1, means "not yet"
# Clocks of senders run ahead by minutes; a time further in the future is none.
AHEAD = timedelta(hours=1)
_THINGS = (*SERVICE, *DEPLOYMENT, *STATEFULSET, *DAEMONSET, *NODE)
Labels = dict[str, str]
# Reads one alert of a group, given the hash of the group's key; Invalid or ValidationError for one that cannot be taken.
ReadAlert = Callable[[JsonValue, str], Signal]


class AlertIn(BaseModel):
    """One alert of a group. Only status and labels are needed; a timestamp that is missing is the time of arrival."""

    model_config = ConfigDict(extra="ignore", strict=False)

    status: Annotated[str, StringConstraints(pattern="^(firing|resolved)$")]
    labels: Labels
    annotations: Labels | None = None
    startsAt: datetime | None = None
    endsAt: datetime | None = None
    generatorURL: str = ""
    fingerprint: Annotated[str, StringConstraints(max_length=64)] = ""


def parse(body: Mapping[str, JsonValue], *, max_labels: int, received_at: datetime) -> Parsed:
    """The signals of one group; Invalid for a body that is no Alertmanager message at all."""
    return parse_group(body, lambda raw, group: read(raw, group=group, max_labels=max_labels, received_at=received_at))


def parse_group(body: Mapping[str, JsonValue], read_alert: ReadAlert) -> Parsed:
    """Every alert of a group by `read_alert`; one that it cannot take is put aside, its neighbours are taken."""
    alerts = body.get("alerts")
    if not isinstance(alerts, list):
        raise Invalid("alerts is a list", loc=("body", "alerts"))
    if "version" in body and str(body["version"]) not in VERSIONS:
        raise Invalid("version 4 of the webhook is understood", loc=("body", "version"))
    group_key, receiver, truncated = body.get("groupKey"), body.get("receiver"), body.get("truncatedAlerts")
    group = digest_of(group_key) if isinstance(group_key, str) and group_key else ""
    is_grouped = bool(group) and _names_a_thing(body.get("groupLabels"))
    signals: list[Signal] = []
    bad: list[Bad] = []
    for raw in alerts:
        try:
            signal = read_alert(raw, group)
            signals.append(replace(signal, is_grouped=True) if is_grouped else signal)
        except ValidationError as error:
            bad.append(Bad(raw, reason_of(error)))
        except Invalid as error:
            bad.append(Bad(raw, error.detail))
    return Parsed(
        tuple(signals),
        tuple(bad),
        truncated=max(0, min(truncated, 1_000_000)) if isinstance(truncated, int) else 0,
        receiver=receiver[:200] if isinstance(receiver, str) else "",
    )


def _names_a_thing(labels: JsonValue) -> bool:
    """Whether a team groups by what breaks. Groups by name, namespace or cluster hold what has nothing to do with each other."""
    return isinstance(labels, dict) and any(
        isinstance(value := labels.get(name), str) and value and not is_exporter_name(value) for name in _THINGS
    )


def read(raw: JsonValue, *, group: str, max_labels: int, received_at: datetime) -> Signal:
    alert = AlertIn.model_validate(raw)
    if not alert.labels:
        raise Invalid("labels is empty: nothing says what this is about")
    if len(alert.labels) > max_labels:
        raise Invalid(f"{len(alert.labels)} labels; at most {max_labels} are taken")
    firing = alert.status == "firing"
    return Signal(
        fingerprint=alert.fingerprint or fingerprint_of(alert.labels),
        firing=firing,
        labels=alert.labels,
        annotations=alert.annotations or {},
        starts_at=known_time(alert.startsAt, received_at),
        ended_at=None if firing else known_time(alert.endsAt, received_at),
        group_key=group,
        generator_url=alert.generatorURL,
    )


def known_time(at: datetime | None, received_at: datetime) -> datetime:
    """What a sender says, in UTC, if it can be true; else the time of arrival."""
    if at is None or at.year not in YEARS:
        return received_at
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return at if at <= received_at + AHEAD else received_at


def reason_of(error: ValidationError) -> str:
    """The first fault of a quarantined alert, with its field, in words."""
    first: Any = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the alert"
    return f"{place}: {first['msg']}"[:500]
