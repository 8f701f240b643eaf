"""Recorded alerts through the product's own correlation and engines, offline: no cluster, no database, nothing written."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from aiops.core.actions import ActionClass
from aiops.core.clusters import environment_of
from aiops.core.scales import severity_of
from aiops.core.targets import Target
from incidents import recorded, storms
from incidents.classification import classify
from incidents.conf import IncidentsConf
from incidents.engines.expert import ExpertEngine, may_run_alone
from incidents.proposals import AlertFacts, Facts, Proposal
from incidents.recorded import RecordedAlert, RecordedStorm
from incidents.storms import StormAnswer
from incidents.targets import namespace_of, target_of

Judge = Callable[[Proposal, Facts], bool]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engines say about one recorded alert. `auto`: with a flawless record it would run without a person."""

    id: str
    facts: Facts
    proposal: Proposal
    auto: bool

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


def replay(
    lines: Iterable[str], *, conf: IncidentsConf | None = None, now: datetime | None = None, runs_alone: Judge = may_run_alone
) -> Iterator[Answer | StormAnswer]:
    """The answer to every recorded alert and storm, in order. `runs_alone` judges which decisions would need no person."""
    engine, at, conf = ExpertEngine(), now or datetime.now(UTC), conf or IncidentsConf()
    for entry in recorded.read(lines):
        if isinstance(entry, RecordedStorm):
            yield storms.answer(entry, conf=conf)
        else:
            facts = facts_of(entry.alert, now=at)
            proposal = engine.propose(facts)
            yield Answer(id=entry.id, facts=facts, proposal=proposal, auto=runs_alone(proposal, facts))


def facts_of(alert: RecordedAlert, *, now: datetime) -> Facts:
    """The facts of an incident that consists of this one alert."""
    target = target_of(alert.labels)
    namespace = namespace_of(alert.labels) or ""
    environment = environment_of(alert.labels, None, namespace)
    category = classify(alert.labels, alert.annotations, target)
    one = AlertFacts(
        id=0,
        name=alert.labels.get("alertname", ""),
        status=alert.status,
        labels=alert.labels,
        annotations=alert.annotations,
        target=target,
        category=category,
        starts_at=alert.startsAt or now,
    )
    return Facts(
        ref="replay",
        severity=severity_of(alert.labels.get("severity", ""), production=environment == "production"),
        category=category,
        environment=environment,
        cluster=alert.labels.get("cluster", ""),
        namespace=namespace,
        target=target,
        alert_name=one.name,
        alerts=(one,),
        services=(),
        anomaly_key="",
        frequency={},
        is_test=alert.labels.get("testalert", "").lower() == "true",
        now=now,
    )


def report(answers: Sequence[Answer | StormAnswer]) -> Iterator[str]:
    """What a person reads: every alert with its decision and reason, every storm with its incidents, then what it comes to."""
    for answer in answers:
        yield from _told(answer) if isinstance(answer, Answer) else _storm_told(answer)
        yield ""
    alone = [answer for answer in answers if isinstance(answer, Answer)]
    counts = Counter(answer.proposal.action.action_class.value for answer in alone)
    changes = sum(answer.proposal.action.is_change for answer in alone)
    yield f"{len(alone)} alerts, {changes} with a change, {sum(answer.auto for answer in alone)} that could run alone:"
    yield from (f"  {name:22}{count:6}" for name, count in counts.most_common())


def _told(answer: Answer) -> Iterator[str]:
    name, action = answer.facts.alert_name or "(no name)", answer.proposal.action
    alone = " (could run alone)" if answer.auto else " (a person agrees)" if action.is_change else ""
    yield f"{name} · {answer.proposal.category.value} · {answer.facts.target or 'no target'}"
    yield f"  {answer.proposal.description}{alone}"
    yield f"  {answer.proposal.reasoning}"


def _storm_told(storm: StormAnswer) -> Iterator[str]:
    sizes = Counter(label for label in storm.grouping.values() if label is not None)
    yield f"Storm {storm.id}: {len(storm.grouping)} alerts, {len(sizes)} incidents, root {storm.root or 'none'}"
    for label, size in sizes.most_common():
        yield f"  {label}: {', '.join(key for key, home in storm.grouping.items() if home == label)} ({size})"
