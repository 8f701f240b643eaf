"""Saved, valid, boring rows. A test states only what matters to it."""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from aiops.access.models import ApiToken, User
from aiops.access.principals import Principal, Via
from aiops.access.roles import Role
from aiops.core.actions import Action, RestartWorkload, dump
from aiops.core.targets import Target
from approvals.models import Approval, Execution
from approvals.plans import digest_of
from incidents.models import Alert, Decision, Incident
from incidents.proposals import Proposal, Source
from learning import outcomes
from learning.models import Outcome, Playbook, TrustRecord

_numbers = itertools.count(1)
WEB = Target(kind="Deployment", namespace="shop", name="web")


def make_user(role: str = "lead", *, username: str = "", **fields: Any) -> User:
    return User.objects.create_user(username or f"{role}{next(_numbers)}", "correct horse battery", role=role, **fields)


def make_principal(role: str = "lead", *, user: User | None = None, via: Via = Via.DASHBOARD, fresh: bool = True) -> Principal:
    user = user or make_user(role)
    login_at = timezone.now() - timedelta(seconds=0 if fresh else 86_400)
    return Principal.of(user, via, login_at=login_at if via is Via.DASHBOARD else None)


def make_token(role: str = "lead", *, user: User | None = None, scope: str = "api") -> str:
    """The secret of a new token; of a service where the scope is webhooks."""
    owner = None if scope == "webhooks" else user or make_user(role)
    return ApiToken.issue(f"token{next(_numbers)}", user=owner, role=Role(role), scope=scope)[1]


def make_incident(*, target: Target | None = WEB, received_at: datetime | None = None, **fields: Any) -> Incident:
    at = received_at or timezone.now()
    defaults: dict[str, Any] = {
        "title": "web keeps crashing",
        "severity": "P2",
        "category": "workload_crash",
        "environment": "production",
        "cluster": "sandbox",
        "alert_name": "KubePodCrashLooping",
        "anomaly_key": f"{next(_numbers):016x}",
        "received_at": at,
        "opened_at": at,
        "last_alert_at": at,
    }
    if target is not None:
        defaults |= {"namespace": target.namespace or "", "target_kind": target.kind, "target_name": target.name}
    return Incident.objects.create(**(defaults | fields))


def make_alert(incident: Incident | None = None, **fields: Any) -> Alert:
    now = timezone.now()
    defaults: dict[str, Any] = {
        "source": "alertmanager",
        "fingerprint": f"{next(_numbers):016x}",
        "name": "KubePodCrashLooping",
        "status": "firing",
        "severity": "P2",
        "category": "workload_crash",
        "environment": "production",
        "cluster": "sandbox",
        "target": WEB.model_dump(exclude_none=True),
        "labels": {"alertname": "KubePodCrashLooping", "namespace": "shop", "deployment": "web", "severity": "warning"},
        "annotations": {"summary": "web keeps crashing"},
        "anomaly_key": incident.anomaly_key if incident else f"{next(_numbers):016x}",
        "starts_at": now,
        "first_seen": now,
        "last_seen": now,
        "incident": incident,
    }
    return Alert.objects.create(**(defaults | fields))


def make_proposal(action: Action | None = None, **fields: Any) -> Proposal:
    action = action or RestartWorkload(target=WEB)
    defaults: dict[str, Any] = {
        "source": Source.EXPERT_SYSTEM,
        "action": action,
        "description": f"{action.spec.words} {action.target.name if action.target else ''}",
        "reasoning": "It crashes and restarts.",
    }
    return Proposal(**(defaults | fields))


def make_decision(
    incident: Incident | None = None, *, state: str = "READY", action: Action | None = None, **fields: Any
) -> Decision:
    incident = incident or make_incident()
    now = timezone.now()
    defaults: dict[str, Any] = {"incident": incident, "state": state, "received_at": incident.received_at}
    if state != "INIT":
        defaults["proposal_data"] = make_proposal(action).to_json()
    if state not in ("INIT", "ANALYZING"):
        defaults |= {"ready_at": now, "expires_at": now + timedelta(hours=1)}
    return Decision.objects.create(**(defaults | fields))


def make_approval(
    decision: Decision | None = None, *, action: Action | None = None, required_signatures: int = 1, **fields: Any
) -> Approval:
    decision = decision or make_decision(action=action)
    action = action or decision.action or RestartWorkload(target=WEB)
    defaults: dict[str, Any] = {
        "incident": decision.incident,
        "decision": decision,
        "action_data": dump(action),
        "cluster": decision.incident.cluster,
        "target_key": f"{decision.incident.cluster}/{action.target}",
        "target_uid": "uid-1",
        "digest": digest_of(action, "uid-1", {"template": 1}),
        "risk": action.risk,
        "tier": "dual" if required_signatures > 1 else "human",
        "required_signatures": required_signatures,
        "expires_at": timezone.now() + timedelta(hours=1),
    }
    return Approval.objects.create(**(defaults | fields))


def make_execution(approval: Approval | None = None, **fields: Any) -> Execution:
    approval = approval or make_approval(status="approved")
    action = approval.action
    defaults: dict[str, Any] = {
        "approval": approval,
        "incident": approval.incident,
        "decision": approval.decision,
        "action_data": approval.action_data,
        "cluster": approval.cluster,
        "target_key": f"{approval.cluster}/{action.target}",
        "pattern": action.pattern,
        "environment": approval.incident.environment,
        "namespace": approval.incident.namespace,
        "alert_name": approval.incident.alert_name,
    }
    return Execution.objects.create(**(defaults | fields))


def record_outcome(result: str = "success", *, action: Action | None = None, **fields: Any) -> Outcome:
    """A run as execution and verification would report it, with its ledger line. Signed by one person."""
    defaults: dict[str, Any] = {
        "execution": uuid4(),
        "incident": 1,
        "decision": next(_numbers),
        "at": timezone.now(),
        "autonomous": False,
        "allowed_alone": False,
        "source": Source.EXPERT_SYSTEM,
        "environment": "production",
        "namespace": "shop",
        "alert_name": "HighMemory",
        "anomaly_key": f"{next(_numbers):016x}",
        "category": "saturation_memory",
        "seconds": 60.0,
        "blast_score": 35,
        "tier": "human",
        "playbook": None,
        "predicted": 0.5,
        "claimed": None,
        "signers": ["lead"],
    }
    return outcomes.record(result=result, action=action or RestartWorkload(target=WEB), **(defaults | fields))


def make_trust(**fields: Any) -> TrustRecord:
    """A trust row without a ledger, for what is judged."""
    defaults: dict[str, Any] = {
        "pattern": "restart:web-*",
        "environment": "production",
        "namespace": "shop",
        "alert_name": "HighMemory",
    }
    return TrustRecord.objects.create(**(defaults | fields))


def make_playbook(*, steps: Sequence[str] = ("restart_workload",), **fields: Any) -> Playbook:
    defaults: dict[str, Any] = {
        "name": f"Playbook {next(_numbers)}",
        "status": "approved",
        "alert_names": ["HighMemory"],
        "target_kind": "Deployment",
    }
    playbook = Playbook.objects.create(**(defaults | fields))
    for position, action_class in enumerate(steps, start=1):
        playbook.steps.create(position=position, action_class=action_class)
    return playbook
