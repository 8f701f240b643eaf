"""`manage.py replay FILE`: what would have been decided about recorded alerts."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from incidents.replay import Answer, replay, report
from incidents.storms import StormAnswer


class Command(BaseCommand):
    help = "Run recorded alerts (JSON Lines) through the engines, offline: nothing is stored, sent or changed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="JSON Lines of alerts or webhook bodies; - reads standard input")
        parser.add_argument("--json", action="store_true", help="one line of JSON per alert")
        parser.add_argument(
            "--trust", choices=["full"], default="full", help="full: which acts would run alone if every record were flawless"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: str = options["file"]
        try:
            text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}") from error
        with suppress(BrokenPipeError):  # the reader (head, less) went away
            self._answer(replay(text.split("\n")), as_json=options["json"], path=path)

    def _answer(self, answers: Iterator[Answer | StormAnswer], *, as_json: bool, path: str) -> None:
        try:
            for text in (json.dumps(answer.to_json()) for answer in answers) if as_json else report(list(answers)):
                self.stdout.write(text)
        except ValueError as error:
            raise CommandError(f"{path}: {error}") from error
