"""The draft of a postmortem, in Markdown: what happened, what was known, what was decided and done."""

from incidents.models import Incident
from incidents.proposals import Proposal

CONTENT_MAX = 4_000


def write(incident: Incident) -> str:
    """Timeline, evidence, decisions and outcome. Texts of alerts are quoted as code, so that they stay text."""
    parts = [
        f"# {_plain(incident.title)}",
        f"{incident.ref} · {incident.severity} · {incident.status} · {incident.environment}"
        + (f" · {incident.cluster}/{incident.namespace}" if incident.cluster else ""),
        f"Opened {incident.opened_at:%Y-%m-%d %H:%M:%S} UTC"
        + (f", resolved {incident.resolved_at:%Y-%m-%d %H:%M:%S} UTC" if incident.resolved_at else ", not resolved"),
        _relatives(incident),
        "## Alerts",
        *_alerts(incident),
        "## Decisions",
        *_decisions(incident),
        "## Timeline",
        *_timeline(incident),
        "## Evidence",
        *_evidence(incident),
        "## Outcome",
        _outcome(incident),
        "## What we learned",
        incident.notes or "To be written.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _relatives(incident: Incident) -> str:
    """Incidents that tell the rest of the story: timelines stay where they happened."""
    merged = ", ".join(other.ref for other in incident.merged.order_by("pk"))
    told = [f"Merged into this: {merged}."] if merged else []
    if incident.split_from_id is not None:
        told.append(f"Split off from INC-{incident.split_from_id}.")
    return " ".join(told)


def _plain(text: str) -> str:
    """One line without characters that Markdown or HTML would read as markup."""
    return "".join(" " if c in "\r\n" else f"\\{c}" if c in "\\`*_{}[]<>#|" else c for c in text)


def _fenced(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text[:CONTENT_MAX]}\n{fence}"


def _alerts(incident: Incident) -> list[str]:
    rows = incident.alerts.order_by("first_seen")[:100]
    lines = [
        f"- {alert.first_seen:%H:%M:%S} {_plain(alert.name or 'without a name')} ({alert.source}), "
        f"{alert.status}, heard {alert.occurrences} times"
        for alert in rows
    ]
    return ["\n".join(lines)]


def _decisions(incident: Incident) -> list[str]:
    parts = []
    for decision in incident.decisions.order_by("id"):
        proposal: Proposal | None = decision.proposal
        if proposal is not None:
            why = f", {decision.reason}" if decision.reason else ""
            parts.append(
                f"### {decision.token}: {_plain(proposal.description)}\n\n"
                f"{decision.state}{why}, by {proposal.source}. {_plain(proposal.reasoning)}"
            )
    return parts


def _timeline(incident: Incident) -> list[str]:
    lines = []
    for event in incident.timeline.order_by("id")[:1000]:
        detail = f": {_plain(event.detail)}" if event.detail else ""
        lines.append(f"- {event.at:%Y-%m-%d %H:%M:%S} {_plain(event.title)} ({_plain(event.actor)}){detail}")
    return ["\n".join(lines)]


def _evidence(incident: Incident) -> list[str]:
    rows = incident.evidence.order_by("id")[:50]
    return [f"### {_plain(e.title)} ({e.phase})\n\n{_fenced(e.content or e.error)}" for e in rows]


def _outcome(incident: Incident) -> str:
    if incident.merged_into_id is not None:
        return f"Merged into INC-{incident.merged_into_id}; what came of it is told there."
    if not incident.disposition:
        return "Open."
    rating = f", rated {incident.effectiveness_score} of 5" if incident.effectiveness_score else ""
    return f"{incident.get_disposition_display()}{rating}."
