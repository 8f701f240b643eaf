from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from aiops.management.errors import told_plainly
from aiops.runtime import up


class Command(BaseCommand):
    help = "Run everything on this machine until Ctrl-C: servers, web, worker, beat, sweeper and the sandbox cluster"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-sandbox", action="store_true", help="without the simulated cluster, for real ones")

    def handle(self, *args: Any, no_sandbox: bool, **options: Any) -> None:
        with told_plainly():
            up.run(settings.RUNTIME, settings.AIOPS, home=settings.BASE_DIR, sandbox=not no_sandbox)
