import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from aiops.management.errors import told_plainly
from aiops.runtime import backups


class Command(BaseCommand):
    help = "Write the embedded database to a file, also while `up` runs; restore reads it"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="without it: a new file in the folder backups of var")
        parser.add_argument("--json", action="store_true", dest="as_json", help="answer as JSON")

    def handle(self, *args: Any, file: Path | None, as_json: bool, **options: Any) -> None:
        if not settings.AIOPS.is_embedded:
            raise CommandError("DATABASE_URL is set: back that server up with its own means, such as pg_dump")
        with told_plainly():
            written = backups.backup(settings.RUNTIME, file)
        size = written.stat().st_size
        if as_json:
            self.stdout.write(json.dumps({"file": str(written), "bytes": size}))
        else:
            self.stdout.write(f"{written} ({size / 1_048_576:.1f} MB)")
