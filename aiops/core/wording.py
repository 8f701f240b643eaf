"""Numbers as people read them: durations, counts, shares. Always the number first, then its unit."""

from datetime import datetime


def duration(seconds: float) -> str:
    """`0.3 s`, `54 s`, `4 m 12 s`, `1 h 03 m`, `3 d 4 h`."""
    seconds = max(0.0, seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} m"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def milliseconds(ms: float) -> str:
    """`184 ms`, `3.9 s`."""
    return f"{ms:.0f} ms" if ms < 1000 else duration(ms / 1000)


def countdown(seconds: float) -> str:
    """`53:18`, `1:26:00`; never below `0:00`."""
    whole = max(0, int(seconds))
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def ago(at: datetime, now: datetime) -> str:
    """`12 s ago`, `3 min ago`; the time of day from an hour on, with its day if that is another one."""
    seconds = (now - at).total_seconds()
    if seconds < 60:
        return f"{max(0, int(seconds))} s ago"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    return clock(at, now, seconds=False)


def clock(at: datetime, now: datetime, *, seconds: bool = True) -> str:
    """`02:57:31`; `20 Nov 02:57` on another day."""
    if at.date() != now.date():
        return f"{at.day} {at:%b %H:%M}" if at.year == now.year else f"{at.day} {at:%b %Y}"
    return f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 alert`, `4 alerts`, `2 people`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def percent(share: float) -> str:
    """A share of 0..1 in whole percent, rounded down: nothing is claimed that is not there."""
    return f"{int(share * 100 + 1e-9)}%"


def initials(name: str) -> str:
    """`mira.kovac` → `MK`."""
    words = name.replace(".", " ").replace("_", " ").replace("-", " ").split()
    return "".join(word[0] for word in words[:2]).upper() or "?"
