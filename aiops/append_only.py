"""Tables that only grow: audit, signatures, ledgers, timeline. The database refuses every other change."""

from collections.abc import Iterator
from contextlib import contextmanager

import pgtrigger
from django.db.models import Model


def triggers() -> list[pgtrigger.Trigger]:
    """For `Meta.triggers` of an append-only model."""
    return [
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        pgtrigger.Trigger(
            name="keep_all",
            operation=pgtrigger.Truncate,
            when=pgtrigger.Before,
            level=pgtrigger.Statement,
            func="RAISE EXCEPTION 'this table only grows; it cannot be emptied';",
        ),
    ]


@contextmanager
def retention(*models: type[Model]) -> Iterator[None]:
    """The one way to delete from such a table, for the nightly job that removes what need not be kept any longer."""
    with pgtrigger.ignore(*(f"{model._meta.label}:append_only" for model in models)):
        yield
