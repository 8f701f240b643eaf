import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from aiops.access import accounts
from aiops.access.roles import Role
from aiops.management.errors import told_plainly


class Command(BaseCommand):
    help = "Make people: user create NAME --role ROLE"

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="a new person; prints the password for the first login once")
        create.add_argument("name", help="user name, as at the login")
        create.add_argument("--role", required=True, choices=[role.value for role in Role])
        create.add_argument("--json", action="store_true", dest="as_json", help="answer as JSON")

    def handle(self, *args: Any, name: str, role: str, as_json: bool, **options: Any) -> None:
        with told_plainly():
            user, password = accounts.create_user(name, Role(role), by=accounts.operator())
        if as_json:
            self.stdout.write(json.dumps({"username": user.username, "role": user.role, "password": password}))
        else:
            self.stdout.write(f"{user.username} is {user.role}. Password, shown once: {password}")
