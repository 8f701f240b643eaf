"""What a collector brings home, made safe to keep: bounded, and without secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from pydantic import JsonValue

from aiops.core.redaction import redact, redact_json
from incidents.models import Evidence

TITLE_CHARS = 300
MARK = "\n[…]\n"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is true now. `facts` are what engines read (`incidents/engines/signs.py`), `lines` what people read.

    Of too many lines the first are kept; `keeps_end` keeps the last, as a log wants. `error` stands in the place of all that
    for what could not be read.
    """

    kind: str
    title: str
    lines: Sequence[str] = ()
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    keeps_end: bool = False
    error: str = ""

    @classmethod
    def missing(cls, kind: str, why: str) -> Self:
        return cls(kind, f"{kind.capitalize()} could not be read", error=why)

    def row(self, *, most: int) -> Evidence:
        """The unsaved row, its content no longer than `most` characters."""
        content = redact("\n".join(self.lines).replace("\x00", ""))
        is_cut = len(content) > most
        if is_cut:
            content = MARK.lstrip() + content[-most:] if self.keeps_end else content[:most] + MARK.rstrip()
        facts = redact_json(dict(self.facts))
        return Evidence(
            kind=self.kind,
            title=redact(self.title)[:TITLE_CHARS],
            content=content,
            facts=facts if isinstance(facts, dict) else {},
            truncated=is_cut,
            error=redact(self.error)[:TITLE_CHARS],
        )
