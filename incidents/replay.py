"""Recorded alerts through the product's own engines, offline: no cluster, no database, nothing written.

A line of the input is a bare alert, a webhook body with `alerts`, or `{"id", "alert"}` as in the corpus.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from aiops.core.actions import ActionClass
from aiops.core.clusters import environment_of
from aiops.core.scales import severity_of
from aiops.core.targets import Target
from incidents.classification import classify
from incidents.engines.expert import ExpertEngine, may_run_alone
from incidents.proposals import AlertFacts, Facts, Proposal
from incidents.targets import namespace_of, target_of

Judge = Callable[[Proposal, Facts], bool]


class RecordedAlert(BaseModel):
    """One alert as Alertmanager sends it; other fields of the sender are ignored."""

    model_config = ConfigDict(extra="ignore")

    status: str = "firing"
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    startsAt: datetime | None = None
    fingerprint: str = ""


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


def replay(lines: Iterable[str], *, now: datetime | None = None, runs_alone: Judge = may_run_alone) -> Iterator[Answer]:
    """The answer to every recorded alert, in order. `runs_alone` judges which would need no person."""
    engine, at = ExpertEngine(), now or datetime.now(UTC)
    for key, alert in read(lines):
        facts = facts_of(alert, now=at)
        proposal = engine.propose(facts)
        yield Answer(id=key, facts=facts, proposal=proposal, auto=runs_alone(proposal, facts))


def read(lines: Iterable[str]) -> Iterator[tuple[str, RecordedAlert]]:
    """Every alert of a JSON Lines text with its id, or its line number. ValueError names the line that is no alert."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield from _alerts(json.loads(line), str(number))
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"line {number}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error


def _alerts(entry: Any, number: str) -> Iterator[tuple[str, RecordedAlert]]:
    if not isinstance(entry, Mapping):
        raise ValueError("not a JSON object")
    if isinstance(entry.get("alert"), Mapping):
        yield str(entry.get("id") or number), RecordedAlert.model_validate(entry["alert"])
    elif isinstance(entry.get("alerts"), list):
        for index, alert in enumerate(entry["alerts"], 1):
            yield from _alerts(alert, f"{number}.{index}")
    elif isinstance(entry.get("labels"), Mapping):
        yield str(entry.get("id") or number), RecordedAlert.model_validate(entry)
    else:
        raise ValueError("neither an alert nor a webhook body")


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


def report(answers: Sequence[Answer]) -> Iterator[str]:
    """What a person reads: every alert with its decision and reason, then what it comes to."""
    for answer in answers:
        name, action = answer.facts.alert_name or "(no name)", answer.proposal.action
        alone = " (could run alone)" if answer.auto else " (a person agrees)" if action.is_change else ""
        yield f"{name} · {answer.proposal.category.value} · {answer.facts.target or 'no target'}"
        yield f"  {answer.proposal.description}{alone}"
        yield f"  {answer.proposal.reasoning}"
        yield ""
    counts = Counter(answer.proposal.action.action_class.value for answer in answers)
    changes = sum(answer.proposal.action.is_change for answer in answers)
    yield f"{len(answers)} alerts, {changes} with a change, {sum(answer.auto for answer in answers)} that could run alone:"
    yield from (f"  {name:22}{count:6}" for name, count in counts.most_common())
