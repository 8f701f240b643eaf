from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aiops.access.principals import Principal, Via
from aiops.access.roles import Role
from aiops.core.errors import DomainError
from incidents import dependencies

COMMAND = Principal(name="command", via=Via.COMMAND, role=Role.ADMIN)


class Command(BaseCommand):
    help = "Declared service dependencies as a file: dependencies import|export"

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        take = verbs.add_parser("import", help="make exactly these the declared ones, whole or not at all")
        take.add_argument("file", type=Path, help="YAML: dependencies: {shop/web: [shop/orders-db]}")
        verbs.add_parser("export", help="write them as YAML that import takes")

    def handle(self, *args: Any, verb: str, **given: Any) -> None:
        if verb == "export":
            self.stdout.write(dependencies.dump(dependencies.edges()), ending="")
            return
        file: Path = given["file"]
        try:
            edges = dependencies.replace(dependencies.parse(file.read_text(encoding="utf-8")), COMMAND)
        except DomainError as error:
            raise CommandError(f"{file} is refused, nothing was imported: {error.detail}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from None
        self.stdout.write(f"{len(edges)} dependencies are declared now")
