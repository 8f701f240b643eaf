"""Alerts that somebody else may have written: names that no system gives, and orders hidden in texts.

Such an alert is shown and told to people, and nothing is ever changed because of it. A command or a link in a description is
only text: hints for people must not stop a sane proposal, so only orders addressed to a machine count.
"""

import re
from collections.abc import Mapping
from itertools import chain

from incidents import labels as spellings
from incidents.labels import Labels

MAX_LABEL = 1024
MAX_TEXT = 8 * 1024

# Labels whose values become names of things.
_NAMES = frozenset(chain(
    spellings.NAMESPACE, spellings.DEPLOYMENT, spellings.STATEFULSET, spellings.DAEMONSET, spellings.REPLICASET, spellings.JOB,
    spellings.CRONJOB, spellings.POD, spellings.CONTAINER, spellings.CLAIM, spellings.VOLUME, spellings.QUOTA,
    spellings.AUTOSCALER, spellings.BUDGET, spellings.INGRESS, spellings.NODE, spellings.SERVICE, spellings.HOST,
    ("instance", "server", "workload", "job", "cluster", "certificate", "unit", "mountpoint", "device", "owner_name"),
))  # fmt: skip
_NOT_IN_NAMES = re.compile(r"[;&|<>$`\\\"'\x00-\x1f\x7f]|\.\./|--\s|\{\{")
# Signs of an attack wherever they stand.
_ATTACK = re.compile(
    r"<\s*(?:script|iframe|img|svg|object|embed)\b|javascript:|\bon(?:error|load|click)\s*=|\$\(|\$\{|`[^`]*\bcurl\b"
    r"|';|;\s*--|\b(?:drop|truncate)\s+table\b|\bunion\s+select\b|\bor\s+1\s*=\s*1\b|\.\./\.\./|%2e%2e|\bcurl\b[^|]{0,200}\|\s*(?:ba)?sh\b"
    r"|\x00|[\u202a-\u202e\u2066-\u2069]|[\U000e0000-\U000e007f]",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}"
    r"\b(?:instructions?|prompts?|rules|polic(?:y|ies)|guidelines|safeguards?|approvals?)\b"
    r"|\bignor\w*\b.{0,40}\b(?:anweisungen|instrucciones|instructions|istruzioni|instru[cç][oõ]es)\b"
    r"|\byou are (?:now|an? (?:ai|assistant|agent|bot|sre|admin\w*))\b|\bas an ai\b|\bact as\b|\bpretend\b"
    r"|\b(?:system|developer) (?:prompt|message|override)\b"
    r"|(?:^|\n)\s*(?:system|assistant|user)\s*:|<\|?(?:im_start|system|assistant)"
    r"|\b(?:auto[- ]?approve|approve (?:this|it|automatically|immediately|the)|pre-?approved|already approved)\b"
    r"|\bwithout (?:any )?(?:human |manual )?(?:approval|confirmation|review|asking|human)\b"
    r"|\bdo not (?:ask|notify|alert|tell|page|inform|wait)\b"
    r"|\b(?:reply|respond|answer) (?:only )?with\b|\b(?:new|updated|following) instructions?\b"
    r"|\bset (?:the )?(?:risk|confidence|severity)\b"
    r"|\b(?:ai|assistant|agent|bot|automation|model|llm)\s*[:,]\s*(?:please\s+)?(?:run|execute|delete|scale|restart|approve|drain|ignore)\b"
    r"|\b(?:mark|treat) (?:this|it) as (?:safe|resolved|low|approved|trusted)\b",
    re.IGNORECASE | re.DOTALL,
)


def is_tampered(labels: Labels, annotations: Mapping[str, str]) -> bool:
    """Whether anything in this alert looks like the work of somebody who wants an action done."""
    for key, value in labels.items():
        if len(value) > MAX_LABEL or _ATTACK.search(value) or _ORDER.search(value):
            return True
        if key in _NAMES and (_NOT_IN_NAMES.search(value) or not value.isascii()):
            return True
    return any(_ATTACK.search(text) or _ORDER.search(text) for text in (value[:MAX_TEXT] for value in annotations.values()))
