"""Trying a quarantined alert again: read as its source reads it now, stored like any other, or held with the new reason."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from pydantic import JsonValue

from aiops.access.principals import Principal, require
from aiops.access.roles import Act
from aiops.core.errors import Invalid
from incidents.intake import alertmanager, grafana, quarantine, sentry, signoz
from incidents.intake.reception import receive
from incidents.intake.signals import Parsed
from incidents.models import QuarantinedAlert

GROUPS: Mapping[str, Callable[..., Parsed]] = {
    "alertmanager": alertmanager.parse,
    "grafana": grafana.parse,
    "signoz": signoz.parse,
}


@transaction.atomic
def retry(row: QuarantinedAlert, by: Principal) -> QuarantinedAlert:
    """Take it in if it can be read now; Invalid with the reason that still holds it otherwise."""
    require(by, Act.QUARANTINE)
    conf = settings.AIOPS.incidents
    try:
        raw = json.loads(row.raw)
    except ValueError:
        raise Invalid("it was too long to be kept whole; its sender has to send it again", loc=("raw",)) from None
    parsed = _read(row.source, raw, max_labels=conf.max_labels, received_at=timezone.now())
    if parsed.bad:
        raise Invalid(f"still not usable: {parsed.bad[0].reason}", loc=("raw",))
    row = quarantine.settled(row, by)
    receive(row.source, parsed, conf=conf)
    return row


def _read(source: str, raw: JsonValue, *, max_labels: int, received_at: datetime) -> Parsed:
    """One alert by the parser of its source's kind."""
    kind = source.partition("/")[0]
    if kind == "sentry":
        return sentry.parse_kept(raw, received_at=received_at)
    read = GROUPS.get(kind, alertmanager.parse)
    return read({"alerts": [raw]}, max_labels=max_labels, received_at=received_at)
