"""What models may still cost: asked for before anything is sent, settled afterwards (`domain.md` §3, caps).

The tokens that a question may use are written down first and summed with everybody else's, so questions that are asked at
the same moment cannot pass a cap together. What was not used is given back when the answer is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from aiops.connectors.llm import Outcome, Try
from aiops.core.llm import LlmProvider
from aiops.events import Fact
from incidents.conf import IncidentsConf
from incidents.models import Decision, LlmCall

MICROS = 1_000_000
RECENT_MOST = 200  # calls looked at to tell whether a provider is well
S = LlmCall.Status
STATUS = {
    Outcome.ANSWERED: S.ANSWERED,
    Outcome.GARBAGE: S.HALLUCINATED,
    Outcome.REFUSED: S.REFUSED,
    Outcome.OVER_TOKENS: S.OVER_TOKENS,
    Outcome.FAILED: S.FAILED,
    Outcome.TIMEOUT: S.TIMEOUT,
    Outcome.RESTING: S.SKIPPED,
    Outcome.NO_TIME: S.SKIPPED,
}
FAULTS = frozenset({S.FAILED, S.TIMEOUT})  # what says that a provider is not well; the rest is the model's own way

# A model named something that does not exist. The id is the call's.
model_hallucinated = Fact("llm.hallucinated")


@dataclass(frozen=True, slots=True)
class Spending:
    """What was spent since midnight UTC, beside the caps. Costs are in US dollars; a cap of 0 is none."""

    tokens: int
    tokens_cap: int
    cost: float
    cost_cap: float

    def over(self, wanted: int = 0) -> str:
        """Which cap `wanted` more tokens would pass, in words; empty while there is room."""
        if self.tokens + wanted > self.tokens_cap:
            return f"today's {self.tokens_cap:,} tokens are spent"
        if self.cost_cap and self.cost >= self.cost_cap:
            return f"today's {self.cost_cap:.2f} US dollars are spent"
        return ""


def spending(conf: IncidentsConf, at: datetime) -> Spending:
    spent = LlmCall.objects.since(_midnight(at)).spent()
    return Spending(spent.tokens, conf.llm_tokens_per_day, spent.cost_micros / MICROS, conf.llm_cost_per_day)


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def reserve(decision: Decision, engines: Sequence[str], conf: IncidentsConf) -> tuple[list[LlmCall], str]:
    """A row with the tokens that it may use for each question; or none, and the cap that is in the way, in words.

    Outside of a transaction, so that questions asked at the same moment see each other.
    """
    calls = LlmCall.objects.bulk_create(
        [
            LlmCall(decision=decision, incident_id=decision.incident_id, engine=engine, tokens_in=conf.llm_tokens_per_call)
            for engine in engines
        ]
    )
    reason = _over(decision, conf)
    if reason:
        LlmCall.objects.filter(pk__in=[call.pk for call in calls]).delete()
        return [], reason
    return calls, ""


def _over(decision: Decision, conf: IncidentsConf) -> str:
    of_incident = LlmCall.objects.filter(incident_id=decision.incident_id).spent().tokens
    if of_incident > conf.llm_tokens_per_incident:
        return f"the {conf.llm_tokens_per_incident:,} tokens of this incident are spent"
    return spending(conf, timezone.now()).over()


def resting(providers: Sequence[LlmProvider], conf: IncidentsConf, at: datetime) -> frozenset[str]:
    """Those that failed so often in a row, and so lately, that nobody waits for them: one memory for all workers."""
    rest = timedelta(seconds=conf.llm_breaker_rest_s)
    since = at - rest - timedelta(seconds=conf.analysis_deadline_s)
    asked = LlmCall.objects.since(since).exclude(status__in=(S.ASKING, S.SKIPPED)).order_by("-at", "-pk")
    recent: dict[str, list[tuple[str, datetime]]] = {provider.name: [] for provider in providers}
    for name, status, begun, ms in asked.values_list("provider", "status", "at", "ms")[:RECENT_MOST]:
        recent.get(name, []).append((status, begun + timedelta(milliseconds=ms)))
    return frozenset(name for name, calls in recent.items() if _rests(calls[: conf.llm_breaker_failures], conf, at - rest))


def _rests(last: Sequence[tuple[str, datetime]], conf: IncidentsConf, after: datetime) -> bool:
    """Whether the last calls all failed, the latest of them ending later than `after`."""
    in_a_row = len(last) == conf.llm_breaker_failures and all(status in FAULTS for status, _ in last)
    return in_a_row and max(ended for _, ended in last) > after


@transaction.atomic
def settle(call: LlmCall, tries: Sequence[Try], *, hallucinated: str = "") -> None:
    """Write down what was really used. `hallucinated`: what the answer named that does not exist."""
    rows = [_row(call, done) for done in tries] or [_unsent(call)]
    if hallucinated:
        rows[-1].status, rows[-1].reason = S.HALLUCINATED, hallucinated[:300]
    rows[0].pk = call.pk
    rows[0].save(force_update=True)
    LlmCall.objects.bulk_create(rows[1:])
    for row in rows:
        if row.status == S.HALLUCINATED:
            model_hallucinated.announce(row.pk)


def _row(call: LlmCall, done: Try) -> LlmCall:
    return LlmCall(
        decision_id=call.decision_id,
        incident_id=call.incident_id,
        engine=call.engine,
        provider=done.provider,
        model=done.model,
        status=STATUS[done.outcome],
        reason=done.reason[:300],
        tokens_in=done.tokens_in,
        tokens_out=done.tokens_out,
        cost_micros=done.cost_micros,
        ms=done.ms,
        at=call.at,
    )


def _unsent(call: LlmCall) -> LlmCall:
    return LlmCall(decision_id=call.decision_id, incident_id=call.incident_id, engine=call.engine, status=S.SKIPPED, at=call.at)


def total(decision: Decision) -> tuple[int, float]:
    """Tokens and US dollars that asking models about this decision took."""
    spent = LlmCall.objects.filter(decision=decision).spent()
    return spent.tokens, spent.cost_micros / MICROS
