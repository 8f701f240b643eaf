"""What of the processes' logs is shown on the terminal."""

import json

from aiops.runtime.digest import BURST, WIDTH, Digest, brief


def line(event: str = "incident.opened", level: str = "info", **keys: object) -> str:
    return json.dumps({"event": event, "level": level, "timestamp": "2026-03-01T03:00:07.123456Z", "logger": "x", **keys})


def test_an_event_becomes_one_short_line_with_its_keys() -> None:
    shown, matters = brief("worker", line(incident="INC-7")) or ("", True)
    assert shown == "03:00:07 worker   info    incident.opened incident=INC-7"
    assert not matters


def test_a_traceback_stays_in_the_log() -> None:
    assert brief("web", "Traceback (most recent call last):") is None
    assert brief("web", "42") is None


def test_a_line_is_cut_and_cannot_move_the_cursor() -> None:
    shown, _ = brief("web", line(title="\x1b[2J\nfake line" + "x" * 500)) or ("", False)
    assert len(shown) == WIDTH
    assert "\x1b" not in shown
    assert "\n" not in shown


def test_every_task_and_every_refused_page_are_not_told_twice() -> None:
    assert brief("worker", line("Task decide succeeded", logger="celery.app.trace")) is None
    assert brief("worker", line("Task decide raised", level="error", logger="celery.app.trace")) is not None
    assert brief("web", line("Not Found: /x", level="warning", logger="django.request")) is None


class Screen:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.now = 0.0
        self.digest = Digest(self.lines.append, clock=lambda: self.now)


def test_lines_that_arrive_in_pieces_are_put_together() -> None:
    screen = Screen()
    text = line().encode() + b"\n"
    for at in range(len(text)):
        screen.digest.take("web", text[at : at + 1])
    assert len(screen.lines) == 1


def test_a_flood_is_counted_instead_of_shown() -> None:
    screen = Screen()
    screen.digest.take("web", (line() + "\n") * 1000)
    assert len(screen.lines) == BURST
    screen.now = 10.0
    screen.digest.flush()
    assert screen.lines[-1].strip() == f"… {1000 - BURST} more lines in the logs"


def test_a_warning_is_shown_in_every_flood() -> None:
    screen = Screen()
    screen.digest.take("web", (line() + "\n") * 1000 + line("broker.lost", level="warning") + "\n")
    assert "broker.lost" in screen.lines[-1]
