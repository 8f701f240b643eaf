"""Kubernetes quantities: `250m`, `512Mi`, `1.5`."""

import re

_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)(m|[kMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?")
_FACTORS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18} | {
    f"{letter}i": 1024.0 ** (power + 1) for power, letter in enumerate("KMGTPE")
}
MIB = 1024.0**2


def quantity(text: str | float) -> float:
    """The number that a quantity stands for, in its base unit (bytes, cores). ValueError where it is none."""
    if isinstance(text, int | float):
        return float(text)
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        )
    number, suffix = match[1], match[2] or ""
    return (
        float(f"{number}{suffix}")
        if suffix[:1] in ("e", "E") and suffix[1:] not in ("", "i")
        else float(number) * _FACTORS[suffix]
    )


def mebibytes(text: str | float) -> float:
    return quantity(text) / MIB
