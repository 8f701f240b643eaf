"""What a person reads of a rehearsal: the incidents, what would have been done about them, and why a person is asked."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from incidents.replay import Answer, Rehearsal

SHOWN = 40  # incidents of one table
TOLD = 12  # incidents with their reasons
WIDEST = 90


def report(rehearsals: Iterable[Rehearsal], *, assumed: str) -> Iterator[str]:
    """`assumed` says under which records the word about running alone was given."""
    answers: list[Answer] = []
    alerts = 0
    for rehearsal in rehearsals:
        alerts += rehearsal.alerts
        answers += rehearsal.incidents
        yield from _incidents(rehearsal)
    yield from _summary(answers, alerts, assumed)


def _incidents(rehearsal: Rehearsal) -> Iterator[str]:
    found = rehearsal.incidents
    apart = [
        f"{count} {words}"
        for count, words in ((rehearsal.quiet, "dead man's switches"), (rehearsal.ended, "only ended"))
        if count
    ]
    head = f"Storm {rehearsal.title}: " if rehearsal.title else ""
    yield f"{head}{rehearsal.alerts} alerts, {len(found)} incidents{f' ({chr(44).join(apart)})' if apart else ''}"
    yield from table(
        ("alerts", "severity", "root", "about", "proposal", "who"),
        [
            (
                str(len(one.facts.alerts)),
                one.facts.severity.value,
                one.facts.alert_name or "(no name)",
                str(one.facts.target or "no target"),
                one.proposal.description,
                _who(one),
            )
            for one in found[:SHOWN]
        ],
    )
    if len(found) > SHOWN:
        yield f"  and {len(found) - SHOWN} more"
    yield ""
    for one in found[:TOLD]:
        yield f"{one.facts.alert_name or '(no name)'} · {one.proposal.category.value} · {one.facts.target or 'no target'}"
        yield f"  {one.proposal.description}. {one.proposal.reasoning}"
        if one.proposal.action.is_change and one.judged.why:
            yield f"  {_who(one).capitalize()}: {one.judged.why}"
    yield ""


def _who(answer: Answer) -> str:
    if not answer.proposal.action.is_change:
        return "told"
    return "alone" if answer.auto else "a person"


def _summary(answers: Sequence[Answer], alerts: int, assumed: str) -> Iterator[str]:
    changes = [one for one in answers if one.proposal.action.is_change]
    alone = sum(one.auto for one in changes)
    yield f"{alerts} alerts, {len(answers)} incidents, {len(changes)} with a change, {alone} that could run alone ({assumed})"
    counts = Counter(one.proposal.action.action_class.value for one in answers)
    runs = Counter(one.proposal.action.action_class.value for one in changes if one.auto)
    yield from table(("proposal", "incidents", "alone"), [(name, str(n), str(runs[name])) for name, n in counts.most_common()])
    why = Counter(one.judged.why for one in changes if not one.auto and one.judged.why)
    if why:
        yield ""
        yield from table(("a person is asked because", "incidents"), [(words, str(n)) for words, n in why.most_common(10)])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they need to be, up to a limit; numbers to the right."""
    cells = [[cell if len(cell) <= WIDEST else f"{cell[: WIDEST - 1]}…" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    for row in (head, *cells):
        yield (
            "  "
            + "  ".join(
                cell.rjust(width) if cells and cells[0][n].isdecimal() else cell.ljust(width)
                for n, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
        )
