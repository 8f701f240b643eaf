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
_NAMES = frozenset(
    chain(
        *(spellings.NAMESPACE, spellings.DEPLOYMENT, spellings.STATEFULSET, spellings.DAEMONSET, spellings.REPLICASET),
        *(spellings.JOB, spellings.CRONJOB, spellings.POD, spellings.CONTAINER, spellings.CLAIM, spellings.VOLUME),
        *(spellings.QUOTA, spellings.AUTOSCALER, spellings.BUDGET, spellings.INGRESS, spellings.NODE, spellings.SERVICE),
        *(spellings.HOST, ("instance", "server", "workload", "job", "cluster", "certificate", "unit", "owner_name")),
    )
)
_PLAIN = re.compile(r"[A-Za-z0-9_./:@+-]*")  # one word, in which nothing can hide
_NOT_IN_NAMES = re.compile(r"[;&|<>$`\\\"'\x00-\x1f\x7f]|\.\./|--\s|\{\{")
# Signs of an attack wherever they stand: active markup, and characters that hide or reverse text.
_MARKUP = re.compile(
    r"<\s*(?:script|iframe|img|svg|object|embed)\b|javascript:|\bon(?:error|load|click)\s*=|\x00|[\u202a-\u202e\u2066-\u2069]"
    r"|[\U000e0000-\U000e007f]",
    re.IGNORECASE,
)
# In a label, which is no place for commands; in a text they are hints for people.
_COMMAND = re.compile(
    r"\$\(|\$\{|`|';|;\s*(?:--|rm|curl|wget|kubectl|reboot)\b|\b(?:drop|truncate)\s+table\b|\bunion\s+(?:all\s+)?select\b"
    r"|\bor\s+1\s*=\s*1\b|\.\./\.\./|%2e%2e|\|\s*(?:ba)?sh\b",
    re.IGNORECASE,
)
_WHAT = r"(?:instructions?|prompts?|rules|polic(?:y|ies)|guidelines|safeguards?|approvals?|restrictions?)"
_MACHINE = r"(?:ai|assistant|agent|bot|automation|model|llm|engine|system)"
_ACT = r"(?:run|execute|delete|scale|restart|approve|drain|ignore|remove|stop|disable|roll|reply|act)"
_ORDER = re.compile(
    r"\b(?:ignor\w*|disregard|forget|override|bypass|skip)\b.{0,40}\b" + _WHAT + r"\b"
    r"|\b(?:previous|prior|above|earlier|vorherigen|bisherigen|anteriores|pr[eé]c[eé]dentes|precedenti|eerdere)\b.{0,20}"
    r"\b(?:instructions?|prompts?|anweisungen|instrucciones|istruzioni|instru[cç][oõ]es|instructies)\b"
    r"|\b(?:anweisungen|instrucciones|instructions|istruzioni|instru[cç][oõ]es)\s+(?:anteriores|pr[eé]c[eé]dentes|precedenti)\b"
    r"|忽略.{0,12}(?:指令|指示)|игнориру\w+.{0,30}(?:инструкци|указани)|指示を無視|無視して"
    r"|\byou are (?:now|an? (?:ai|assistant|agent|bot|automation)|the (?:\w+ )?(?:agent|assistant|bot|engine|model))\b"
    r"|\b(?:as|to) (?:an|the) (?:ai|llm|assistant)\b|\b(?:dear|hey|attention) (?:ai|assistant|agent|model|bot)\b"
    r"|\bpretend (?:to|that)\b"
    r"|\b(?:system|developer) (?:prompt|message|override)\b|(?:^|[\n.|])\s*(?:system|assistant|user)\s*:"
    r"|<\|?(?:im_start|system|assistant)|\[/?inst\]"
    r"|\b(?:auto[- ]?approve|approve (?:this|it|automatically|immediately|now|all)|pre-?approved|already (?:been )?approved)\b"
    r"|\b(?:has been |was )?approved by (?:the )?(?:cto|ceo|admin\w*|management|security|lead)\b"
    r"|\bwithout (?:any )?(?:human |manual |further )?(?:approval|confirmation|review|asking|human|consent)\b"
    r"|\bno (?:human )?(?:approval|confirmation|review) (?:is )?(?:needed|required|necessary)\b"
    r"|\bdo not (?:ask|notify|alert|tell|page|inform|involve)\b.{0,20}"
    r"\b(?:humans?|persons?|people|anyone|anybody|operators?|on-?call|sres?)\b"
    r"|\b(?:reply|respond|answer) (?:only )?with\b.{0,3}\b(?:done|ok|yes|approved|json|true|only)\b"
    r"|\b(?:new|updated|following) instructions?\s*:|\bset (?:the )?(?:risk|confidence)\b"
    r"|\b(?:risk|confidence)\s*[:=]\s*(?:low|none|0|1\.0|100)"
    r"|(?:^|[.\n!?]\s*)" + _MACHINE + r"\s*[:,]\s*(?:please\s+)?" + _ACT + r"\b"
    r"|\b(?:the )?" + _MACHINE + r" (?:must|shall|should|has to|will) (?:now |immediately )?" + _ACT + r"\b"
    r"|\byou (?:must|shall|should|have to) (?:now |immediately )?(?:approve|ignore|disregard|bypass)\b"
    r"|\b(?:mark|treat|classify) (?:this|it) as (?:safe|resolved|low|approved|trusted|harmless)\b",
    re.IGNORECASE | re.DOTALL,
)


def is_tampered(labels: Labels, annotations: Mapping[str, str]) -> bool:
    """Whether anything in this alert looks like the work of somebody who wants an action done."""
    for key, value in labels.items():
        if len(value) <= MAX_LABEL and _PLAIN.fullmatch(value) and ".." not in value:
            continue
        if len(value) > MAX_LABEL or _MARKUP.search(value) or _COMMAND.search(value) or _ORDER.search(value):
            return True
        if key in _NAMES and (_NOT_IN_NAMES.search(value) or not value.isascii()):
            return True
    return any(_MARKUP.search(text) or _ORDER.search(text) for text in (value[:MAX_TEXT] for value in annotations.values()))
