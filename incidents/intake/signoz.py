"""SigNoz: Alertmanager's group, and the flat form that holds one alert by itself.

https://signoz.io/docs/alerts-management/notification-channel/webhook/
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from pydantic import JsonValue

from aiops.core.errors import Invalid
from incidents.intake import alertmanager
from incidents.intake.signals import Parsed, Signal

# A test of a rule carries the label testalert; the test of a channel only says so in its words.
TEST_CHANNEL_NAME, TEST_CHANNEL_SUMMARY = "Test Alert (", "Test alert fired from SigNoz"


def parse(body: Mapping[str, JsonValue], *, max_labels: int, received_at: datetime) -> Parsed:
    """The signals of either form; Invalid for a body that is neither."""

    def read(raw: JsonValue, group: str) -> Signal:
        signal = alertmanager.read(unfolded(raw), group=group, max_labels=max_labels, received_at=received_at)
        return replace(signal, is_test=_is_test(signal))

    if "alerts" in body:
        return alertmanager.parse_group(body, read)
    if "alertname" in body or "labels" in body:
        return alertmanager.parse_group({"alerts": [dict(body)]}, read)
    raise Invalid("alerts is a list, or the body is one alert with alertname, status and labels", loc=("body", "alerts"))


def unfolded(raw: JsonValue) -> JsonValue:
    """The flat form keeps the alert's name beside the labels."""
    if not isinstance(raw, dict) or "alertname" not in raw:
        return raw
    labels = raw.get("labels")
    if labels is not None and not isinstance(labels, dict):
        return raw
    return raw | {"labels": {"alertname": raw["alertname"]} | (labels or {})}


def _is_test(signal: Signal) -> bool:
    labels = signal.labels
    from_channel = labels.get("alertname", "").startswith(TEST_CHANNEL_NAME)
    return labels.get("testalert") == "true" or (from_channel and signal.annotations.get("summary") == TEST_CHANNEL_SUMMARY)
