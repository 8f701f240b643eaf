"""What the trust pages, the playbooks and an incident's page show of what was learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from django.db.models import Sum
from django.http import QueryDict
from django.utils import timezone

from aiops.core.actions import SPECS, ActionClass
from aiops.keyset import PageQuery, page
from learning import trust_page
from learning.judgement import Level
from learning.models import Outcome, Playbook, TrustEvent, TrustRecord
from learning.policy import conf_in_force
from learning.trust_page import RunMark, TrustRow

ROWS_SHOWN = 100
LEDGER_SHOWN = 20
MOVED_SHOWN = 4

# How a level is shown beside its word.
STYLES: Mapping[Level, tuple[str, str]] = {
    Level.ALONE: ("ok", "bot"),
    Level.ONE_PERSON: ("wait", "user"),
    Level.TWO_PEOPLE: ("wait", "users"),
    Level.NEVER: ("", "lock"),
    Level.SHADOW: ("", "info"),
}
TICKS = {"success": "ok", "degraded": "warn", "failed": "bad", "unverifiable": "none"}


class Shown(NamedTuple):
    """One trust row for people."""

    row: TrustRow
    css: str
    icon: str
    runs: Sequence[str]
    label: str

    @property
    def floor(self) -> int:
        """The bound in whole percent, rounded down: nothing is claimed that is not there."""
        return int(self.row.standing.bound * 100 + 1e-7)

    @property
    def need(self) -> float | None:
        need = self.row.standing.need
        return need * 100 if need is not None else None


def shown(records: Sequence[TrustRecord]) -> list[Shown]:
    rows = trust_page.rows(records, conf=conf_in_force(), at=timezone.now())
    marks = trust_page.last_runs(records)
    return [_shown(row, marks[row.record.pk]) for row in rows]


def _shown(row: TrustRow, marks: Sequence[RunMark]) -> Shown:
    css, icon = STYLES[row.standing.level]
    counts = {word: sum(mark.word == word for mark in marks) for word in TICKS}
    label = ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "no run by the system yet"
    return Shown(row, css, icon, [TICKS[mark.word] for mark in marks], label)


def trust_list(key: str) -> dict[str, object]:
    """The rows that an address asks for: `level`, `row` and `cursor`."""
    asked = QueryDict(key)
    records, older = page(TrustRecord.objects.all(), PageQuery(limit=ROWS_SHOWN, cursor=asked.get("cursor") or None))
    rows = shown(records)
    level = asked.get("level", "")
    return {
        "rows": [each for each in rows if not level or each.row.standing.level == level],
        "levels": trust_page.levels([each.row for each in rows]),
        "all": len(rows),
        "level": level,
        "older": older,
        "chosen": asked.get("row", ""),
        "score_min": conf_in_force().score_min,
    }


def trust_row(key: str) -> dict[str, object] | None:
    """One row with the latest lines of its ledger; None where there is none."""
    record = TrustRecord.objects.filter(pk=key).first() if key.isdecimal() and len(key) < 16 else None
    if record is None:
        return None
    each, conf = shown([record])[0], conf_in_force()
    reasons = each.row.standing.reasons
    return {
        "each": each,
        "record": record,
        "unmet": [reason for reason in reasons if not reason.met],
        "met": [reason for reason in reasons if reason.met],
        "events": list(trust_page.ledger(record)[:LEDGER_SHOWN]),
        "score_min": conf.score_min,
        "grant_max_days": conf.grant_max_days,
    }


class Moved(NamedTuple):
    each: Shown
    dscore: int


def moved(key: str) -> dict[str, object]:
    """The rows whose evidence changed within a day, newest first."""
    since = timezone.now() - timedelta(days=1)
    newest = TrustEvent.objects.filter(written_at__gt=since).exclude(kind=TrustEvent.Kind.APPROVE)
    changes = newest.values("record").annotate(dscore=Sum("dscore"), last=Sum("id")).order_by("-last")[:MOVED_SHOWN]
    by_record = {change["record"]: change["dscore"] for change in changes}
    records = list(TrustRecord.objects.filter(pk__in=by_record))
    return {
        "moved": [Moved(each, by_record[each.row.record.pk]) for each in shown(records)],
        "score_min": conf_in_force().score_min,
    }


@dataclass(frozen=True, slots=True)
class Learned:
    """What an incident's last run did to its trust row."""

    outcome: Outcome
    each: Shown | None
    event: TrustEvent | None
    playbook: Playbook | None


def learned(key: str) -> dict[str, object]:
    """Of the incident with that id."""
    outcome = Outcome.objects.filter(incident=key).first()
    if outcome is None:
        return {"learned": None}
    scope = outcome.scope
    record = TrustRecord.objects.filter(
        pattern=scope.pattern, environment=scope.environment, namespace=scope.namespace, alert_name=scope.alert_name
    ).first()
    return {
        "learned": Learned(
            outcome=outcome,
            each=shown([record])[0] if record else None,
            event=TrustEvent.objects.filter(execution=outcome.execution).order_by("-id").first(),
            playbook=Playbook.objects.filter(pk=outcome.playbook).first() if outcome.playbook else None,
        ),
        "score_min": conf_in_force().score_min,
    }


class Step(NamedTuple):
    """One step of a playbook, in words."""

    position: int
    words: str
    action_class: str
    risk: str
    aim: str
    parameters: Mapping[str, object]
    expected_effect: str
    verify: str
    rollback: str


def steps_of(playbook: Playbook) -> list[Step]:
    return [
        Step(
            position=step.position,
            words=SPECS[ActionClass(step.action_class)].words,
            action_class=step.action_class,
            risk=step.risk,
            aim=" ".join(word for word in (step.target_kind, step.target_name) if word) or "the incident's own target",
            parameters=step.parameters,
            expected_effect=step.expected_effect,
            verify=step.verify,
            rollback=step.rollback,
        )
        for step in playbook.steps.all()
    ]
