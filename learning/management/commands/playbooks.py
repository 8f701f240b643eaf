import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aiops.access.principals import Principal, Via
from aiops.access.roles import Role
from aiops.core.errors import DomainError
from learning import playbook_file, playbook_import
from learning.models import Playbook
from learning.playbook_import import STARTERS

COMMAND = Principal(name="command", via=Via.COMMAND, role=Role.ADMIN)


class Command(BaseCommand):
    help = "Playbooks as files: playbooks import|export"

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        take = verbs.add_parser("import", help="take a YAML file, whole or not at all; without one, the starter playbooks")
        take.add_argument("file", nargs="?", type=Path, default=STARTERS)
        take.add_argument("--json", action="store_true", dest="as_json", help="answer as JSON")
        give = verbs.add_parser("export", help="write playbooks as YAML that import takes")
        give.add_argument("file", nargs="?", type=Path, help="where to; without one, to standard output")
        give.add_argument("--status", choices=Playbook.Status.values, help="only those")

    def handle(self, *args: Any, verb: str, **given: Any) -> None:
        if verb == "import":
            self._import(given["file"], as_json=given["as_json"])
        else:
            self._export(given["file"], given["status"])

    def _import(self, file: Path, *, as_json: bool) -> None:
        try:
            entries = playbook_file.parse(file.read_text())
            done = playbook_import.take(entries, actor=COMMAND, starters=file.resolve() == STARTERS.resolve())
        except DomainError as error:
            raise CommandError(f"{file} is refused, nothing was imported: {error.detail}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from None
        if as_json:
            self.stdout.write(json.dumps([asdict(one) for one in done], indent=2))
            return
        for one in done:
            self.stdout.write(f"{one.result:<10} v{one.version}  {one.name}")

    def _export(self, file: Path | None, status: str | None) -> None:
        playbooks = Playbook.objects.prefetch_related("steps").order_by("name")
        text = playbook_file.dump(list(playbooks.filter(status=status) if status else playbooks))
        if file is None:
            self.stdout.write(text, ending="")
            return
        try:
            file.write_text(text)
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error}") from None
