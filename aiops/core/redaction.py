"""Secrets out of text, before it is stored, shown, logged or sent anywhere (`reliability.md` S13)."""

import re
from collections.abc import Mapping

from pydantic import JsonValue

MARK = "[redacted]"

_SENSITIVE = (
    r"(?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|credential"
    r"|authorization|auth|cookie|session(?:id)?|dsn|signature)"
)
_KEY = rf"(?i)[\w.-]*{_SENSITIVE}[\w.-]*[\"']?\s*(?:=|:)\s*"
# Tokens that say by their own shape whose they are.
_KNOWN = (
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|xox[abeprs]-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9_-]{16,}"
    r"|glpat-[\w-]{16,}|aiops_[A-Za-z0-9_-]{16,}|AIza[\w-]{30,}|(?:AKIA|ASIA)[A-Z0-9]{16}\b)"
)
# Each pattern hides its group `hide`, or all that it matched where it has none.
_PATTERNS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
        r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@]{0,200}:(?P<hide>[^\s@/]{1,500})@",
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
        _KNOWN,
        r"\b\d{8,10}:[A-Za-z0-9_-]{35}\b",
        r"(?i)\b(?:bearer|basic)\s+(?P<hide>[A-Za-z0-9._~+/=-]{8,})",
        _KEY + r"(?P<quote>[\"'])(?P<hide>[^\"']{1,500})(?P=quote)",
        _KEY + r"(?P<hide>[^\s\"',;&}]{3,500})",
        rf"(?i)--?{_SENSITIVE}\s+(?P<hide>[^\s\"']{{3,500}})",
    )
)
_SENSITIVE_NAME = re.compile(rf"(?i)(?:^|[_.-]|\b){_SENSITIVE}(?:$|[_.-]|\b)")


def redact(text: str) -> str:
    """`text` with everything that looks like a credential replaced by a mark; key names stay readable."""
    for pattern in _PATTERNS:
        text = pattern.sub(_hide, text)
    return text


def _hide(match: re.Match[str]) -> str:
    if "hide" not in match.re.groupindex:
        return MARK
    start, end = match.start("hide") - match.start(), match.end("hide") - match.start()
    return match[0][:start] + MARK + match[0][end:]


def is_sensitive_name(name: str) -> bool:
    return _SENSITIVE_NAME.search(name) is not None


def redact_json(value: JsonValue, *, name: str = "") -> JsonValue:
    """The same for JSON: values under a sensitive key go whole, strings are searched."""
    if isinstance(value, Mapping):
        return {key: redact_json(item, name=key) for key, item in value.items()}
    if isinstance(value, list):
        return [redact_json(item, name=name) for item in value]
    if isinstance(value, str):
        return MARK if value and is_sensitive_name(name) else redact(value)
    return value
