"""What follows from what was sent and what is seen: the core of `reliability.md` §2, without I/O.

A change carries the exact version that it was computed from, and a mark. It lands only while the object is at that
version; landing moves the version and leaves the mark; a version never returns. So of all requests that were ever sent
for one execution at most one lands, however late, as long as a body is built only from a read without the mark.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from approvals.operations.operation import Bound


@dataclass(frozen=True, slots=True)
class Sent:
    """A request whose effect is not known. `was_refused`: it was answered 409, so at most something older of ours landed."""

    version: str
    generation: int
    was_refused: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """The object as it is now, seen against what was signed or, after a step of ours, against what that step made.

    `has_landed`: our mark is there, or what else proves the change. `is_same`: the object that is changed or copied
    exists and has the uid that was signed. `is_untouched`: what the action changes of it is as it was.
    """

    has_landed: bool
    is_same: bool
    is_untouched: bool
    version: str = ""
    generation: int = 0
    may_repeat: bool = False  # the receiver of a job says that the same key does nothing twice


class Next(Enum):
    LANDED = auto()  # the change is there
    REPEAT = auto()  # it may still land: the same request again, one of them wins
    FRESH = auto()  # nothing that was sent can land any more, and the object is as it was: a new request
    OVERTAKEN = auto()  # others changed it: nothing of ours can land any more
    HELD = auto()  # it may have begun or may still begin, and is never sent again


def next_step(bound: Bound, unsettled: Sequence[Sent], seen: Seen) -> Next:
    """What to do about requests of which it is not known whether they landed. Empty `unsettled`: none can land any more."""
    match bound:
        case Bound.VERSION:
            return _at_version(unsettled, seen)
        case Bound.UID:
            return _of_uid(unsettled, seen)
        case Bound.NAME:
            return _by_name(unsettled, seen)
        case Bound.MARKER | Bound.KEY:
            return _outside(unsettled, seen)


def _at_version(unsettled: Sequence[Sent], seen: Seen) -> Next:
    if seen.has_landed:
        return Next.LANDED
    if not seen.is_same:
        return Next.OVERTAKEN
    if any(sent.version == seen.version for sent in unsettled):
        return Next.REPEAT
    if not seen.is_untouched:
        return Next.OVERTAKEN
    # The version has moved, so nothing that was sent can land from now on. Had it landed before, a spec write of ours
    # would have been followed by one that put everything back and removed the mark: the generation counts both.
    moved = max((seen.generation - sent.generation for sent in unsettled), default=0)
    return Next.FRESH if moved <= 1 else Next.OVERTAKEN


def _of_uid(unsettled: Sequence[Sent], seen: Seen) -> Next:
    """A uid dies once. It is gone by us unless every request of ours is known to have been refused."""
    if not seen.has_landed:
        return Next.REPEAT if unsettled else Next.FRESH
    return Next.LANDED if any(not sent.was_refused for sent in unsettled) else Next.OVERTAKEN


def _by_name(unsettled: Sequence[Sent], seen: Seen) -> Next:
    """A name is created once, and what has it says by its label whose it is."""
    if seen.has_landed:
        return Next.LANDED
    if unsettled:
        return Next.REPEAT
    return Next.FRESH if seen.is_same and seen.is_untouched else Next.OVERTAKEN


def _outside(unsettled: Sequence[Sent], seen: Seen) -> Next:
    """A machine or a receiver of jobs tells what it knows; what it does not know it may still be about to do."""
    if seen.has_landed:
        return Next.LANDED
    if unsettled:
        return Next.REPEAT if seen.may_repeat else Next.HELD
    return Next.FRESH if seen.is_same and seen.is_untouched else Next.OVERTAKEN
