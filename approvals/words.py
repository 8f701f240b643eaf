"""How policy's codes and an action's properties read on screen. Positive words: a condition says what has to be so."""

from collections.abc import Mapping

from aiops.core.actions import ActionClass, ActionSpec, Executor, Undo
from aiops.core.scales import DataImpact

# Codes of `auto_approve_reasons`.
CONDITIONS: Mapping[str, str] = {
    "autonomy_switch": "Autonomy is on",
    "tier": "Small blast radius",
    "risk": "Low risk",
    "data_impact": "No data at stake",
    "reversible": "Way back known",
    "dry_run": "Dry run clean",
    "digest": "Target unchanged",
    "hold": "No freeze, no maintenance",
    "budget": "Budget of all autonomy",
    "breaker": "No global breaker open",
    "cooldown": "Target not in cooldown",
    "third_try": "Not a third try",
    "gitops_owner": "No controller would undo it",
    "hpa_owner": "No autoscaler would fight it",
    "stale_alert": "The alert was heard lately",
    "test_alert": "Not a test alert",
    "cluster_unknown": "The cluster is known",
    "read_only": "The cluster may be changed",
    "executor": "Something here can run it",
    "broker_down": "Workers answer",
    "trust_score": "It has gone well lately",
    "trust_bound": "Sure it works",
    "trust_days": "On several days",
    "trust_people": "Signed by several people",
    "trust_in_flight": "Nothing unverified in flight",
    "trust_budget": "Budget of the pattern",
    "trust_breaker": "No breaker open for this group",
    "trust_safeguard": "No safeguard in force",
    "trust_shadow": "Not in shadow mode",
    "trust_review_overdue": "No review overdue",
    "trust_low_disproved": "Not shown to fail",
    "trust_watch_first": "Need not watch first",
}

# What the button says; the act is named, never "OK".
BUTTONS: Mapping[ActionClass, tuple[str, str]] = {
    ActionClass.RESTART_WORKLOAD: ("Approve restart", "Sign and restart"),
    ActionClass.DELETE_POD: ("Approve deletion", "Sign and delete the pod"),
    ActionClass.SCALE_UP: ("Approve scaling", "Sign and scale up"),
    ActionClass.SCALE_DOWN: ("Approve scaling", "Sign and scale down"),
    ActionClass.ROLLBACK: ("Approve rollback", "Sign and roll back"),
    ActionClass.ADJUST_RESOURCES: ("Approve new limits", "Sign and change limits"),
    ActionClass.CORDON_DRAIN_NODE: ("Approve drain", "Sign and drain"),
    ActionClass.RERUN_JOB: ("Approve the run", "Sign and run again"),
    ActionClass.EXPAND_STORAGE: ("Approve expansion", "Sign and expand"),
    ActionClass.RENEW_CERTIFICATE: ("Approve renewal", "Sign and renew"),
    ActionClass.RESTART_SERVICE_HOST: ("Approve restart", "Sign and restart"),
    ActionClass.CLEAN_DISK: ("Approve cleaning", "Sign and clean"),
    ActionClass.CLEAR_CACHE: ("Approve clearing", "Sign and clear"),
    ActionClass.FAILOVER: ("Approve failover", "Sign and fail over"),
    ActionClass.RUN_WEBHOOK_JOB: ("Approve the job", "Sign and run the job"),
}

WAYS_BACK: Mapping[Undo, str] = {
    Undo.INVERSE: "Put back by itself if it fails",
    Undo.IDEMPOTENT: "Nothing to put back",
    Undo.HALF: "Half of it",
    Undo.NONE: "None",
    Undo.DECLARED: "If the job says so",
}

DATA: Mapping[DataImpact, str] = {
    DataImpact.NONE: "Not touched",
    DataImpact.READ: "Read",
    DataImpact.WRITE: "Written",
    DataImpact.DESTRUCTIVE: "Destroyed",
}

RUNS_BY: Mapping[Executor, str] = {
    Executor.KUBERNETES: "through the Kubernetes API",
    Executor.SSH: "over SSH, from a list of allowed operations",
    Executor.JOB: "by a signed webhook job",
    Executor.OUTBOX: "as a message",
    Executor.ALERTMANAGER: "in Alertmanager",
}

# By the level that trust and policy come to: style, icon, and the first words of the verdict.
VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "alone": ("ok", "bot", "Runs alone."),
    "one person": ("wait", "user", "Asks one person."),
    "two people": ("wait", "users", "Asks two people."),
    "never": ("bad", "lock", "Never runs from here."),
    "shadow": ("", "info", "Shadow mode."),
}


def buttons(action_class: ActionClass) -> tuple[str, str]:
    """What opens the form, and what signs it."""
    return BUTTONS.get(action_class, ("Approve", "Sign"))


def way_back(spec: ActionSpec) -> str:
    return WAYS_BACK[spec.undo]
