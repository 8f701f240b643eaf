"""Compare-and-set state machines: of any number of concurrent callers one moves the row, the database decides which."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Model


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

    def sources(self, to: str) -> list[str]:
        return [state for state, targets in self.edges.items() if to in targets]

    @property
    def states(self) -> frozenset[str]:
        return frozenset(self.edges).union(*self.edges.values())
