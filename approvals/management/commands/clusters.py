import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aiops.management.errors import told_plainly
from approvals import cluster_checks
from approvals.cluster_checks import Report


class Command(BaseCommand):
    help = "clusters check: what is reachable, and which rights our account has, lacks and should not have"

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        check = verbs.add_parser("check", help="ask every cluster now; exit code 1 if one is not as it should be")
        check.add_argument("--json", action="store_true", dest="as_json", help="answer as JSON")

    def handle(self, *args: Any, verb: str, as_json: bool, **given: Any) -> None:
        with told_plainly():
            reports = cluster_checks.check_all()
        if as_json:
            self.stdout.write(json.dumps([self._data(report) for report in reports], indent=2))
        elif not reports:
            self.stdout.write("No cluster is configured: set AIOPS_CLUSTERS, or start the sandbox with `make up`")
        else:
            self.stdout.write("\n\n".join(self._text(report) for report in reports))
        if unwell := [report.cluster for report in reports if not report.is_well]:
            raise CommandError(f"Not as it should be: {', '.join(unwell)}")

    @staticmethod
    def _data(report: Report) -> dict[str, Any]:
        return report.model_dump(mode="json", exclude={"checked_at"}) | {"cannot": list(report.cannot), "ok": report.is_well}

    @staticmethod
    def _text(report: Report) -> str:
        lines = [f"{report.cluster} ({report.modes})"]
        if not report.reachable:
            return "\n".join([*lines, f"  does not answer: {report.detail}"])
        lines.append(f"  answers in {report.ms} ms: {report.version}, {report.namespaces} namespaces")
        lines += [f"  lacks: {right}" for right in report.lacks] or ["  may look at all it needs"]
        for name, places in report.acting.items():
            where = "everywhere" if places == ("*",) else f"in {', '.join(places)}" if places else "nowhere"
            lines.append(f"  {name}: {where}")
        lines += [f"  too much: it may {words}; nothing runs alone here until it may not" for words in report.too_many]
        lines += [f"  not needed: {right}" for right in report.unneeded]
        return "\n".join(lines)
