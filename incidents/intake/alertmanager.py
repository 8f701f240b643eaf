"""Alertmanager's webhook, version 4: groups of alerts, firing and resolved.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, JsonValue, StringConstraints, ValidationError

from aiops.core.errors import Invalid
from incidents.intake.bodies import digest_of, fingerprint_of
from incidents.intake.signals import Bad, Parsed, Signal

YEAR_ONE = 1  # Go's zero time: "not yet"
Labels = dict[str, str]


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
    alerts = body.get("alerts")
    if not isinstance(alerts, list):
        raise Invalid("alerts is a list", loc=("body", "alerts"))
    if "version" in body and str(body["version"]) not in {"4", "1"}:
        raise Invalid("version 4 of the webhook is understood", loc=("body", "version"))
    group_key = body.get("groupKey")
    group = digest_of(group_key) if isinstance(group_key, str) and group_key else ""
    signals: list[Signal] = []
    bad: list[Bad] = []
    for raw in alerts:
        try:
            signals.append(signal_of(AlertIn.model_validate(raw), group=group, max_labels=max_labels, received_at=received_at))
        except ValidationError as error:
            bad.append(Bad(raw, reason_of(error)))
        except Invalid as error:
            bad.append(Bad(raw, error.detail))
    truncated = body.get("truncatedAlerts")
    return Parsed(tuple(signals), tuple(bad), truncated=truncated if isinstance(truncated, int) else 0)


def signal_of(alert: AlertIn, *, group: str, max_labels: int, received_at: datetime) -> Signal:
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
        starts_at=_known(alert.startsAt) or received_at,
        ended_at=None if firing else _known(alert.endsAt) or received_at,
        group_key=group,
        generator_url=alert.generatorURL,
    )


def _known(at: datetime | None) -> datetime | None:
    """A real time in UTC; Go's zero time is none."""
    if at is None or at.year <= YEAR_ONE:
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def reason_of(error: ValidationError) -> str:
    """The first fault of a quarantined alert, with its field, in words."""
    first: Any = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the alert"
    return f"{place}: {first['msg']}"[:500]
