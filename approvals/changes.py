"""What differs between two JSON values, for people: the effect of a dry run, line by line."""

from collections.abc import Iterator

from pydantic import JsonValue

from aiops.core.redaction import redact_json

MOST = 40  # more lines than anybody reads; the rest is counted by its parent

Change = tuple[str, JsonValue, JsonValue]


def changes_between(before: JsonValue, after: JsonValue) -> list[Change]:
    """`(path, before, after)` of every leaf that differs, None where there is nothing, secrets hidden."""
    found = [(path, redact_json(old, name=path), redact_json(new, name=path)) for path, old, new in _differ("", before, after)]
    return found[:MOST]


def _differ(path: str, before: JsonValue, after: JsonValue) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _differ(f"{path}.{key}" if path else key, before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differ(f"{path}[{_name_of(old, index)}]", old, new)
    else:
        yield path, before, after


def _name_of(item: JsonValue, index: int) -> str:
    """Containers and their like are told apart by name."""
    name = item.get("name") if isinstance(item, dict) else None
    return name if isinstance(name, str) else str(index)
