"""Reading a body that anybody may have written: size, syntax, depth, characters. Bad input is refused whole."""

import hashlib
import json
import re
from collections.abc import Mapping

from pydantic import JsonValue
from pydantic_core import from_json

from aiops.core.errors import Invalid, TooLarge

# C0 and C1 controls but tab and line ends, and lone surrogates, which are no characters at all.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
# How those look before JSON is decoded: only bodies that hold one are searched string by string.
_SUSPECT = re.compile(rb"\\u(?:00[01189]|007[fF]|[dD][89a-fA-F])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def read_json(body: bytes, *, max_bytes: int, max_depth: int) -> dict[str, JsonValue]:
    """The body as a JSON object with control characters made visible; TooLarge or Invalid for what is none."""
    if len(body) > max_bytes:
        raise TooLarge(f"a body is at most {max_bytes // 1_048_576} MiB; send fewer alerts in one")
    data = _decode(body)
    if not isinstance(data, dict):
        raise Invalid("the body is a JSON object", loc=("body",))
    if _is_deeper(data, max_depth):
        raise Invalid(f"the body is nested deeper than {max_depth}", loc=("body",))
    if _SUSPECT.search(body):
        data = {visible(key): _visible_json(value) for key, value in data.items()}
    return data


def _decode(body: bytes) -> JsonValue:
    """Strict and fast first; what only breaks Unicode is mended rather than lost with its good neighbours."""
    try:
        data: JsonValue = from_json(body)
    except ValueError as error:
        try:
            data = json.loads(body.decode("utf-8", errors="replace"))
        except (ValueError, RecursionError):
            raise Invalid(f"the body is not JSON: {error}", loc=("body",)) from None
    return data


def _is_deeper(value: JsonValue, levels: int) -> bool:
    level = [value]
    for _ in range(levels):
        inner = (item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list))
        level = [item for items in inner for item in items if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def visible(text: str) -> str:
    """Control characters as the symbols that stand for them, so that they are stored, seen and do nothing."""
    return _UNPRINTABLE.sub(lambda match: _symbol(match[0]), text)


def _symbol(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def _visible_json(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(key): _visible_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_visible_json(item) for item in value]
    return value


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """A stable name for a label set whose sender gives none: 16 hex digits over the sorted labels."""
    text = "\xff".join(f"{name}\xfe{labels[name]}" for name in sorted(labels))
    return hashlib.blake2b(text.encode("utf-8", errors="replace"), digest_size=8).hexdigest()


def digest_of(text: str) -> str:
    """64 hex digits that stand for a text of any length."""
    return hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()
