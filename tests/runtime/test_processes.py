"""What is started, and that nothing starts it any other way."""

import configparser
import shlex
from pathlib import Path

import pytest
import yaml

from aiops.runtime import processes
from aiops.runtime.paths import RuntimePaths
from tests.product import HOME

SANDBOX = processes.Sandbox(port=7001, cluster_port=7002, webhook_token="aiops_secret")


def chosen(**changes: object) -> list[processes.Program]:
    usual = {"address": "127.0.0.1", "port": 8000, "sandbox": SANDBOX, "telegram": True, "worker_slots": 4}
    return processes.programs(**{**usual, **changes})  # type: ignore[arg-type]


def config(**changes: object) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(processes.supervisor_config(chosen(**changes), as_root=False))
    return parser


def test_web_comes_before_what_needs_its_share_of_the_machine_and_after_the_sandbox() -> None:
    ranks = {program.name: program.rank for program in chosen()}
    assert ranks["sandbox"] < ranks["web"] < ranks["worker"] == ranks["beat"] == ranks["sweeper"] == ranks["telegram"]


@pytest.mark.parametrize(("changes", "missing"), [({"sandbox": None}, "sandbox"), ({"telegram": False}, "telegram")])
def test_what_is_not_configured_is_not_started(changes: dict[str, object], missing: str) -> None:
    assert missing in {program.name for program in chosen()}
    assert missing not in {program.name for program in chosen(**changes)}


def test_every_program_is_started_again_whatever_happens_and_has_30_s_to_stop() -> None:
    parser = config()
    sections = [name for name in parser.sections() if "program:" in name]
    assert len(sections) == 6
    for name in sections:
        assert parser[name]["autorestart"] == "true"
        assert int(parser[name]["startretries"]) > 100_000
        assert parser[name]["stopwaitsecs"] == "30"
        assert parser[name]["killasgroup"] == "true"


def test_the_worker_alone_gets_the_signal_and_tells_its_children() -> None:
    parser = config()
    assert parser["program:worker"]["stopasgroup"] == "false"
    assert parser["fcgi-program:web"]["stopasgroup"] == "true"


def test_only_the_sandbox_gets_its_token() -> None:
    text = processes.supervisor_config(chosen(), as_root=False)
    assert text.count("aiops_secret") == 1
    assert "aiops_secret" in config()["program:sandbox"]["environment"]


def test_what_can_wait_stands_back_on_a_busy_machine() -> None:
    commands = {name: section["command"] for name, section in config().items() if "command" in section}
    assert [name for name, command in commands.items() if command.startswith("nice -n 5 ")] == ["program:worker"]


def test_every_process_finds_the_same_var_and_whose_it_is(tmp_path: Path) -> None:
    paths = RuntimePaths(tmp_path)
    found = processes.environment(paths, home=HOME, port=8123, own={"AIOPS_BASE_URL": "x"}, inherited={"AIOPS_VAR": "var"})
    assert found["AIOPS_VAR"] == str(tmp_path)
    assert found["AIOPS_PORT"] == "8123"
    assert found["AIOPS_RUN"] == paths.tag


def without_places(command: list[str]) -> list[str]:
    """A command without what differs from place to place: which Python, ports and files."""
    places = {"python", "%(ENV_AIOPS_PYTHON)s"}
    steady = [word for word in command if word not in places]
    return [Path(word).name if "/" in word else word for word in steady if not word.startswith("%(ENV_AIOPS_VAR)s")]


@pytest.mark.parametrize("name", ["worker", "beat", "sweeper", "telegram"])
def test_a_deployment_runs_the_same_commands(name: str) -> None:
    here = without_places(shlex.split(next(program for program in chosen() if program.name == name).command))
    compose = yaml.safe_load((HOME / "deploy/compose.yaml").read_text())["services"][name]["command"]
    manifests = yaml.safe_load_all((HOME / "deploy/kubernetes/processes.yaml").read_text())
    pod = next(m for m in manifests if m["metadata"]["name"] == name)["spec"]["template"]["spec"]["containers"][0]
    tidy = [word for word in without_places(compose) if word != "beat-schedule"]
    assert tidy == [word for word in without_places(pod["command"]) if word != "beat-schedule"]
    assert tidy == here
