"""Taking playbooks from a file, all or none, as often as wanted: what is the same stays, what people changed stays theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from django.db import transaction

from aiops.access import principals
from aiops.access.principals import Principal
from aiops.access.roles import Act
from learning import playbook_versions
from learning.models import Playbook, PlaybookStep
from learning.playbook_file import Document, Entry, Symptoms

STARTERS = Path(__file__).with_name("starter_playbooks.yaml")
BY_STARTERS = "starter playbooks"  # who wrote those versions; with its space it is no username


class Result(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    KEPT = "kept"  # a person has changed this starter; theirs stays


@dataclass(frozen=True, slots=True)
class Imported:
    name: str
    result: Result
    version: int


@transaction.atomic
def take(entries: Sequence[Entry], *, actor: Principal, starters: bool) -> list[Imported]:
    """Create what is new, update what differs. `starters`: the product's own, which never overwrite a person's change.

    An existing playbook keeps its status and its record.
    """
    principals.require(actor, Act.PLAYBOOKS)
    return [_take(entry, actor=actor, starters=starters) for entry in entries]


def _take(entry: Entry, *, actor: Principal, starters: bool) -> Imported:
    playbook = _existing(entry.name, starters=starters)
    if playbook is None:
        playbook = Playbook(name=entry.name, status=entry.status, is_starter=starters)
        result = Result.CREATED
    elif Document.of(playbook).to_json() == entry.document.to_json():
        return Imported(playbook.name, Result.UNCHANGED, playbook.version)
    elif starters and not _is_untouched(playbook):
        return Imported(playbook.name, Result.KEPT, playbook.version)
    else:
        result = Result.UPDATED
    _write(playbook, entry.document)
    playbook_versions.keep(playbook, by=BY_STARTERS if starters else actor.name)
    principals.record(actor, Act.PLAYBOOKS, "playbook", playbook.pk, name=playbook.name, imported=result.value)
    return Imported(playbook.name, result, playbook.version)


def _existing(name: str, *, starters: bool) -> Playbook | None:
    """By name; a starter also by the name that it came with, for a person may have renamed it."""
    playbooks = Playbook.objects.select_for_update()
    named = playbooks.filter(name=name).first()
    if named is None and starters:
        came = Playbook.objects.filter(versions__by=BY_STARTERS, versions__snapshot__name=name).values("pk")
        named = playbooks.filter(pk__in=came).first()
    return named


def _is_untouched(playbook: Playbook) -> bool:
    last = playbook.versions.first()
    return playbook.is_starter and last is not None and last.by == BY_STARTERS


def _write(playbook: Playbook, document: Document) -> None:
    playbook.name, playbook.description = document.name, document.description
    for field in Symptoms.model_fields:
        setattr(playbook, field, getattr(document.symptoms, field))
    playbook.save()
    playbook.steps.all().delete()
    PlaybookStep.objects.bulk_create(
        PlaybookStep(
            playbook=playbook, position=position, action_class=step.action, **step.model_dump(mode="json", exclude={"action"})
        )
        for position, step in enumerate(document.steps, start=1)
    )
