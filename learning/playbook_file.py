"""Playbooks as text: the YAML in which they are imported, exported, kept as versions and compared.

    playbooks:
      - name: Restart a hung worker
        status: approved
        symptoms: {alert_names: [WorkerHung], target_kind: Deployment}
        steps: [{action: restart_workload, verify: the alert clears}]

A file is taken whole or refused with the field that is wrong.
"""

from collections.abc import Hashable, Sequence
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError, model_validator

from aiops.core.actions import Action, ActionClass, build
from aiops.core.categories import Category
from aiops.core.errors import Invalid
from aiops.core.scales import Severity
from aiops.core.targets import CLUSTER_SCOPED, OUTSIDE_KUBERNETES, Target
from learning.models import Playbook

MAX_BYTES = 1 << 20

Name = Annotated[str, StringConstraints(min_length=1, max_length=150, strip_whitespace=True)]
Kind = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]{0,62}$")]
Line = Annotated[str, StringConstraints(max_length=300, strip_whitespace=True)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True, use_enum_values=True, strict=False)


class Symptoms(Part):
    """When a playbook fits. An empty list says nothing about that field; all `needs` have to be shown by evidence."""

    alert_names: list[Word] = Field(default_factory=list, max_length=100)
    categories: list[Category] = []
    severities: list[Severity] = []
    services: list[Annotated[str, StringConstraints(min_length=1, max_length=253)]] = Field(default_factory=list, max_length=100)
    labels: dict[Word, Annotated[str, StringConstraints(max_length=500)]] = {}
    needs: list[Playbook.Need] = []
    target_kind: Kind

    @model_validator(mode="after")
    def _tells_something(self) -> "Symptoms":
        if not (self.alert_names or self.categories or self.services or self.labels):
            raise ValueError("nothing to recognise it by: give alert_names, categories, services or labels")
        return self


class Step(Part):
    """One typed action. Empty target fields mean the incident's own target."""

    action: ActionClass
    target_kind: Kind | Annotated[str, StringConstraints(max_length=0)] = ""
    target_name: Annotated[str, StringConstraints(max_length=253)] = ""
    parameters: dict[str, JsonValue] = {}
    expected_effect: Line = ""
    verify: Line = ""
    rollback: Line = ""

    def aimed(self, kind: str) -> Action:
        """The action on some target of `kind`; Invalid where there could be none."""
        kind = self.target_kind or kind
        has_namespace = kind not in CLUSTER_SCOPED | OUTSIDE_KUBERNETES
        try:
            target = Target(kind=kind, namespace="any" if has_namespace else None, name=self.target_name or "any")
        except ValidationError as error:
            raise Invalid(error.errors()[0]["msg"], loc=("target_name" if self.target_name else "target_kind",)) from None
        return build(self.action, target, **self.parameters)


class Document(Part):
    """A playbook as people write it. `status` is where a new one starts; an existing one keeps its own."""

    name: Name
    description: Annotated[str, StringConstraints(max_length=5000, strip_whitespace=True)] = ""
    symptoms: Symptoms
    steps: list[Step] = Field(min_length=1, max_length=20)

    @classmethod
    def of(cls, playbook: Playbook) -> "Document":
        """A stored playbook as text; unchecked, because what is stored is shown as it is."""
        symptoms = {field: getattr(playbook, field) for field in Symptoms.model_fields}
        steps = [
            Step.model_construct(
                action=ActionClass(step.action_class),
                **{field: getattr(step, field) for field in Step.model_fields if field != "action"},
            )
            for step in playbook.steps.all()
        ]
        return cls.model_construct(
            name=playbook.name,
            description=playbook.description,
            symptoms=Symptoms.model_construct(**symptoms),
            steps=steps,
        )

    def to_json(self) -> dict[str, JsonValue]:
        """As it is kept in a version: without what says nothing."""
        plain: dict[str, JsonValue] = self.model_dump(mode="json", exclude_defaults=True, warnings=False)
        return plain


class Entry(Document):
    """One playbook of a file."""

    status: Playbook.Status = Playbook.Status.DRAFT

    @property
    def document(self) -> Document:
        return Document.model_validate(self.model_dump(exclude={"status"}))


class _Strict(yaml.SafeLoader):
    """YAML in which a key that is there twice is an error, not the last one's silent victory."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is there twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def parse(text: str) -> list[Entry]:
    """All playbooks of a file, or Invalid with the place of the first thing that is wrong."""
    if len(text.encode()) > MAX_BYTES:
        raise Invalid(f"the file is larger than {MAX_BYTES >> 20} MiB; split it")
    try:
        data = yaml.load(text, Loader=_Strict)  # noqa: S506  (a SafeLoader)
    except yaml.YAMLError as error:
        raise Invalid(f"this is no YAML: {' '.join(str(error).split())}") from None
    found = data.get("playbooks") if isinstance(data, dict) else None
    if not isinstance(found, list) or not found or set(data) != {"playbooks"}:
        raise Invalid("the file holds one list, `playbooks:`, with at least one entry", loc=("playbooks",))
    entries = [_entry(index, item) for index, item in enumerate(found)]
    names = [entry.name for entry in entries]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise Invalid(f"playbooks.{index}.name: {name!r} is there twice", loc=("playbooks", index, "name"))
    return entries


def _entry(index: int, item: object) -> Entry:
    try:
        entry = Entry.model_validate(item)
    except ValidationError as error:
        first = error.errors()[0]
        raise _wrong(index, first["loc"], first["msg"]) from None
    for number, step in enumerate(entry.steps):
        try:
            step.aimed(entry.symptoms.target_kind)
        except Invalid as error:
            raise _wrong(index, ("steps", number, *field_of(error)), error.detail) from None
    return entry


def field_of(error: Invalid) -> tuple[str | int, ...]:
    """The field of a step that `Step.aimed` refused."""
    inside = error.loc[1:] if error.loc[:1] == ("action",) else error.loc
    if inside[:1] in {("parameters",), ("target_name",)}:
        return inside
    return ("target_kind",) if inside else ("action",)


def _wrong(index: int, loc: Sequence[str | int], message: str) -> Invalid:
    place = ("playbooks", index, *loc)
    return Invalid(f"{'.'.join(map(str, place))}: {message}", loc=place)


def dump(playbooks: Sequence[Playbook]) -> str:
    """The file that `parse` reads back to the same playbooks."""
    entries = [{"name": p.name, "status": str(p.status), **Document.of(p).to_json()} for p in playbooks]
    return to_yaml({"playbooks": entries})


def to_yaml(data: JsonValue | dict[str, Any]) -> str:
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
    return text
