"""Grafana's unified alerting: Alertmanager's group with version "1" and more fields.

https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from pydantic import JsonValue

from incidents.intake import alertmanager
from incidents.intake.signals import Parsed, Signal

TEST_NAME = "TestAlert"  # what the button "Test" of a contact point sends
FIRST_ORGANISATION = 1
# Fields beside the annotations that people want to see, and the annotation that shows each.
SHOWN = (
    ("valueString", "value_string"),
    ("dashboardURL", "dashboard_url"),
    ("panelURL", "panel_url"),
    ("imageURL", "image_url"),
    ("silenceURL", "silence_url"),
)


def parse(body: Mapping[str, JsonValue], *, max_labels: int, received_at: datetime) -> Parsed:
    """The signals of one group; Invalid for a body that is none of Grafana's unified alerting."""
    organisation = body.get("orgId")

    def read(raw: JsonValue, group: str) -> Signal:
        organisation_here = raw.get("orgId", organisation) if isinstance(raw, dict) else None
        signal = alertmanager.read(raw, group=group, max_labels=max_labels, received_at=received_at)
        return replace(
            signal,
            fingerprint=_fingerprint(signal, organisation_here),
            annotations=_shown(raw) | dict(signal.annotations),
            is_test=signal.labels.get("alertname") == TEST_NAME,
        )

    parsed = alertmanager.parse_group(body, read)
    return replace(parsed, bad=tuple(replace(bad, raw=_kept(bad.raw, organisation)) for bad in parsed.bad))


def _kept(raw: JsonValue, organisation: JsonValue) -> JsonValue:
    """An alert that is put aside, with its organisation, so that it is the same alert when it is read again."""
    return raw | {"orgId": organisation} if isinstance(raw, dict) and organisation is not None else raw


def _fingerprint(signal: Signal, organisation: JsonValue) -> str:
    """Two organisations of one Grafana may have alerts with the same labels."""
    if isinstance(organisation, int) and organisation not in (0, FIRST_ORGANISATION):
        return f"{organisation}-{signal.fingerprint}"[:64]
    return signal.fingerprint


def _shown(raw: JsonValue) -> dict[str, str]:
    """The extra fields as annotations. They are ornaments: what is wrong about one only leaves it out."""
    if not isinstance(raw, dict):
        return {}
    found = {name: value for field, name in SHOWN if isinstance(value := raw.get(field), str) and value}
    values = raw.get("values")
    if isinstance(values, dict) and values:
        found["values"] = ", ".join(f"{name}={value}" for name, value in values.items())
    return found
