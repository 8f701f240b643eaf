"""The numbers of the system's watch over itself. Source: `domain.md` §7."""

from pydantic import BaseModel, ConfigDict, Field


class GovernanceConf(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    hallucination_max: float = Field(0.10, description="Share of failed verifications of LLM proposals")
    execution_failure_max: float = Field(0.15, description="Share of failed executions")
    sample: int = Field(100, description="How many of the latest are looked at")
    sample_min: int = Field(20)
