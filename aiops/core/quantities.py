"""Kubernetes quantities (`250m`, `512Mi`) as exact numbers, and back in the same unit."""

import math
from decimal import Decimal, InvalidOperation

from aiops.core.errors import Invalid

_UNITS = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
}


def parse(text: str) -> Decimal:
    """Bytes or cores; Invalid for what is no quantity."""
    number, unit = _split(text)
    return number * _UNITS[unit]


def times(text: str, factor: Decimal) -> str:
    """`text` multiplied and rounded up, as a whole number of its own unit or of the next smaller one."""
    number, unit = _split(text)
    smaller = {"": "m", "M": "k", "G": "M", "T": "G", "P": "T", "Mi": "Ki", "Gi": "Mi", "Ti": "Gi", "Pi": "Ti"}
    result = number * factor
    if result != int(result) and unit in smaller:
        return f"{math.ceil(result * _UNITS[unit] / _UNITS[smaller[unit]])}{smaller[unit]}"
    return f"{math.ceil(result)}{unit}"


def _split(text: str) -> tuple[Decimal, str]:
    digits = text.rstrip("mkKMGTPi")
    unit = text[len(digits) :]
    try:
        if unit not in _UNITS or not digits:
            raise InvalidOperation
        return Decimal(digits), unit
    except InvalidOperation:
        raise Invalid(f"{text!r} is no quantity such as 512Mi or 250m", loc=("action", "parameters")) from None
