"""Incidents as rows: where each one's decision stands, in a word and a line, and who has it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Prefetch, QuerySet
from django.http import QueryDict
from django.utils import timezone

from aiops.core.wording import counted, ordinal
from aiops.keyset import PageQuery, page
from aiops.live import Context, Fragment
from approvals.models import Approval, Execution
from approvals.page import approval_of
from incidents import facts
from incidents.forms import IncidentFilter
from incidents.fragments import everybody
from incidents.models import Decision, Incident

LIVE_SHOWN = 200
OVERVIEW_SHOWN = 12
CLOSED_SHOWN = 15
CLOSED_PAGE = 50
NAMESPACES_SHOWN = 50

S = Decision.State
NEEDS, HANDLED, HELD, CLOSED = "Needs a person, and every P0", "Being handled", "Held", "Closed"
GROUPS = (NEEDS, HANDLED, HELD, CLOSED)


class Row(NamedTuple):
    """One incident of a list."""

    incident: Incident
    state: str
    line: str
    until: datetime | None
    seen: str
    owner: str
    group: str


class Group(NamedTuple):
    words: str
    rows: Sequence[Row]


def rows_of(incidents: Iterable[Incident], now: datetime) -> list[Row]:
    """Four queries for any number of incidents."""
    incidents = list(incidents)
    seen = facts.frequencies([incident.anomaly_key for incident in incidents], now)
    return [_row(incident, seen[incident.anomaly_key]["7d"], now) for incident in incidents]


def with_decisions(rows: QuerySet[Incident]) -> QuerySet[Incident]:
    """Each incident with its newest decision, that one's approval with signatures, and its newest execution."""
    decisions = (
        Decision.objects.order_by("incident_id", "-id")
        .distinct("incident_id")
        .select_related("approval")
        .defer("proposal_data", "assessment", "approval__plan")
        .prefetch_related("approval__signatures")
    )
    executions = Execution.objects.order_by("incident_id", "-planned_at").distinct("incident_id").only(
        "incident_id", "decision_id", "status", "autonomous", "verification_result", "verified_at", "detail", "reason"
    )  # fmt: skip
    return rows.select_related("owner").prefetch_related(
        Prefetch("decisions", decisions, to_attr="newest_decision"), Prefetch("executions", executions, to_attr="newest_run")
    )


def _row(incident: Incident, episodes: int, now: datetime) -> Row:
    decision: Decision | None = next(iter(incident.newest_decision), None)  # type: ignore[attr-defined]
    run: Execution | None = next(iter(incident.newest_run), None)  # type: ignore[attr-defined]
    if run is not None and decision is not None and run.decision_id != decision.pk:
        run = None
    approval = approval_of(decision)
    line, until = _line(incident, decision, approval, run)
    return Row(
        incident=incident,
        state=_state(decision),
        line=line,
        until=until,
        seen=f"{ordinal(episodes)} this week" if episodes > 1 else "1st",
        owner=_owner(incident, run, now),
        group=_group(incident, decision, approval),
    )


def _state(decision: Decision | None) -> str:
    if decision is None:
        return "INIT"
    return "HELD" if decision.reason == Decision.Reason.FROZEN else decision.state


def _owner(incident: Incident, run: Execution | None, now: datetime) -> str:
    if incident.owned_at(now) and incident.owner is not None:
        return str(incident.owner.username)
    return "autonomy" if run is not None and run.autonomous else ""


def _group(incident: Incident, decision: Decision | None, approval: Approval | None) -> str:
    if not incident.is_live:
        return CLOSED
    if decision is not None and decision.reason == Decision.Reason.FROZEN:
        return HELD
    if incident.severity == "P0" or decision is None:
        return NEEDS
    if decision.state in (S.INIT, S.ANALYZING, S.EXECUTING):
        return HANDLED
    return HANDLED if approval is not None and approval.status == Approval.Status.APPROVED and decision.is_live else NEEDS


