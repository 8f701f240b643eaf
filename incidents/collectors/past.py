"""Earlier incidents of the same anomaly, and what came of each. Read from the database, before a look begins."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from aiops.core.wording import counted
from incidents.collectors.finding import Finding
from incidents.collectors.scene import ago
from incidents.models import Incident
from learning.models import Outcome

SPAN = timedelta(days=90)
SHOWN = 10
OUTCOMES_MOST = 100


def past(incident: Incident, now: datetime) -> list[Finding]:
    if not incident.anomaly_key:
        return []
    same = Incident.objects.filter(anomaly_key=incident.anomaly_key, opened_at__gt=now - SPAN).exclude(pk=incident.pk)
    earlier = list(same.order_by("-opened_at")[:SHOWN])
    if not earlier:
        return []
    acts: defaultdict[int, list[Outcome]] = defaultdict(list)
    done = Outcome.objects.filter(anomaly_key=incident.anomaly_key, at__gt=now - SPAN).order_by("-at")[:OUTCOMES_MOST]
    for outcome in done:
        acts[outcome.incident].append(outcome)
    lines = [f"{one.ref}, {ago(one.opened_at, now)}: {_came_to(one, acts[one.pk])}" for one in earlier]
    worked = sum(outcome.successes for listed in acts.values() for outcome in listed)
    failed = sum(outcome.failures for listed in acts.values() for outcome in listed)
    title = f"Seen before: {counted(len(earlier), 'incident')}, the last one {ago(earlier[0].opened_at, now)}"
    return [Finding("past", title, lines, {"count": len(earlier), "worked": worked, "failed": failed})]


def _came_to(incident: Incident, acts: Sequence[Outcome]) -> str:
    if acts:
        return ", ".join(f"{outcome.action_typed.spec.words.lower()} was a {outcome.result}" for outcome in reversed(acts))
    if incident.disposition:
        return incident.get_disposition_display().lower()
    return "still open" if incident.is_live else "nothing was done"
