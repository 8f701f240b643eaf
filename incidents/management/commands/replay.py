"""`manage.py replay FILE`: what would have been decided about recorded alerts."""

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from incidents.replay import Answer, replay


class Command(BaseCommand):
    help = "Run recorded alerts (JSON Lines) through the engines, offline: nothing is stored, sent or changed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="JSON Lines of alerts or webhook bodies; - reads standard input")
        parser.add_argument("--json", action="store_true", help="one line of JSON per alert")

    def handle(self, *args: Any, **options: Any) -> None:
        path: str = options["file"]
        try:
            with sys.stdin if path == "-" else Path(path).open(encoding="utf-8") as lines:
                answers = replay(lines)
                if options["json"]:
                    for answer in answers:
                        self.stdout.write(json.dumps(answer.to_json()))
                else:
                    self._report(list(answers))
        except (OSError, ValueError) as error:
            raise CommandError(f"{path}: {error}") from error

    def _report(self, answers: list[Answer]) -> None:
        for answer in answers:
            alone = "  alone" if answer.auto else ""
            name = answer.facts.alert_name or "(no name)"
            self.stdout.write(f"{name}  {answer.facts.target or 'no target'}\n  {answer.proposal.description}{alone}")
            self.stdout.write(f"  {answer.proposal.reasoning}")
        counts = Counter(answer.proposal.action.action_class.value for answer in answers)
        self.stdout.write(f"\n{len(answers)} alerts: " + ", ".join(f"{name} {count}" for name, count in counts.most_common()))
