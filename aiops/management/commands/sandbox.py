import json
from typing import Any

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

TIMEOUT_S = 30.0


class Command(BaseCommand):
    help = "Break and heal the simulated cluster that `up` runs: sandbox scenarios|inject|reset"

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listed = verbs.add_parser("scenarios", help="what can be broken, and what truly cures it")
        inject = verbs.add_parser("inject", help="break something now")
        inject.add_argument("scenario", help="a name that `sandbox scenarios` prints")
        inject.add_argument("--workload", help="another one than the scenario's own, as KIND/NAMESPACE/NAME")
        reset = verbs.add_parser("reset", help="make everything healthy again")
        for verb in (listed, inject, reset):
            verb.add_argument("--url", default="", help="the sandbox's address; var/bootstrap.json names the one of `up`")
            verb.add_argument("--json", action="store_true", dest="as_json", help="answer as JSON")

    def handle(self, *args: Any, verb: str, url: str, as_json: bool, **given: Any) -> None:
        self._url = url or _known_url()
        match verb:
            case "scenarios":
                found = self._call("GET", "scenarios")
                self._say("\n".join(_line(one) for one in found), found, as_json=as_json)
            case "inject":
                body = {"scenario": given["scenario"]} | ({"workload": _workload(given["workload"])} if given["workload"] else {})
                made = self._call("POST", "inject", body)
                self._say(f"{made['id']}: {given['scenario']} is broken on {_place(made['workload'])}", made, as_json=as_json)
            case "reset":
                self._say("everything is healthy again", self._call("POST", "reset"), as_json=as_json)

    def _call(self, method: str, path: str, body: object = None) -> Any:
        try:
            response = httpx.request(method, f"{self._url}/sandbox/{path}", json=body, timeout=TIMEOUT_S, trust_env=False)
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise CommandError(f"the sandbox at {self._url} does not answer ({error}); `manage.py up` starts it") from None
        if response.is_error:
            raise CommandError(str(answer.get("detail", answer)) if isinstance(answer, dict) else str(answer))
        return answer

    def _say(self, text: str, facts: object, *, as_json: bool) -> None:
        self.stdout.write(json.dumps(facts) if as_json else text)


def _known_url() -> str:
    path = settings.RUNTIME.bootstrap
    try:
        url = json.loads(path.read_text()).get("sandbox_url", "")
    except (OSError, ValueError):
        url = ""
    if not url:
        raise CommandError(f"{path} names no sandbox; start one with `manage.py up`, or name it with --url")
    return str(url).rstrip("/")


def _workload(text: str) -> dict[str, str | None]:
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise CommandError("--workload is KIND/NAMESPACE/NAME, or KIND/NAME for what has no namespace")
    return {"kind": parts[0], "namespace": parts[1] if len(parts) == 3 else None, "name": parts[-1]}


def _place(workload: dict[str, Any]) -> str:
    return "/".join(part for part in (workload["kind"], workload["namespace"], workload["name"]) if part)


def _line(one: dict[str, Any]) -> str:
    cures = ", ".join(one["cures"]) or ("nothing, it heals by itself" if one["heals_itself"] else "no action")
    harms = f"; harmful: {', '.join(one['harms'])}" if one["harms"] else ""
    return f"{one['name']:24} {one['title']} ({_place(one['workload'])}). Cured by {cures}{harms}."
