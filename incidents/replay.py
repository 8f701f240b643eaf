"""Recorded alerts through the product's own correlation and engines, offline: no cluster, no database, nothing written.

The engines are the expert rules: playbooks live in a database, and what is recorded never goes to a language model.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from aiops.core.actions import ActionClass
from aiops.core.clusters import Cluster
from aiops.core.targets import Target
from incidents import recorded, storms
from incidents.casebook import Case
from incidents.conf import IncidentsConf
from incidents.engines.expert import ExpertEngine, may_run_alone
from incidents.intake.reading import Reading, read
from incidents.proposals import AlertFacts, Facts, Proposal
from incidents.recorded import RecordedAlert, RecordedStorm, Single
from incidents.storms import BEGINNING, StormAnswer
from incidents.topology import Topology, of_record


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether an act would run without a person, and why not, or by what."""

    auto: bool
    why: str = ""


Judge = Callable[[Proposal, Facts], Judged]


def by_the_rules(proposal: Proposal, facts: Facts) -> Judged:
    """As far as the rules go: policy is asked elsewhere."""
    return Judged(may_run_alone(proposal, facts))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engines say about one recorded alert, or about an incident of several."""

    id: str
    facts: Facts
    proposal: Proposal
    judged: Judged

    @property
    def auto(self) -> bool:
        return self.judged.auto

    @property
    def target(self) -> Target | None:
        """What the decision is about: replacing one pod is an act on its workload."""
        aimed = self.proposal.action.target
        return self.facts.target if self.proposal.action.action_class is ActionClass.DELETE_POD or aimed is None else aimed

    def to_json(self) -> dict[str, JsonValue]:
        target = self.target.model_dump(mode="json") if self.target else None
        if target is not None and target["unit"] is None:
            del target["unit"]
        return {
            "id": self.id,
            "category": self.proposal.category.value,
            "action_class": self.proposal.action.action_class.value,
            "target": target,
            "auto": self.auto,
        }


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would have become of recorded alerts: the incidents, each with its answer, largest first.

    `title` is that of a storm, empty for alerts of a history. `quiet`: dead man's switches; `ended`: alerts of which only
    the end was recorded.
    """

    title: str
    alerts: int
    incidents: Sequence[Answer]
    quiet: int
    ended: int


def replay(
    lines: Iterable[str], *, conf: IncidentsConf | None = None, now: datetime | None = None, judge: Judge = by_the_rules
) -> Iterator[Answer | StormAnswer]:
    """The answer to every recorded alert, each for itself, and to every storm, in order."""
    at, conf = now or datetime.now(UTC), conf or IncidentsConf()
    for entry in recorded.read(lines):
        if isinstance(entry, RecordedStorm):
            yield storms.answer(entry, conf=conf)
        else:
            yield _answer(entry.id, facts_of(entry.alert, now=at), judge)


def rehearse(
    lines: Iterable[str],
    *,
    conf: IncidentsConf,
    topology: Topology,
    judge: Judge,
    clusters: Sequence[Cluster] = (),
    now: datetime | None = None,
) -> Iterator[Rehearsal]:
    """Every storm for itself, then all other alerts together as one history, by the time they began."""
    at = now or datetime.now(UTC)
    history: list[Single] = []
    for entry in recorded.read(lines):
        if isinstance(entry, RecordedStorm):
            entries = sorted(entry.alerts, key=lambda one: one.offset_s)
            readings = [read(one.alert.signal(received_at=at), clusters) for one in entries]
            times = [BEGINNING + timedelta(seconds=one.offset_s) for one in entries]
            cases = storms.correlate(readings, times, of_record(entry.topology), conf)
            yield _rehearsed(f"{entry.id} {entry.title}".strip(), [one.id for one in entries], readings, cases, judge, at)
        else:
            history.append(entry)
    if history:
        timed = sorted(((_time(one.alert, at), one) for one in history), key=lambda pair: pair[0])
        readings = [read(one.alert.signal(received_at=at), clusters) for _, one in timed]
        cases = storms.correlate(readings, [time for time, _ in timed], topology, conf)
        yield _rehearsed("", [one.id for _, one in timed], readings, cases, judge, at)


def _time(alert: RecordedAlert, now: datetime) -> datetime:
    """When it was told: an end is told when it ends."""
    signal = alert.signal(received_at=now)
    return signal.ended_at or signal.starts_at


def _rehearsed(
    title: str, ids: Sequence[str], readings: Sequence[Reading], cases: Sequence[Case | None], judge: Judge, now: datetime
) -> Rehearsal:
    distinct = list({id(case): case for case in cases if case is not None}.values())
    answers = []
    for case in sorted(distinct, key=lambda case: -len(case.alerts)):
        root = case.root_alert if case.root_alert is not None else case.alerts[0]
        members = [root, *(number for number in case.alerts if number != root)]
        answers.append(_answer(ids[root], _facts([readings[number] for number in members], now=now), judge))
    quiet = sum(reading.is_deadman for reading in readings)
    return Rehearsal(title, len(readings), answers, quiet, sum(case is None for case in cases) - quiet)


def _answer(key: str, facts: Facts, judge: Judge) -> Answer:
    proposal = ExpertEngine().propose(facts)
    return Answer(id=key, facts=facts, proposal=proposal, judged=judge(proposal, facts))


def facts_of(alert: RecordedAlert, *, now: datetime) -> Facts:
    """The facts of an incident that consists of this one alert."""
    return _facts([read(alert.signal(received_at=now), ())], now=now)


def _facts(readings: Sequence[Reading], *, now: datetime) -> Facts:
    """The facts of an incident of these alerts, the root first."""
    root = readings[0]
    return Facts(
        ref="replay",
        severity=min(reading.severity for reading in readings),
        category=root.category,
        environment=root.environment,
        cluster=root.cluster or root.signal.labels.get("cluster", ""),
        namespace=root.namespace,
        target=root.target,
        alert_name=root.name,
        alerts=tuple(
            AlertFacts(
                id=number,
                name=reading.name,
                status="firing" if reading.signal.firing else "resolved",
                labels=reading.signal.labels,
                annotations=reading.signal.annotations,
                target=reading.target,
                category=reading.category,
                starts_at=reading.signal.starts_at,
            )
            for number, reading in enumerate(readings)
        ),
        services=(),
        anomaly_key="",
        frequency={},
        is_test=any(reading.is_test for reading in readings),
        now=now,
    )
