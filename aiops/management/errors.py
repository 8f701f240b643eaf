"""How a refusal reaches the person at a terminal: one sentence, no traceback, exit code 1."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import OperationalError

from aiops.core.errors import DomainError
from aiops.runtime.faults import RuntimeFault


@contextmanager
def told_plainly() -> Iterator[None]:
    try:
        yield
    except DomainError as refusal:
        raise CommandError(refusal.detail) from refusal
    except RuntimeFault as fault:
        raise CommandError(str(fault)) from fault
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise CommandError(f"the database does not answer ({reason}). Start it with `make up`, or check DATABASE_URL") from error
