"""What a playbook was: a version is written whenever its symptoms or steps change, and two can be compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import ndiff
from enum import StrEnum

from django.db import transaction
from pydantic import BaseModel, JsonValue

from learning.models import Playbook, PlaybookVersion
from learning.playbook_file import Document, Step, Symptoms, to_yaml


@transaction.atomic
def keep(playbook: Playbook, *, by: str) -> PlaybookVersion | None:
    """Write down how `playbook` is now, unless that is how it was last; `version` counts what was written."""
    locked = Playbook.objects.select_for_update().prefetch_related("steps").get(pk=playbook.pk)
    snapshot = Document.of(locked).to_json()
    last = locked.versions.first()
    if last is not None and last.snapshot == snapshot:
        return None
    number = last.number + 1 if last else 1
    version = PlaybookVersion.objects.create(playbook=locked, number=number, by=by, snapshot=snapshot)
    Playbook.objects.filter(pk=playbook.pk).update(version=number)
    playbook.version = number
    return version


class Change(StrEnum):
    SAME = "same"
    INSERTED = "ins"
    DELETED = "del"


@dataclass(frozen=True, slots=True)
class DiffLine:
    change: Change
    text: str


_CHANGES = {"  ": Change.SAME, "+ ": Change.INSERTED, "- ": Change.DELETED}


def diff(old: Mapping[str, JsonValue] | None, new: Mapping[str, JsonValue]) -> list[DiffLine]:
    """Line by line from one snapshot to another; None is no playbook at all."""
    before = to_yaml(in_order(old)).splitlines() if old else []
    lines = ndiff(before, to_yaml(in_order(new)).splitlines())
    return [DiffLine(_CHANGES[line[:2]], line[2:]) for line in lines if line[:2] in _CHANGES]


def in_order(snapshot: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The snapshot as people write one: the database keeps the fields of JSON in an order of its own."""
    ordered = _sorted(snapshot, Document)
    if isinstance(symptoms := snapshot.get("symptoms"), dict):
        ordered["symptoms"] = _sorted(symptoms, Symptoms)
    if isinstance(steps := snapshot.get("steps"), list):
        ordered["steps"] = [_sorted(step, Step) if isinstance(step, dict) else step for step in steps]
    return ordered


def _sorted(fields: Mapping[str, JsonValue], model: type[BaseModel]) -> dict[str, JsonValue]:
    order = list(model.model_fields)
    return dict(sorted(fields.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def changes(version: PlaybookVersion) -> list[DiffLine]:
    """What this version changed against the one before."""
    before = PlaybookVersion.objects.filter(playbook=version.playbook_id, number__lt=version.number).first()
    return diff(before.snapshot if before else None, version.snapshot)
