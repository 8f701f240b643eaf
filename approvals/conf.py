"""The numbers of policy, approval, execution and verification. Sources: `domain.md` §4–5, `reliability.md` §2."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

from aiops.core.targets import LABEL

Namespace = Annotated[str, StringConstraints(pattern=f"^{LABEL.pattern}$")]


class ApprovalsConf(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    # Policy
    tier_human_from: int = Field(30, ge=1, le=100, description="Blast score from which one person is asked")
    tier_dual_from: int = Field(60, ge=1, le=100, description="Blast score from which two people are asked")
    tier_blocked_from: int = Field(85, ge=1, le=100, description="Blast score from which it cannot be done here")
    denied_namespaces: tuple[Namespace, ...] = Field((), description="Changing anything in these is critical")
    autonomy_per_hour: int = Field(20, ge=0, description="Autonomous acts an hour, all patterns")
    breaker_failures: int = Field(3, ge=1, description="Failed autonomous runs that stop all autonomy")
    breaker_window_s: int = Field(3600, ge=60, description="How recent those failures are")
    cooldown_s: int = Field(900, ge=0, le=86_400, description="No second autonomous repair of a target within this time")
    ineffective_tries: int = Field(2, ge=1, description="Ineffective tries on a target after which a person is asked")
    ineffective_window_s: int = Field(86_400, ge=60, description="How recent those tries are")
    broker_fresh_s: float = Field(10.0, gt=0, description="A plan unclaimed for this long means that the broker is down")
    review_one_in: int = Field(10, ge=1, description="Sampled review: one in this many autonomous acts")
    review_overdue_s: int = Field(72 * 3600, ge=60, description="A review unanswered for this long lowers the level")
    drain_limit: int = Field(1, ge=1, description="Nodes out of service at once")
    max_replicas: int = Field(100, ge=1, description="Scaling never asks for more")

    # Approval
    step_up_s: int = Field(900, ge=60, description="A dashboard login counts as fresh for this long")
    escalate_every_s: int = Field(300, ge=1, description="An unanswered approval moves to the next contact after this long")
    signatures_per_hour_warning: int = Field(10, ge=1, description="Signing more often than this warns the signer")

    # Execution
    lease_s: float = Field(20.0)
    renew_below_s: float = Field(10.0)
    act_within_s: float = Field(40.0, description="One run of one execution, in all; the rest is the sweeper's")
    request_timeout_s: float = Field(8.0, description="One HTTP request that changes something, in all")
    read_timeout_s: float = Field(5.0, description="One read")
    ssh_timeout_s: float = Field(15.0, description="One change of a machine over SSH, in all; below the lease")
    authorised_for_s: int = Field(600, description="An approval older than this is checked again by a person")
    retry_backoff_s: float = Field(30.0)
    retries: int = Field(2, description="Repeats after an error that surely had no effect")
    readback_after_s: tuple[float, ...] = Field((1.0, 2.0, 4.0, 8.0))
    readback_every_s: float = Field(15.0, description="How often what is still unclear is read back after these")
    unreadable_s: float = Field(600.0, description="Unclear for this long: with a named person")
    max_claims: int = Field(5)
    unclaimed_after_s: float = Field(10.0, description="Due work that nobody claims is done by the sweeper")
    pdb_patience_s: float = Field(120.0, description="How long a disruption budget may refuse an eviction")

    # Verification
    verify_every_s: float = Field(5.0)
    verify_within_s: float = Field(300.0, description="Not converged after this long: timeout")
    stable_for_s: float = Field(60.0, description="No new restarts for this long")
    alert_clears_within_s: float = Field(300.0, description="Wait for the incident's alert beyond convergence")
    neighbour_window_s: float = Field(300.0, description="New alerts at neighbours within this time are collateral damage")
    heal_watch_s: int = Field(900, description="Watch first: how long an alert may clear by itself")

    @field_validator("tier_dual_from", "tier_blocked_from")
    @classmethod
    def _above_the_one_before(cls, score: int, info: ValidationInfo) -> int:
        before = "tier_human_from" if info.field_name == "tier_dual_from" else "tier_dual_from"
        if before in info.data and score <= info.data[before]:
            raise ValueError(f"has to be above {before}, which is {info.data[before]}")
        return score
