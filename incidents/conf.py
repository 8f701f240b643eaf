"""The numbers of intake, incidents and decisions. Sources: `domain.md` §2–3, `reliability.md` §3–4."""

from pydantic import BaseModel, ConfigDict, Field


class IncidentsConf(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    # Intake
    max_body_bytes: int = Field(8 * 1024 * 1024, description="Largest webhook body that is read")
    max_depth: int = Field(32, description="Deepest nesting of a webhook body")
    max_labels: int = Field(256, description="More labels than this put an alert into quarantine")
    max_in_flight: int = Field(64, description="Webhook posts handled at once; more are answered 503")
    reserved_in_flight: int = Field(8, description="Of these, kept for Sentry, which never asks again")
    raw_kept_bytes: int = Field(256 * 1024, description="Largest refused body that is stored")
    raw_kept_rows: int = Field(1_000, description="Refused bodies stored a source")
    quarantine_alarm_count: int = Field(3, description="Quarantined alerts within the window that raise an event")
    quarantine_alarm_window_s: int = Field(600)
    refusal_alarm_count: int = Field(5, description="More requests refused a source within the window raise an event")
    refusal_alarm_window_s: int = Field(600)
    # Wider than clocks go astray: intake is idempotent, so an old request repeats nothing, but a refused one is lost.
    signature_window_s: int = Field(900, description="How old a signed time of Grafana's may be")
    stale_after_s: int = Field(5 * 3600, description="An open alert not heard for this long turns stale")
    replay_window_s: int = Field(86_400, description="How long a Sentry Request-ID is remembered")
    reconcile_every_s: float = Field(60.0, gt=0, description="How often open alerts are compared with Alertmanager's list")
    reconcile_deadline_s: float = Field(10.0, description="One look at Alertmanager's list, in all")
    quiet_after_s: int = Field(2 * 3600, description="NoAlertsReceivedLong: no alert from any source for this long")

    # Incidents
    correlation_window_s: int = Field(300, description="An alert joins an incident this long after its last alert")
    correlation_max_s: int = Field(1800, description="An incident takes new alerts this long in all")
    map_every_s: float = Field(60.0, gt=0, description="How often clusters are asked what runs where and what needs what")
    reopen_within_s: int = Field(1800, description="Firing again within this time reopens the incident")
    close_after_s: int = Field(86_400, description="A resolved incident closes by itself after this long")
    own_max_s: int = Field(86_400, description="Longest ownership before it has to be taken again")

    # Decision
    ready_within_s: float = Field(30.0, description="The promise: READY this long after the first alert, always")
    analysis_deadline_s: float = Field(16.0, description="All engines together")
    evidence_deadline_s: float = Field(5.0, description="All evidence collectors together")
    evidence_items: int = Field(40, description="Pieces of evidence kept of one look")
    evidence_item_bytes: int = Field(16_000, description="Longest piece of evidence")
    evidence_bytes: int = Field(160_000, description="All evidence of one look")
    knowledge_deadline_s: float = Field(5.0, description="Knowledge-base context")
    sweep_ready_after_s: float = Field(18.0, description="The sweeper makes an unfinished decision READY at this age")
    unclaimed_after_s: float = Field(10.0, description="INIT this long while the broker answers: the sweeper decides")
    ready_margin_s: float = Field(1.0, description="An analysis ends this long before the sweeper would end it")
    storm_waiting: int = Field(200, description="More waiting decisions than this are decided in batches, by rules")
    storm_age_s: float = Field(10.0, description="In a storm, decisions this old are taken by the sweeper")
    expires_after_s: int = Field(3600, description="READY without an act for this long: EXPIRED")
    drifts_per_hour: int = Field(3, description="Analyses begun again after drift before a person is asked")

    # Engines
    playbook_similarity: float = Field(0.85, ge=0, le=1)
    playbook_success_rate: float = Field(0.80, ge=0, le=1)
    playbook_margin: float = Field(0.05, ge=0, le=1, description="Lead over the runner-up that makes a match clear")
    playbook_informs: float = Field(0.60, ge=0, le=1, description="A playbook this alike is a candidate and an opinion")
    knowledge_similarity: float = Field(0.4, ge=0, le=1)
    knowledge_top: int = Field(3)
    llm_call_timeout_s: float = Field(12.0, description="One call to one provider, in all")
    llm_call_min_s: float = Field(1.0, description="With less time left than this no provider is asked")
    llm_coordinator_s: float = Field(5.0, description="Of the deadline, kept for the coordinator's answer to the others")
    llm_prompt_chars: int = Field(24_000, description="Longest prompt; evidence is cut first")
    llm_tool_calls: int = Field(4, description="Look-ups in the evidence during one question")
    llm_output_tokens: int = Field(2_000, description="Longest answer")
    llm_tokens_per_call: int = Field(16_000, description="One question with all its look-ups")
    llm_tokens_per_incident: int = Field(100_000)
    llm_tokens_per_day: int = Field(5_000_000)
    llm_cost_per_day: float = Field(50.0, description="In US dollars; 0 means no cap")
    llm_breaker_failures: int = Field(3, description="Failures in a row that stop asking the model")
    llm_breaker_rest_s: int = Field(60)
    llm_excluded_namespaces: tuple[str, ...] = Field((), description="Nothing about these ever leaves")
    consensus_needs: float = Field(0.65, ge=0, le=1, description="Weighted agreement that makes a consensus")
