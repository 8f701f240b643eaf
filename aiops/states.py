"""Compare-and-set state machines: of any number of concurrent callers one moves the row, the database decides which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.db.models import Field, Func, JSONField, Model, TextField, Value
from django.db.models.functions import Cast
from pydantic import JsonValue


class _OfRow(Func):
    """One row's value from an object by id: a parameter for all rows, where a CASE would have two for each of them."""

    arg_joiner = " ->> "
    template = "(%(expressions)s)"
    output_field = TextField()


@dataclass(frozen=True, slots=True)
class Machine:
    """The states of `field` and where each one leads. A state without a row in `edges` is final."""

    field: str
    edges: Mapping[str, frozenset[str]]

    def move(self, row: Model, to: str, **fields: object) -> bool:
        """Put `row` into `to` if the database still has it in a state that leads there.

        True for exactly one of any number of concurrent callers; False: it has moved on, see `row`.
        """
        unmoved = type(row)._default_manager.filter(**{"pk": row.pk, f"{self.field}__in": self.sources(to)})
        moved = unmoved.update(**{self.field: to}, **fields) == 1
        row.refresh_from_db(fields=[self.field, *fields])
        return moved

    def move_all(
        self, rows: Sequence[Model], to: str, *, each: Mapping[str, Mapping[int, JsonValue]] | None = None, **fields: object
    ) -> None:
        """Put `rows` into `to` in one statement. The caller has locked them in states that lead there.

        `each`: what differs from row to row, field → row's id → a value as JSON has it. Of the rows in hand only the state is
        brought up to date.
        """
        if not rows:
            return
        model = type(rows[0])
        for name, values in (each or {}).items():
            field = cast("Field[Any, Any]", model._meta.get_field(name))
            fields[name] = Cast(_OfRow(Value(dict(values), JSONField()), Cast("pk", TextField())), output_field=field)
        leading = model._default_manager.filter(pk__in=[row.pk for row in rows], **{f"{self.field}__in": self.sources(to)})
        moved = leading.update(**{self.field: to}, **fields)
        if moved != len(rows):
            raise ValueError(f"{len(rows) - moved} of {len(rows)} rows were not locked in a state that leads to {to}")
        for row in rows:
            setattr(row, self.field, to)

    def sources(self, to: str) -> list[str]:
        return [state for state, targets in self.edges.items() if to in targets]

    @property
    def states(self) -> frozenset[str]:
        return frozenset(self.edges).union(*self.edges.values())
