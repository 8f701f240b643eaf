"""`manage.py replay FILE`: what would have been decided about recorded alerts, before new ones are trusted to the product."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from aiops.connectors.alertmanager import Alertmanager
from aiops.connectors.errors import ConnectorError
from approvals import rehearsal
from incidents import landscape
from incidents.replay import Judge, rehearse, replay
from incidents.replay_report import report
from incidents.topology import Topology

ASSUMED = {"full": "as if every record were flawless", "current": "with the records of today"}


class Command(BaseCommand):
    help = (
        "Run recorded alerts (JSON Lines) through correlation, engines and policy, offline: nothing is stored, sent or changed."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", metavar="FILE", nargs="?", help="JSON Lines of alerts, webhook bodies or storms; - reads standard input"
        )
        parser.add_argument("--from-alertmanager", metavar="URL", help="instead of a file, what fires in this Alertmanager now")
        parser.add_argument("--json", action="store_true", help="one line of JSON per alert, and per storm")
        parser.add_argument(
            "--trust",
            choices=list(ASSUMED),
            default="full",
            help="what would run alone: full, were every record flawless; current, with today's (reads the database)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        lines, name = self._lines(options["file"], options["from_alertmanager"])
        judge, topology = self._known(options["trust"])
        told = (
            (json.dumps(answer.to_json()) for answer in replay(lines, conf=settings.AIOPS.incidents, judge=judge))
            if options["json"]
            else report(
                rehearse(lines, conf=settings.AIOPS.incidents, topology=topology, judge=judge, clusters=settings.CLUSTERS),
                assumed=ASSUMED[options["trust"]],
            )
        )
        with suppress(BrokenPipeError):  # the reader (head, less) went away
            self._tell(told, name)

    def _lines(self, file: str | None, url: str | None) -> tuple[Iterable[str], str]:
        if bool(file) == bool(url):
            raise CommandError("give either a file or --from-alertmanager URL")
        if url:
            return self._fired(url), url
        try:
            text = sys.stdin.read() if file == "-" else Path(str(file)).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        return text.split("\n"), str(file)

    def _fired(self, url: str) -> list[str]:
        token = settings.AIOPS.alertmanager_token.get_secret_value()
        try:
            listed = Alertmanager(url, token).alerts()
        except ConnectorError as error:
            raise CommandError(f"{error}; give the address under which its own pages open") from error
        taken = {"labels", "annotations", "startsAt", "fingerprint"}
        return [alert.model_dump_json(include=taken) for alert in listed if alert.is_active]

    def _known(self, trust: str) -> tuple[Judge, Topology]:
        """Who judges, and what is known of what needs what: only with today's records the database is asked."""
        at = datetime.now(UTC)
        if trust == "full":
            return rehearsal.flawless(at), Topology()
        try:
            return rehearsal.current(at), landscape.load()
        except DatabaseError as error:
            raise CommandError(f"today's records cannot be read ({error}); start the product, or use --trust full") from error

    def _tell(self, told: Iterator[str], name: str) -> None:
        try:
            for text in told:
                self.stdout.write(text)
        except ValueError as error:
            raise CommandError(f"{name}: {error}") from error
