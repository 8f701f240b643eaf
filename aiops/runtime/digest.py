"""The processes' JSON log lines, each cut to one short line for the terminal, and never a flood of them."""

import json
import time
from collections.abc import Callable, Mapping

WIDTH = 160
LINES_PER_S = 8  # of what is below a warning
BURST = 24
LONGEST_LINE_BYTES = 65_536
REPEATING_LOGGERS = frozenset({"django.request"})  # each of its lines stands beside one with more in it
BUSY_LOGGERS = frozenset({"celery.worker.strategy", "celery.app.trace", "uvicorn.error"})  # worth a look when something is wrong
QUIET_KEYS = frozenset({"event", "level", "logger", "timestamp", "request_id", "task_id", "parent_task_id", "exception", "stack"})


class Digest:
    """Whole lines out of pieces of output. `write` gets each short line; what is left out is counted."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write, self._clock = write, clock
        self._parts: dict[str, bytes] = {}
        self._tokens, self._filled_at = float(BURST), clock()
        self._left_out = 0

    def take(self, process: str, data: bytes | str) -> None:
        text = self._parts.pop(process, b"") + (data.encode() if isinstance(data, str) else data)
        *lines, rest = text.split(b"\n")
        if rest:
            self._parts[process] = rest[-LONGEST_LINE_BYTES:]
        for line in lines:
            self._line(process, line.decode(errors="replace"))

    def flush(self) -> None:
        """Tell how much was left out, once there is room again."""
        if self._left_out and self._has_room():
            self._write(f"{'':9}… {self._left_out} more lines in the logs")
            self._left_out = 0

    def _line(self, process: str, line: str) -> None:
        short = brief(process, line)
        if short is None:
            return
        text, matters = short
        if matters or self._has_room():
            self.flush()
            self._write(text)
        else:
            self._left_out += 1

    def _has_room(self) -> bool:
        now = self._clock()
        self._tokens = min(float(BURST), self._tokens + (now - self._filled_at) * LINES_PER_S)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def brief(process: str, line: str) -> tuple[str, bool] | None:
    """`line` of `process` in one short line, and whether it is a warning or worse; None for what is not worth one."""
    try:
        event = json.loads(line)
    except ValueError:
        return None  # a traceback or a banner: in the log
    if not isinstance(event, Mapping) or "event" not in event:
        return None
    level = str(event.get("level", "info"))
    matters = level in {"warning", "error", "critical"}
    if event.get("logger") in REPEATING_LOGGERS or (event.get("logger") in BUSY_LOGGERS and not matters):
        return None
    details = " ".join(f"{key}={value}" for key, value in event.items() if key not in QUIET_KEYS)
    at = str(event.get("timestamp", ""))[11:19]
    text = " ".join(f"{at} {process:<8} {level:<7} {event['event']} {details}".split("\n")).rstrip()
    printable = "".join(character if character.isprintable() else "?" for character in text)
    cut = printable if len(printable) <= WIDTH else printable[: WIDTH - 1] + "…"
    return cut, matters
