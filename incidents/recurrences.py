"""Times that come again: the part of RFC 5545 that a calendar of maintenance windows needs.

Only rules whose times can be found quickly are taken. A rule that counts seconds, or one that never fits a day, would
keep every webhook waiting that asks whether a hold is in force.
"""

from datetime import datetime, timedelta
from itertools import islice, pairwise

from dateutil.rrule import rrule, rrulestr

from aiops.core.errors import Invalid

ALWAYS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"})
OF_A_MONTH = frozenset({"BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"})
PARTS = {"DAILY": {"BYDAY"}, "WEEKLY": {"BYDAY"}, "MONTHLY": OF_A_MONTH, "YEARLY": OF_A_MONTH}
LONGEST_INTERVAL = 366
OLDEST_START = timedelta(days=366)  # every look goes through the times since the first
CHECKED = 60  # so many times are looked at for overlap: more than a year of weeks


def times(rule: str, starts_at: datetime) -> rrule:
    """The beginnings of a stored rule, which `check` has let in."""
    parsed = rrulestr(rule, dtstart=starts_at)
    assert isinstance(parsed, rrule)
    return parsed


def check(rule: str, starts_at: datetime, ends_at: datetime, *, now: datetime) -> str:
    """The rule as it is stored; Invalid for one that cannot be read, never comes, or begins again before it ends."""
    rule = rule.strip().upper().removeprefix("RRULE:")
    _check_parts(rule)
    if starts_at < now - OLDEST_START:
        raise _refused("it begins more than a year ago; give a later first time", loc="from")
    try:
        first = list(islice(times(rule, starts_at), CHECKED))
    except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
        raise _refused(f"not a recurrence rule of RFC 5545: {error}") from None
    if not first:
        raise _refused("it never comes; look at its days and months")
    if any(later - earlier < ends_at - starts_at for earlier, later in pairwise(first)):
        raise _refused("it begins again before it ends; shorten the time or repeat less often")
    return rule


def _check_parts(rule: str) -> None:
    parts = dict(part.partition("=")[::2] for part in rule.split(";"))
    if len(parts) != len(rule.split(";")) or not all(parts.values()):
        raise _refused("it is a list of NAME=value, each once, with ; between them")
    frequency = parts.get("FREQ", "")
    if frequency not in PARTS:
        raise _refused("FREQ is DAILY, WEEKLY, MONTHLY or YEARLY")
    if unknown := sorted(set(parts) - ALWAYS - PARTS[frequency]):
        known = ", ".join(sorted(PARTS[frequency] | ALWAYS))
        raise _refused(f"{', '.join(unknown)} is not taken with {frequency}; it takes {known}. The time of day is that of `from`")
    interval = parts.get("INTERVAL", "1")
    if not interval.isdecimal() or not 1 <= int(interval[:6]) <= LONGEST_INTERVAL:
        raise _refused(f"INTERVAL is a number from 1 to {LONGEST_INTERVAL}")
    if frequency == "DAILY" and "BYDAY" in parts and interval != "1":
        raise _refused("DAILY takes either BYDAY or INTERVAL; use WEEKLY with BYDAY and INTERVAL")


def _refused(words: str, *, loc: str = "rrule") -> Invalid:
    return Invalid(words, loc=(loc,))
