"""Keyset pages: stable under inserts, as fast on the last page as on the first, without totals."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from ninja import Field as NinjaField
from ninja import Query, Schema

from aiops.core.errors import Invalid

LIMIT, LIMIT_MAX = 50, 200
Row = TypeVar("Row", bound=Model)


class PageQuery(Schema):
    """`limit` 1–200, `cursor` as the previous page gave it."""

    limit: int = NinjaField(LIMIT, ge=1, le=LIMIT_MAX)
    cursor: str | None = None


PageIn = Annotated[PageQuery, Query()]


def encode(values: Sequence[object]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def decode(cursor: str, fields: int) -> list[str]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        values = None
    if not isinstance(values, list) or len(values) != fields or not all(isinstance(v, str) for v in values):
        raise Invalid("this cursor was not made by a list here; leave it out to start from the first page", loc=("cursor",))
    return values


def page(rows: QuerySet[Row], query: PageQuery, *, order: Sequence[str] = ("-id",)) -> tuple[list[Row], str | None]:
    """One page of `rows` in descending `order`, and the cursor of the next one or None.

    `order` names columns with a leading minus; the last one is unique. Ask with the same filters for the next page.
    """
    columns = [name.removeprefix("-") for name in order]
    if query.cursor is not None:
        rows = rows.filter(_after(rows.model, columns, decode(query.cursor, len(columns))))
    found = list(rows.order_by(*order)[: query.limit + 1])
    if len(found) <= query.limit:
        return found, None
    last = found[query.limit - 1]
    return found[: query.limit], encode([getattr(last, column) for column in columns])


def _after(model: type[Model], columns: Sequence[str], values: Sequence[str]) -> Q:
    """Rows behind the cursor: `(a, b) < (x, y)`, written so that the planner uses the index on (a, b)."""
    typed = [_typed(model, column, value) for column, value in zip(columns, values, strict=True)]
    if len(columns) == 1:
        return Q(**{f"{columns[0]}__lt": typed[0]})
    first, second = columns
    return Q(**{f"{first}__lte": typed[0]}) & (Q(**{f"{first}__lt": typed[0]}) | Q(**{f"{second}__lt": typed[1]}))


def _typed(model: type[Model], column: str, value: str) -> object:
    field = model._meta.get_field(column)
    try:
        return field.to_python(value) if isinstance(field, Field) else value
    except (ValueError, ValidationError):
        raise Invalid("this cursor belongs to another list; leave it out to start from the first page", loc=("cursor",)) from None
