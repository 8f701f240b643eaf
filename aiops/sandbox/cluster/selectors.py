"""Label and field selectors, as they stand in a query or in an object's spec."""

import re
from collections.abc import Callable

from aiops.sandbox.cluster.documents import Document, dig, labels_of
from aiops.sandbox.cluster.refusals import bad_request

Predicate = Callable[[Document], bool]

_SET = re.compile(r"\s*([A-Za-z0-9._/-]+)\s+(in|notin)\s+\(([^)]*)\)\s*")
_EQUAL = re.compile(r"\s*([A-Za-z0-9._/-]+)\s*(!=|==?)\s*([A-Za-z0-9._-]*)\s*")
_EXISTS = re.compile(r"\s*(!?)\s*([A-Za-z0-9._/-]+)\s*")


def everything(document: Document) -> bool:
    return True


def matches_labels(labels: dict[str, str], selector: Document | None) -> bool:
    """Whether a `LabelSelector` object takes `labels`. None takes nothing, an empty one everything."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(labels, one) for one in selector.get("matchExpressions") or [])


def _expression(labels: dict[str, str], one: Document) -> bool:
    key, values = one["key"], one.get("values") or []
    match one["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def label_predicate(text: str) -> Predicate:
    """`app=web,tier in (a,b),!old`. Refused (400) where it cannot be read."""
    tests = [_requirement(part) for part in re.split(r",(?![^(]*\))", text) if part.strip()]
    return (lambda document: all(test(labels_of(document)) for test in tests)) if tests else everything


def _requirement(part: str) -> Callable[[dict[str, str]], bool]:
    if match := _SET.fullmatch(part):
        key, wanted = match[1], {value.strip() for value in match[3].split(",")}
        if match[2] == "in":
            return lambda labels: labels.get(key) in wanted
        return lambda labels: labels.get(key) not in wanted
    if match := _EQUAL.fullmatch(part):
        key, value = match[1], match[3]
        if match[2] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _EXISTS.fullmatch(part):
        key, absent = match[2], bool(match[1])
        return lambda labels: (key in labels) is not absent
    raise bad_request(f"unable to parse requirement: {part!r}")


def field_predicate(text: str) -> Predicate:
    """`metadata.name=web,status.phase!=Running`. A path that is missing reads as the empty string."""
    tests: list[tuple[tuple[str, ...], str, bool]] = []
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"([A-Za-z0-9_.]+)(!=|==?)(.*)", part)
        if match is None:
            raise bad_request(f"invalid field selector: {part!r}")
        tests.append((tuple(match[1].split(".")), match[3], match[2] == "!="))
    if not tests:
        return everything
    return lambda document: all((_field(document, path) == value) is not negated for path, value, negated in tests)


def _field(document: Document, path: tuple[str, ...]) -> str:
    value = dig(document, *path)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
