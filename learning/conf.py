"""The numbers of trust. Sources: `trust-model.md` §2–6."""

from pydantic import BaseModel, ConfigDict, Field


class LearningConf(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    half_life_days: float = Field(90.0, gt=0, description="Evidence this old counts half")
    sure: float = Field(0.80, gt=0, lt=1, description="How sure the bound has to be")
    need_human: float = Field(0.80, gt=0, lt=1, description="Success rate that lets a `human` tier run alone")
    need_dual: float = Field(0.90, gt=0, lt=1, description="Success rate that lets `dual` need one signature")
    disproved_below: float = Field(0.60, gt=0, lt=1, description="`auto` asks once it surely works less often than this")
    score_min: int = Field(5, description="Score from which trust lowers the tier")
    score_max: int = Field(10)
    days_min: int = Field(3, description="Distinct days with a verified success")
    people_min: int = Field(2, description="Distinct signers of verified runs; 1 for a team of one")
    budget_per_hour: int = Field(3, description="Autonomous runs a pattern and hour, where trust lowered the tier")
    breaker_failures: int = Field(2, description="Failed autonomous runs on a resource group that suspend trust")
    breaker_window_s: int = Field(4 * 3600)
    grant_max_days: int = Field(30)
    shadow_cases: int = Field(10, description="Answered proposals before a row may leave shadow mode")
    shadow_agreement: float = Field(0.80)
    recurrence_s: int = Field(1800, description="The anomaly back within this time turns a success into a failure")
    healed_watch: float = Field(0.40, description="Share of alerts that clear by themselves from which we watch first")
    heal_window_s: int = Field(900)
    hold_out_one_in: int = Field(20)
    rating_good: int = Field(4)
    rating_bad: int = Field(2)
    proven_runs: int = Field(5)
    proven_rate: float = Field(0.60)
    records_per_pair: int = Field(100)
    records_days: int = Field(90)