def _line(
    incident: Incident, decision: Decision | None, approval: Approval | None, run: Execution | None
) -> tuple[str, datetime | None]:
    """What is going on, in at most a line; a countdown may follow it."""
    if decision is None:
        return "Nothing is decided yet", None
    if not incident.is_live and incident.disposition:
        return incident.get_disposition_display(), None
    match decision.state:
        case S.INIT | S.ANALYZING:
            return "A decision is ready within 30 s", None
        case S.READY:
            return _ready(approval)
        case S.EXECUTING | S.COMPLETED | S.ERROR if run is not None:
            return _act(run), None
        case S.WITHDRAWN:
            return decision.get_reason_display(), None
        case S.EXPIRED:
            return "Nobody signed in time", None
    return "People were told", None


def _ready(approval: Approval | None) -> tuple[str, datetime | None]:
    if approval is None:
        return "People are told", None
    if not approval.is_pending:
        return "Signed, it starts at once", None
    if approval.auto_at is not None:
        return "Watching first, alone in", approval.auto_at
    return f"Needs {counted(approval.required_signatures - len(approval.signatures.all()), 'signature')}", None


def _act(run: Execution) -> str:
    who = "Alone" if run.autonomous else "Signed"
    if run.verified_at is not None:
        return f"{who}, verified: {run.verification_result}"
    if run.status == Execution.Status.SUCCEEDED:
        return f"{who}, being verified"
    return f"{who}, {run.get_status_display().lower()}{f': {run.reason}' if run.reason else ''}"


def live_rows(rows: QuerySet[Incident], limit: int) -> tuple[list[Incident], bool]:
    """Live incidents, most severe first; True: there are more than `limit`."""
    found = list(with_decisions(rows.live().order_by("severity", "-opened_at", "-id"))[: limit + 1])  # type: ignore[attr-defined]
    return found[:limit], len(found) > limit


def overview_list(key: str) -> Context:
    now = timezone.now()
    found, more = live_rows(Incident.objects.all(), OVERVIEW_SHOWN)
    return {"rows": rows_of(found, now), "more": more}


def listed(key: str) -> Context:
    """The list as its address says, such as `show=open&severity=P1`; closed ones are paged by `cursor`."""
    now = timezone.now()
    asked = QueryDict(key)
    form = IncidentFilter(asked)
    matching = form.apply(Incident.objects.all())
    shown, cursor = form.shown, asked.get("cursor") or None
    live, more = live_rows(matching, LIVE_SHOWN) if shown != "closed" and cursor is None else ([], False)
    closed, older = _closed(matching, shown, cursor)
    rows = rows_of([*live, *closed], now)
    return {
        "groups": [Group(words, of_group) for words in GROUPS if (of_group := [row for row in rows if row.group == words])],
        "more": more,
        "older": older,
        "shown": shown,
        "narrows": form.narrows,
        "asked": asked,
        "live": f"topic=overview&page=incidents&{key}",
    }


def _closed(rows: QuerySet[Incident], shown: str, cursor: str | None) -> tuple[list[Incident], str | None]:
    ended = with_decisions(rows.filter(status__in=(Incident.Status.RESOLVED, Incident.Status.CLOSED)))
    limit = CLOSED_SHOWN if shown == "open" and cursor is None else CLOSED_PAGE
    return page(ended, PageQuery(limit=limit, cursor=cursor), order=("-opened_at", "-id"))


def namespaces() -> list[str]:
    """Those with something open, for the filter."""
    found = Incident.objects.live().exclude(namespace="").order_by("namespace").values_list("namespace", flat=True).distinct()
    return list(found[:NAMESPACES_SHOWN])


def canonical(query: QueryDict) -> str:
    """What of an address makes the list differ, always in the same order, so that equal lists are rendered once."""
    kept = QueryDict(mutable=True)
    for name in ("show", "q", "severity", "namespace", "service", "cursor"):
        if value := query.get(name, ""):
            kept[name] = value[:300]
    return kept.urlencode()


LIVE_INCIDENTS = Fragment("live-incidents", "incidents/_live_list.html", overview_list, everybody)
INCIDENTS = Fragment("incidents", "incidents/_list.html", listed, everybody)
