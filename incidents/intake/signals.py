"""What every source comes down to: a list of signals, and what in the body could not be taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Signal:
    """One alert as its sender says it is now. Texts are as they came, with control characters made visible."""

    fingerprint: str
    firing: bool
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ended_at: datetime | None = None
    group_key: str = ""
    is_grouped: bool = False  # the group is that of one service, workload or machine: its sender says that it is one problem
    generator_url: str = ""
    is_test: bool = False
    worsens: bool = False  # its sender raises the severity of an alert that fires already


@dataclass(frozen=True, slots=True)
class Bad:
    """One alert of a good group that cannot be taken: kept raw, with the reason in words."""

    raw: JsonValue
    reason: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """`ignored` counts what the source sends and nobody acts on; `truncated` what the sender says it left out.

    `receiver` is what the sender calls us, where it says so.
    """

    signals: tuple[Signal, ...] = ()
    bad: tuple[Bad, ...] = ()
    ignored: int = 0
    reason: str | None = None
    truncated: int = 0
    receiver: str = ""
