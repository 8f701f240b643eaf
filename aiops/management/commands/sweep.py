import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from aiops import sweeper


class Command(BaseCommand):
    help = "The sweeper process: every 2 s it does what became due, with PostgreSQL alone; `up` starts it"

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()

        def ask_to_stop(number: int, frame: FrameType | None) -> None:
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, ask_to_stop)
        sweeper.run(stop)
