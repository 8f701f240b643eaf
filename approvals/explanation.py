"""Why something does not run alone, in plain sentences, each with what would have to be true for it."""

from collections.abc import Mapping

# What would have to be true, by the code of the condition that is not met. The numbers stand beside it.
WOULD: Mapping[str, str] = {
    "autonomy_switch": "A lead turns autonomy on again on the trust page.",
    "tier": "It touches less, or runs that people signed have verified here often enough to lower its tier.",
    "risk": "Nothing changes this: critical actions never run alone. A smaller action may.",
    "data_impact": "Nothing changes this: what destroys data never runs alone.",
    "reversible": "Only what can be put back, or does no harm when repeated, runs alone. A person signs the rest.",
    "dry_run": "The cluster accepts the change in a dry run, and a new analysis begins.",
    "digest": "The target is as it was proposed; a new analysis reads it again.",
    "hold": "The hold ends. What still fires then is decided again.",
    "budget": "Acts that ran alone are more than an hour ago, or an admin raises the budget in the policy.",
    "breaker": "The failures are longer ago than the breaker's time. Until then people sign everything.",
    "cooldown": "The last repair of this target is long enough ago, so that its effect can be seen.",
    "third_try": "A person finds what helps: once an act on this target has worked, it may run alone again.",
    "gitops_owner": "The change is made in Git, where the controller takes it from.",
    "hpa_owner": "The autoscaler's own limits are changed; it would undo anything else.",
    "stale_alert": "The alert is heard again.",
    "test_alert": "Nothing changes this: a test alert is never acted on.",
    "cluster_unknown": "A cluster whose labels fit this alert is configured.",
    "read_only": "The cluster is connected with the right to change it.",
    "executor": "An executor for this kind of action is configured.",
    "broker_down": "The queue answers again. Signed acts go on meanwhile.",
    "trust_revoked": "The revoke ends, or a lead ends it before its time.",
    "trust_score": "More runs that people signed are verified as success. One failure costs six.",
    "trust_bound": "More verified successes of this action for this alert in this place.",
    "trust_days": "Successes on more days than one busy night.",
    "trust_people": "More than one person has signed runs that were verified as success.",
    "trust_in_flight": "The run that is under way is verified.",
    "trust_budget": "Runs of this pattern are more than an hour ago.",
    "trust_breaker": "The failures on this group of resources are longer ago.",
    "trust_safeguard": "The red line of governance is kept again.",
    "trust_shadow": "People agree with enough of what is proposed here.",
    "trust_review_overdue": "Somebody answers the open review: was that act right?",
    "trust_low_disproved": "It works more often: people sign it meanwhile.",
    "trust_watch_first": "The alert still fires when the time of watching is over.",
}


def would(code: str) -> str:
    """What would have to be true; empty for a code of an older version."""
    return WOULD.get(code, "")
