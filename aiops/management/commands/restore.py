from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from aiops.management.errors import told_plainly
from aiops.runtime import backups


class Command(BaseCommand):
    help = "Replace the embedded database by that of a backup; not while `up` runs"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="what `backup` wrote")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        if not settings.AIOPS.is_embedded:
            raise CommandError("DATABASE_URL is set: restore that server with its own means, such as pg_restore")
        with told_plainly():
            backups.restore(settings.RUNTIME, file)
        self.stdout.write(f"The database is that of {file}. Start it with `make up`, which migrates it")
