import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from pydantic import AfterValidator, BaseModel, ConfigDict, FiniteFloat, ValidationError

from learning import ledger
from learning.evidence import Evidence, Worth


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class Line(BaseModel):
    """One event of a ledger given as text; what else the line holds does not matter."""

    model_config = ConfigDict(extra="ignore")

    at: Annotated[datetime, AfterValidator(_utc)]
    kind: str
    ds: FiniteFloat
    df: FiniteFloat
    dscore: int


class Command(BaseCommand):
    help = "The trust ledger: trust verify|fold"
    requires_system_checks: list[str] = []  # `fold` needs no database

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verify = verbs.add_parser("verify", help="does every row equal its ledger? exit code 1 and the rows that do not")
        verify.add_argument("--json", action="store_true", dest="as_json", help="answer as JSON")
        fold = verbs.add_parser(
            "fold", help="fold events given as JSON Lines with at, kind, ds, df, dscore; print the row after each, offline"
        )
        fold.add_argument("file", help="the file, - for standard input")

    def handle(self, *args: Any, verb: str, **given: Any) -> None:
        if verb == "verify":
            self._verify(as_json=given["as_json"])
        else:
            self._fold(given["file"])

    def _verify(self, *, as_json: bool) -> None:
        differences = list(ledger.verify())
        if as_json:
            rows = [
                {
                    "id": difference.record.pk,
                    "row": str(difference.record),
                    "differences": [
                        {"column": name, "row": str(has), "ledger": str(says)} for name, has, says in difference.columns
                    ],
                }
                for difference in differences
            ]
            self.stdout.write(json.dumps({"ok": not rows, "differs": rows}, indent=2))
        else:
            for difference in differences:
                self.stderr.write(str(difference))
        if differences:
            count = len(differences)
            raise CommandError(f"{count} trust {'row differs' if count == 1 else 'rows differ'} from the ledger")
        if not as_json:
            self.stdout.write("Every trust row equals its ledger")

    def _fold(self, file: str) -> None:
        conf = settings.AIOPS.learning
        row = Evidence()
        for line in self._lines(file):
            row = row.after(Worth(line.ds, line.df, line.dscore), line.at, half_life_days=conf.half_life_days)
            posterior = row.posterior
            told = {
                "successes": row.successes,
                "failures": row.failures,
                "score": row.score,
                "mean": posterior.mean,
                "bound": posterior.lower(conf.sure),
            }
            self.stdout.write(json.dumps(told))

    def _lines(self, file: str) -> Iterator[Line]:
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from None
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            try:
                yield Line.model_validate_json(line)
            except ValidationError as error:
                first = error.errors()[0]
                field = ".".join(map(str, first["loc"])) or "the line"
                raise CommandError(f"{file}, line {number}, {field}: {first['msg']}") from None
