"""Making and ending holds, by people."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from pydantic import JsonValue, ValidationError

from aiops.access.principals import Principal, record, require
from aiops.access.roles import Act
from aiops.core.errors import Conflict, Invalid
from aiops.live import publish
from incidents import recurrences
from incidents.holds import Matcher
from incidents.models import Hold, Incident, TimelineEvent


@transaction.atomic
def create(
    by: Principal,
    *,
    matchers: Sequence[dict[str, JsonValue]],
    starts_at: datetime | None,
    ends_at: datetime,
    rrule: str,
    stops: Sequence[Hold.Stops],
    reason: str,
) -> Hold:
    """A new hold; Invalid with the field for one that could never be in force or matches by a broken expression."""
    require(by, Act.HOLD)
    starts_at = starts_at or timezone.now()
    if ends_at <= starts_at:
        raise Invalid("it ends before it begins", loc=("until",))
    if not rrule and ends_at <= timezone.now():
        raise Invalid("it is over already", loc=("until",))
    checked = []
    for n, matcher in enumerate(matchers):
        try:
            checked.append(Matcher.model_validate(matcher).model_dump(mode="json"))
        except ValidationError as error:
            raise Invalid(error.errors()[0]["msg"], loc=("matchers", n, *error.errors()[0]["loc"])) from None
    if rrule:
        rrule = recurrences.check(rrule, starts_at, ends_at, now=timezone.now())
    return _store(by, matchers=checked, starts_at=starts_at, ends_at=ends_at, rrule=rrule, stops=stops, reason=reason)


@transaction.atomic
def silence(incident: Incident, by: Principal, *, for_s: int, comment: str) -> Hold:
    """Stop telling people about this incident's alerts for a while: a `notify` hold on their labels."""
    require(by, Act.SILENCE, for_s=for_s)
    if not 60 <= for_s <= 30 * 86_400:
        raise Invalid("a silence lasts between a minute and 30 days", loc=("for_s",))
    now = timezone.now()
    labels = incident.root_alert.labels if incident.root_alert else {}
    named = {name: labels[name] for name in ("alertname", "namespace", "deployment", "instance") if labels.get(name)}
    matchers = [{"name": name, "op": "=", "value": value} for name, value in named.items()]
    hold = _store(
        by,
        matchers=matchers or [{"name": "alertname", "op": "=", "value": incident.alert_name}],
        starts_at=now,
        ends_at=now + timedelta(seconds=for_s),
        rrule="",
        stops=[Hold.Stops.NOTIFY],
        reason=comment or f"silenced by {by.name}",
        incident=incident,
    )
    TimelineEvent.record(incident, "incident.silenced", "Silenced", detail=comment, actor=by.name)
    return hold


def _store(by: Principal, *, stops: Sequence[Hold.Stops], **fields: object) -> Hold:
    hold = Hold.objects.create(stops=sorted({s.value for s in stops}), created_by=by.name, **fields)
    record(by, Act.HOLD, "hold", hold.pk, reason=hold.reason, stops=list(hold.stops), matchers=hold.matchers)
    publish("overview", "approvals")
    return hold


@transaction.atomic
def end(hold: Hold, by: Principal) -> Hold:
    """End it now. What still fires is decided again by the sweeper."""
    require(by, Act.HOLD)
    now = timezone.now()
    if not Hold.objects.filter(pk=hold.pk, ended_at=None).update(ended_at=now):
        raise Conflict("this hold is over already", code="not_in_force", state="ended")
    hold.refresh_from_db()
    record(by, Act.HOLD, "hold", hold.pk, ended=True, reason=hold.reason)
    publish("overview", "approvals")
    return hold
