"""The engines that need nothing but the database: rules, history and playbooks. They answer in milliseconds, always."""

import time
from collections.abc import Callable, Sequence

from django.conf import settings

from aiops.core.categories import Category
from aiops.core.targets import Target
from incidents.engines.expert import ExpertEngine, when_broken
from incidents.engines.guard import guarded
from incidents.engines.history import HistoryEngine
from incidents.engines.playbook import PlaybookEngine, Step, Symptoms
from incidents.proposals import Engine, EngineAnswer, Facts, Proposal, Source
from learning import repairs
from learning.models import Playbook

RULES = Source.EXPERT_SYSTEM.value


def ask(known: Facts) -> tuple[Proposal, list[EngineAnswer]]:
    """The rules' own proposal, which is there whatever happens, and what each local engine says, the rules first."""
    fallback, rules = ask_rules(known)
    history = repairs.recommendation(known.anomaly_key, fallback.action, conf=settings.AIOPS.learning, at=known.now)
    engines: Sequence[Engine] = (HistoryEngine(history), PlaybookEngine(approved_playbooks(), settings.AIOPS.incidents))
    return fallback, [rules, *(_ask(engine, known) for engine in engines)]


def ask_rules(known: Facts) -> tuple[Proposal, EngineAnswer]:
    """The rules' proposal, where they break that people have to look; and their answer, a failed one then."""
    return ask_rules_of(known.ref, lambda: known, target=known.target, category=known.category)


def ask_rules_of(
    ref: str, load: Callable[[], Facts], *, target: Target | None, category: Category
) -> tuple[Proposal, EngineAnswer]:
    """The same where the facts themselves may break, and only this is known of them."""

    def work() -> EngineAnswer:
        begun = time.perf_counter()
        proposed = ExpertEngine().propose(load())
        return EngineAnswer(RULES, "answered", _ms(begun), proposed)

    answer = guarded(RULES, ref, work)
    return answer.proposal or when_broken(RULES, target, category), answer


def approved_playbooks() -> list[Symptoms]:
    rows = Playbook.objects.filter(status=Playbook.Status.APPROVED).prefetch_related("steps")
    return [
        Symptoms(
            id=row.pk,
            name=row.name,
            description=row.description,
            target_kind=row.target_kind,
            alert_names=frozenset(row.alert_names),
            categories=frozenset(row.categories),
            severities=frozenset(row.severities),
            services=frozenset(row.services),
            labels=dict(row.labels),
            steps=tuple(
                Step(step.action_class, dict(step.parameters), step.target_kind, step.target_name) for step in row.steps.all()
            ),
            runs=row.runs,
            rate=row.success_rate,
            needs=frozenset(row.needs),
        )
        for row in rows
    ]


def _ask(engine: Engine, known: Facts) -> EngineAnswer:
    begun = time.perf_counter()

    def work() -> EngineAnswer:
        view = engine.view(known)
        return EngineAnswer(
            engine.name,
            "answered" if view.proposal else "nothing",
            _ms(begun),
            view.proposal,
            error=view.because,
            leads=view.leads,
            record=view.record,
            right=view.right,
            asked=view.asked,
        )

    return guarded(engine.name, known.ref, work)


def _ms(begun: float) -> int:
    return int((time.perf_counter() - begun) * 1000)
