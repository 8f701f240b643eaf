"""The database as the product needs it: reachable, migrated, with the playbooks that everybody starts with."""

import io
from pathlib import Path

from django.apps import apps
from django.core.management import call_command, get_commands
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from aiops.runtime.faults import RuntimeFault


def migrate() -> int:
    """The schema is current when this returns; how many migrations that took. RuntimeFault where the database is not there."""
    try:
        connection.ensure_connection()
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise RuntimeFault(f"PostgreSQL does not answer: {reason}. Check DATABASE_URL and that the server runs") from error
    executor = MigrationExecutor(connection)
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if missing:
        call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
    return missing


def load_starter_playbooks(file: Path) -> bool:
    """Import the playbooks that come with the product into a database that has none; False if there was nothing to do."""
    if "playbooks" not in get_commands() or not file.exists() or apps.get_model("learning", "Playbook").objects.exists():
        return False
    call_command("playbooks", "import", str(file), stdout=io.StringIO())
    return True
