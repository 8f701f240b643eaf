"""A night's worth of rows: one incident in every state that a page has to show."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from aiops.access.models import AuditEntry, User
from aiops.core.actions import Action, DeletePod, NotifyOnly, RestartWorkload, Rollback, ScaleUp, dump
from aiops.core.targets import Target
from aiops.outbox.models import Channel, Notification
from approvals.models import Approval, Attempt, Execution, Signature
from governance.conditions import Condition, observe, recover
from incidents.models import Delivery, Evidence, Incident, Opinion, QuarantinedAlert, Refusal, TimelineEvent
from incidents.proposals import Alternative, EngineTiming, Source
from learning import playbook_versions
from learning.models import Outcome, TrustEvent, TrustGrant, TrustRecord
from tests.factories import (
    make_alert,
    make_approval,
    make_decision,
    make_execution,
    make_incident,
    make_playbook,
    make_proposal,
    make_user,
)

CHECKOUT = Target(kind="Deployment", namespace="shop", name="checkout")
ROLLBACK = Rollback(target=CHECKOUT, revision=41)
SENTENCE = (
    "14 of 15 verified rollbacks of checkout-* for CheckoutLatencyHigh in production/shop (90 days): "
    "80 % sure it works ≥ 79 %; high blast needs 90 %; score 8/10."
)


@dataclass(frozen=True, slots=True)
class Scene:
    """The people, and the incidents by what they are examples of."""

    people: Mapping[str, User]
    ready: Incident
    analyzing: Incident
    single: Incident
    executing: Incident
    failed: Incident
    done: Incident
    held: Incident
    told: Incident
    expired: Incident
    approval: Approval


def assessment(score: int = 62, tier: str = "dual", level: str = "two people", sentence: str = SENTENCE) -> dict[str, Any]:
    factors = [
        ("burn", "Error-budget burn", 16, 16, "6.2x now"),
        ("criticality", "Criticality", 14, 14, "tier 1"),
        ("pods", "Pods affected", 10, 20, "6 of 6, rolling"),
        ("environment", "Environment", 10, 10, "production"),
        ("dependants", "Dependants", 12, 12, "storefront, cart, orders"),
        ("downtime", "Downtime", 0, 12, "0 s"),
    ]
    reasons = [("tier", False, f"{score}, needs < 30"), ("trust_bound", False, "79 %, needs 90 %")]
    reasons += [("trust_score", True, "8, needs 5"), ("trust_days", True, "13, needs 3"), ("dry_run", True, "184 ms")]
    return {
        "blast_radius": {
            "score": score,
            "tier": tier,
            "affected_pods": 6,
            "estimated_downtime_s": 0,
            "related_services": ["storefront", "cart", "orders"],
            "data_impact": "none",
            "factors": [{"code": c, "label": n, "points": p, "most": m, "detail": d} for c, n, p, m, d in factors],
        },
        "reasons": [{"code": code, "met": met, "detail": detail} for code, met, detail in reasons],
        "tier_before": tier,
        "tier": tier,
        "level": level,
        "sentence": sentence,
        "plan": {
            "digest": "9b1f04c2" * 8,
            "target_uid": "uid-1",
            "dry_run": {
                "clean": True,
                "ms": 184,
                "error": "",
                "changes": [
                    ["spec.template.spec.containers[0].image", "checkout:2025.11.20-3", "checkout:2025.11.11-1"],
                    ["spec.template.spec.containers[0].env.CART_CACHE_TTL", "0", "300"],
                ],
            },
        },
    }


def build() -> Scene:
    now = timezone.now()
    people = {name: make_user(role, username=name, name=full) for name, role, full in (
        ("mira", "lead", "Mira Kovač"), ("aisha", "lead", "Aisha Diallo"), ("jonas", "responder", "Jonas Weber"),
        ("vera", "viewer", "Vera Lind"), ("ada", "admin", "Ada Berg"),
    )}  # fmt: skip
    ready, approval = _ready(now, people)
    scene = Scene(
        people=people,
        ready=ready,
        analyzing=_incident("payments-api returns 5xx for 34 % of requests", "P0", "ANALYZING", now, s=7, target="payments-api"),
        single=_single(now),
        executing=_executing(now),
        failed=_failed(now, people),
        done=_done(now, people),
        held=_incident("cart-db replica lags 40 s behind", "P2", "WITHDRAWN", now, s=1920, target="cart-db", reason="frozen"),
        told=_told(now),
        expired=_incident("notifications-api probe failures", "P3", "EXPIRED", now, s=5000, target="notifications-api"),
        approval=approval,
    )
    _chain(now)
    _events(now)
    _outbox()
    AuditEntry.objects.create(
        user=people["aisha"], actor="aisha", via="dashboard", address="10.8.4.31", act="approval.sign", object_kind="approval",
        object_id=str(approval.pk), incident_ref=ready.ref, detail={"digest": "9b1f04c2"},
    )  # fmt: skip
    _learned(now, people)
    return scene


def _learned(now: datetime, people: Mapping[str, User]) -> None:
    record = TrustRecord.objects.create(
        pattern=ROLLBACK.pattern, environment="production", namespace="shop", alert_name="CheckoutLatencyHigh",
        successes=12.4, failures=0.9, score=8, verified_days=13, people=4, tier="dual",
    )  # fmt: skip
    for kind, about, df, dscore, reason in (
        ("outcome", {"execution": uuid4()}, 0.0, 1, "Verified success"),
        ("outcome", {"execution": uuid4()}, 1.0, -6, "Verification failed"),
        ("reject", {"decision": 1, "agrees": False, "actor": "jonas"}, 0.5, -2, "wrong_cause: it was the database"),
    ):
        TrustEvent.objects.create(
            record=record, kind=kind, at=now, ds=1.0 - df, df=df, dscore=dscore, reason=reason,
            successes=12.4, failures=0.9, score=8, step=1, **about,
        )  # fmt: skip
    TrustGrant.objects.create(
        record=record, kind="revoke", by=people["aisha"], reason="A migration runs until Friday", until=now + timedelta(days=2)
    )
    playbook = make_playbook(
        name="Roll back a bad deploy",
        description="A rollout broke it: go back to the revision before.",
        alert_names=["CheckoutLatencyHigh"],
        categories=["latency"],
        severities=["P0", "P1"],
        needs=["recent_change"],
        labels={"team": "shop"},
        source_incidents=[1],
        steps=("rollback",),
    )
    playbook.steps.update(parameters={"revision": 41}, expected_effect="p99 below 500 ms", verify="No alert for 60 s")
    playbook_versions.keep(playbook, by="ada")


def _incident(
    title: str, severity: str, state: str, now: datetime, *, s: int, target: str, action: Action | None = None, **decision: Any
) -> Incident:
    at = now - timedelta(seconds=s)
    aimed = Target(kind="Deployment", namespace="shop", name=target)
    incident = make_incident(
        title=title, severity=severity, target=aimed, received_at=at, alert_name="CheckoutLatencyHigh", status="investigating"
    )
    make_alert(incident, first_seen=at, starts_at=at, severity=severity)
    TimelineEvent.record(incident, "incident.opened", "Incident opened from 1 alert", status="bad")
    fields: dict[str, Any] = {"state_since": at + timedelta(seconds=2)} | decision
    if state not in ("INIT", "ANALYZING"):
        fields = {"ready_at": at + timedelta(seconds=2)} | fields
    make_decision(incident, state=state, action=action or RestartWorkload(target=aimed), **fields)
    return incident


def _ready(now: datetime, people: Mapping[str, User]) -> tuple[Incident, Approval]:
    at = now - timedelta(seconds=410)
    incident = make_incident(
        title="checkout p99 latency above 2 s", severity="P1", target=CHECKOUT, received_at=at, status="investigating",
        alert_name="CheckoutLatencyHigh", category="latency", owner=people["mira"], owner_until=now + timedelta(hours=1),
    )  # fmt: skip
    for name, source, seen in (
        ("CheckoutLatencyHigh", "alertmanager", 14), ("StorefrontSlow", "grafana", 9),
        ("CartTimeouts", "alertmanager", 6), ("ErrorBudgetBurn", "alertmanager", 3),
    ):  # fmt: skip
        alert = make_alert(incident, name=name, source=source, occurrences=seen, first_seen=at, starts_at=at, severity="P1")
        incident.root_alert = incident.root_alert or alert
    incident.save()
    proposal = make_proposal(
        ROLLBACK,
        source=Source.CONSENSUS,
        description="Roll back checkout to revision 41",
        reasoning="Revision 42 rolled out at 02:51 and turned the cart cache off. Four minutes later p99 went from "
        "240 ms to 2.9 s, with flat traffic and every cart read going to the database.",
        model="qwen3-32b", provider="vllm", confidence=0.86, consensus_score=0.83, evidence_ids=(1, 2, 3),
        alternatives=(Alternative(action=ScaleUp(target=CHECKOUT, replicas=9), reasoning="Holds p99 for a while"),),
        engines=(EngineTiming(name="playbook", status="answered", ms=31),),
    )  # fmt: skip
    decision = make_decision(
        incident, action=ROLLBACK, proposal_data=proposal.to_json(), assessment=assessment(), assessed_at=at + timedelta(seconds=9),
        ready_at=at + timedelta(seconds=8), state_since=at + timedelta(seconds=8), expires_at=now + timedelta(seconds=3198),
    )  # fmt: skip
    approval = make_approval(
        decision, action=ROLLBACK, required_signatures=2, risk="high", tier="dual", blast_score=62,
        expires_at=now + timedelta(seconds=3198),
    )  # fmt: skip
    Signature.objects.create(
        approval=approval,
        user=people["aisha"],
        by="aisha",
        via="dashboard",
        digest=approval.digest,
        comment="Matches the deploy log.",
    )
    for kind, title, content in (
        ("metric", "p99 rose from 240 ms to 2.9 s between 02:53 and 02:58", "02:52  0.238\n02:54  1.413\n02:58  2.812"),
        ("change", "Revision 42 rolled out at 02:51:07", 'revision 42   env CART_CACHE_TTL: "300" -> "0"'),
        ("logs", "1,284 lines “cart cache miss” in 5 minutes, none before", "02:57:11.402 WARN cart.cache miss took=1843ms"),
    ):
        Evidence.objects.create(incident=incident, decision=decision, kind=kind, title=title, content=content, at=at)
    for engine, action, words, ms, vote in (
        ("playbook", ROLLBACK, "“Roll back a bad deploy” fits at 0.81.", 31, "for"),
        ("expert_system", RestartWorkload(target=CHECKOUT), "Latency with stable memory: restart first.", 2, "against"),
        ("llm", ROLLBACK, "Onset follows the rollout by 4 minutes and traffic is flat.", 3900, "chosen"),
    ):
        Opinion.objects.create(
            decision=decision, engine=engine, status="answered", ms=ms, reasoning=words, weight=0.2, vote=vote,
            proposal_data=make_proposal(action, description=f"{action.spec.words} checkout").to_json(),
        )  # fmt: skip
    for kind, title, detail, actor, status in (
        ("incident.opened", "Incident opened from 4 alerts", "Most likely root: CheckoutLatencyHigh", "system", "bad"),
        ("decision.analyzing", "Analysis began", "", "system", "work"),
        ("decision.ready", "Decision is ready", "Roll back checkout to revision 41", "system", "wait"),
        ("approval.signed", "Signed, 1 of 2", "Matches the deploy log.", "aisha", "wait"),
    ):
        TimelineEvent.record(incident, kind, title, detail=detail, actor=actor, status=status)
    return incident, approval


def _single(now: datetime) -> Incident:
    target = Target(kind="Deployment", namespace="shop", name="ingest-worker")
    action = ScaleUp(target=target, replicas=10)
    sentence = "19 of 22 verified scalings of ingest-worker-*: score 0/10 after two failures, needs 5."
    incident = _incident(
        "ingest-worker queue lag above 15 min", "P2", "READY", now, s=751, target="ingest-worker", action=action,
        assessment=assessment(34, "human", "one person", sentence), assessed_at=now,
    )  # fmt: skip
    make_approval(incident.decisions.get(), action=action, risk="low", tier="human", blast_score=34)
    return incident


def _executing(now: datetime) -> Incident:
    target = Target(kind="Deployment", namespace="shop", name="search")
    steps = (RestartWorkload(target=target), ScaleUp(target=target, replicas=4))
    proposal = make_proposal(steps[0], source=Source.PLAYBOOK, description="Restart search, then scale it up", steps=steps)
    incident = _incident(
        "search heap grows until OOM kill", "P2", "EXECUTING", now, s=206, target="search", action=steps[0], auto_approved=True,
        proposal_data=proposal.to_json(),
    )  # fmt: skip
    agreed = [{"action": dump(step), "uid": "uid-1", "touched": {}} for step in steps]
    approval = make_approval(incident.decisions.get(), status="approved", required_signatures=0, decided_at=now, steps=agreed)
    Signature.objects.create(approval=approval, by="autonomy", via="system", digest=approval.digest)
    execution = make_execution(approval, status="running", autonomous=True, started_at=now - timedelta(seconds=20))
    Attempt.objects.create(execution=execution, n=1, body_digest="a" * 64)
    return incident


def _failed(now: datetime, people: Mapping[str, User]) -> Incident:
    incident = _incident("sessions-redis refuses connections", "P1", "ERROR", now, s=2472, target="sessions-redis")
    approval = make_approval(incident.decisions.get(), status="approved", decided_at=now)
    Signature.objects.create(approval=approval, user=people["jonas"], by="jonas", via="telegram", digest=approval.digest)
    make_execution(
        approval, status="failed", reason="forbidden", started_at=now, finished_at=now,
        detail="Forbidden: may not patch statefulsets in shop. Not retried, nothing changed",
    )  # fmt: skip
    return incident


def _done(now: datetime, people: Mapping[str, User]) -> Incident:
    incident = _incident(
        "web pod stops answering, others healthy", "P2", "COMPLETED", now, s=3000, target="web", assessment=assessment(12, "auto", "alone"),
        action=DeletePod(target=Target(kind="Pod", namespace="shop", name="web-7d9f8b6c5-x2xkz")), auto_approved=True,
    )  # fmt: skip
    decision = incident.decisions.get()
    approval = make_approval(decision, status="approved", required_signatures=0, tier="auto", decided_at=now, blast_score=12)
    Signature.objects.create(approval=approval, by="autonomy", via="system", digest=approval.digest)
    began = now - timedelta(seconds=2900)
    execution = make_execution(
        approval, status="succeeded", autonomous=True, planned_at=began, started_at=began, finished_at=began + timedelta(seconds=2),
        verified_at=began + timedelta(seconds=108), verification_result="success",
        dry_run={"clean": True, "ms": 21, "changes": []},
        verification={
            "checks": [
                {"name": "Every new pod is ready", "met": True, "detail": "12 of 12"},
                {"name": "KubePodCrashLooping no longer fires", "met": True, "detail": "after 48 s"},
            ],
            "before": {"ready": "11 of 12"}, "after": {"ready": "12 of 12"},
            "metric": {
                "name": "WebErrorRate", "low": None, "high": 0.012, "words": "0.004, before the incident at most 0.012",
                "curve": [
                    [began.timestamp() - 600 + n * 30, 0.004 if n < 6 or n > 22 else 0.09] for n in range(30) if n not in (9, 10)
                ],
            },
        },
    )  # fmt: skip
    Attempt.objects.create(
        execution=execution,
        n=1,
        body_digest="b" * 64,
        started_at=began,
        finished_at=began + timedelta(seconds=1),
        outcome="applied",
    )
    Outcome.objects.create(
        execution=execution.pk, incident=incident.pk, decision=decision.pk, result="success", autonomous=True, allowed_alone=True,
        source="playbook", action_class="delete_pod", pattern="delete_pod:web-*", environment="production", namespace="shop",
        alert_name="KubePodCrashLooping", anomaly_key=incident.anomaly_key,
    )  # fmt: skip
    Incident.objects.filter(pk=incident.pk).update(
        status="resolved", resolved_at=began + timedelta(seconds=108), disposition="auto_executed", execution_success=True
    )
    incident.refresh_from_db()
    return incident


def _told(now: datetime) -> Incident:
    return _incident(
        "edge-gateway certificate expires in 6 days", "P3", "READY", now, s=1085, target="edge-gateway", action=NotifyOnly(),
        assessment={"not_here": "harmless", "reasons": [], "sentence": "Nothing is changed: people are told"}, assessed_at=now, expires_at=None,
    )  # fmt: skip


def _chain(now: datetime) -> None:
    for minutes in range(0, 600, 20):
        Delivery.objects.create(source="alertmanager", received_at=now - timedelta(minutes=minutes), accepted=3, deduplicated=4)
    Delivery.objects.create(source="grafana", received_at=now - timedelta(hours=3), accepted=1)
    Refusal.objects.create(
        source="grafana",
        status=401,
        hour=now.replace(minute=0, second=0, microsecond=0),
        count=2,
        last_at=now,
        reason="wrong token",
    )
    QuarantinedAlert.objects.create(
        source="grafana", raw='{"labels": {}}', digest="c" * 64, reason='startsAt is not a time: "n/a"'
    )
    make_alert(name="NodeClockSkew", status="stale", first_seen=now - timedelta(hours=13), last_seen=now - timedelta(hours=9))


def _events(now: datetime) -> None:
    for minutes in (9, 6, 3):
        observe(
            Condition(
                "engine_broken", "history", "history breaks, and decisions go on without it", "Decisions are made without what it knows.",
                "A defect of this software: read engine.crashed in the log of the worker.", "Look at these decisions with more care.",
            ),
            seen_at=now - timedelta(minutes=minutes),
        )  # fmt: skip
    observe(Condition("alerts_truncated", "grafana", "grafana leaves alerts out", "", "", ""), seen_at=now)
    recover("alerts_truncated", still=())


def _outbox() -> None:
    channel = Channel.objects.create(name="ops webhook", address="https://example.com/hook")
    Notification.objects.create(
        fact="decision.ready:DEC-1", channel=channel, kind="decision.ready", status="dead", error="timeout"
    )


def pod_restart() -> tuple[Incident, Execution]:
    """An act whose answer was lost, for a lead to settle."""
    incident = _incident("orders stops answering", "P1", "EXECUTING", timezone.now(), s=700, target="orders")
    approval = make_approval(incident.decisions.get(), status="approved", decided_at=timezone.now())
    return incident, make_execution(approval, status="ambiguous", detail="The API server did not answer within 8 s")
