"""What asking models cost, and what became of every question."""

from datetime import datetime
from typing import NamedTuple, Self

from django.db import models
from django.db.models import F, Q, Sum
from django.utils import timezone

from incidents.models.decision import Decision
from incidents.models.incident import Incident


class Spent(NamedTuple):
    """`cost_micros` are millionths of a US dollar."""

    tokens: int
    cost_micros: int


class LlmCallQuerySet(models.QuerySet["LlmCall"]):
    def since(self, at: datetime) -> Self:
        return self.filter(at__gte=at)

    def spent(self) -> Spent:
        found = self.order_by().aggregate(tokens=Sum(F("tokens_in") + F("tokens_out")), cost=Sum("cost_micros"))
        return Spent(found["tokens"] or 0, found["cost"] or 0)

    def judged(self) -> Self:
        """Questions that came to an answer, right or made up: what governance counts hallucinations in."""
        return self.filter(status__in=(LlmCall.Status.ANSWERED, LlmCall.Status.HALLUCINATED))


class LlmCall(models.Model):
    """One provider asked once. The row is made before the question is sent, with the tokens that it may use; a row that
    stays `asking` belongs to a process that died, and its tokens count as used."""

    class Status(models.TextChoices):
        ASKING = "asking"
        ANSWERED = "answered"
        HALLUCINATED = "hallucinated"  # it named what nobody offered, or did not keep to the form
        REFUSED = "refused"
        OVER_TOKENS = "over_tokens"
        FAILED = "failed"
        TIMEOUT = "timeout"
        SKIPPED = "skipped"  # nothing was sent

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="llm_calls")
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="llm_calls", db_index=False)
    engine = models.CharField(max_length=30)
    provider = models.CharField(max_length=60, blank=True)
    model = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.ASKING)
    reason = models.CharField(max_length=300, blank=True)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost_micros = models.PositiveBigIntegerField(default=0, help_text="Millionths of a US dollar; 0 where the price is not known")
    ms = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(default=timezone.now)

    objects = LlmCallQuerySet.as_manager()

    class Meta:
        verbose_name = "LLM call"
        ordering = ["-id"]
        indexes = [
            # What today cost, from the index alone.
            models.Index(fields=["at"], include=["tokens_in", "tokens_out", "cost_micros"], name="llm_calls_by_time"),
            models.Index(fields=["incident"], include=["tokens_in", "tokens_out"], name="llm_calls_of_incident"),
            # The last hundred that were judged.
            models.Index(
                fields=["-at"],
                include=["status"],
                name="llm_calls_judged",
                condition=Q(status__in=["answered", "hallucinated"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.engine} at {self.provider}: {self.status}"
