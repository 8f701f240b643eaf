"""One line of the table that `make bench` prints."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """`id` as in the list of targets; `reach` is what is aimed at."""

    id: str
    what: str
    measured: str
    reach: str
    met: bool
