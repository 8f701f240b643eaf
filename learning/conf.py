"""The numbers of trust. Sources: `trust-model.md` §2–9, `domain.md` §6.

Profiles (`sure`/`need_human`): strict 0.95/0.80, default 0.80/0.80, bold 0.80/0.75; nothing else changes with them.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class LearningConf(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    # Trust: bound and score
    half_life_days: float = Field(90.0, gt=0, description="Evidence this old counts half")
    sure: float = Field(0.80, gt=0, lt=1, description="How sure the bound has to be")
    need_human: float = Field(0.80, gt=0, lt=1, description="Success rate that lets a `human` tier run alone")
    need_dual: float = Field(0.90, gt=0, lt=1, description="Success rate that lets `dual` need one signature")
    disproved_below: float = Field(0.60, gt=0, lt=1, description="`auto` asks once it surely works less often than this")
    disproved_sure: float = Field(0.80, gt=0, lt=1, description="How sure that has to be")
    score_min: int = Field(5, ge=0, le=10, description="Score from which trust lowers the tier")
    days_min: int = Field(3, ge=0, description="Distinct days with a verified success")
    people_min: int = Field(2, ge=0, description="Distinct signers of verified runs; 1 for a team of one")
    sentence_days: int = Field(90, ge=1, description="Runs counted in the sentence on screen")

    # Brakes
    budget_per_hour: int = Field(3, ge=0, description="Autonomous runs a pattern and hour, where trust lowered the tier")
    breaker_failures: int = Field(2, ge=1, description="Failed autonomous runs on a resource group that suspend trust")
    breaker_window_s: int = Field(4 * 3600, ge=1, description="How recent those failures are")
    grant_max_days: int = Field(30, ge=1, description="The longest grant or revoke")
    shadow_cases: int = Field(10, ge=1, description="Answered proposals before a row may leave shadow mode")
    shadow_agreement: float = Field(0.80, gt=0, lt=1, description="Agreement rate that leaves shadow mode")
    shadow_sure: float = Field(0.80, gt=0, lt=1, description="How sure that has to be")

    # Later knowledge about a run
    recurrence_s: int = Field(1800, ge=0, description="The anomaly back within this time turns a success into a failure")
    rating_good: int = Field(4, ge=1, le=5, description="Rating from which a repair was good")
    rating_bad: int = Field(2, ge=1, le=5, description="Rating up to which a repair was bad")

    # Alerts that clear by themselves
    healed_watch: float = Field(
        0.40, gt=0, lt=1, description="Share of alerts that clear by themselves from which we watch first"
    )
    heal_window_s: int = Field(900, ge=1, description="How long an alert is watched")
    healed_days: int = Field(90, ge=1, description="Incidents that count for that share")
    hold_out_one_in: int = Field(20, ge=1, description="One in this many autonomous decisions is watched first too")

    # Ranking of repairs
    proven_runs: int = Field(5, ge=1, description="Runs before a repair is proven or shut")
    proven_rate: float = Field(0.60, gt=0, lt=1, description="Success rate that proves a repair")
    ranking_sure: float = Field(0.80, gt=0, lt=1, description="Bound by which repairs are ranked")
    excellent_rate: float = Field(0.80, gt=0, lt=1, description="Success rate of tier 1 and of an excellent history")
    records_per_pair: int = Field(100, ge=1, description="Latest runs of an action that count")
    records_days: int = Field(90, ge=1, description="Runs older than this do not count")
    in_vain_tries: int = Field(2, ge=1, description="Failed runs after which a repair is not proposed again; in one incident 1")
    in_vain_within_s: int = Field(86_400, ge=60, description="How recent those runs are")
    seconds_of: int = Field(20, ge=1, description="Latest runs whose mean duration is shown")

    # Playbooks
    playbook_gain: float = Field(0.10, gt=0, lt=1, description="Weight of a success in a playbook's trust")
    playbook_loss: float = Field(0.20, gt=0, lt=1, description="Weight of a failure in a playbook's trust")
    confidence_gain: float = Field(0.10, gt=0, lt=1, description="What a good rating adds to a playbook's confidence")
    confidence_loss: float = Field(0.15, gt=0, lt=1, description="What a bad rating takes from it")
    review_from: float = Field(0.90, gt=0, le=1, description="Confidence that makes a draft ready for review")
    deprecate_below: float = Field(0.30, ge=0, lt=1, description="Confidence that deprecates, with most runs failed")

    # Is the confidence honest?
    calibration_sample: int = Field(200, ge=5, description="Latest runs whose prediction is compared with the outcome")
    calibration_min: int = Field(100, ge=5, description="Fewer are not judged")
    overconfidence_max: float = Field(0.05, gt=0, lt=1, description="Mean prediction above mean outcome that raises an event")

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.rating_bad >= self.rating_good:
            raise ValueError("rating_bad has to be below rating_good")
        return self
