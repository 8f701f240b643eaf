"""What the README promises is what is there."""

import re

from aiops.config_table import README, written

ROOT = README.parent


def test_its_settings_are_those_that_are_read():
    text = README.read_text(encoding="utf-8")
    assert text == written(text), "run make readme"


def test_files_that_it_names_are_there():
    named = re.findall(r"\]\(([A-Za-z][^)#:]*)\)", README.read_text(encoding="utf-8"))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_its_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README.read_text(encoding="utf-8"), re.MULTILINE))
    assert named
    assert named <= targets


def test_its_alertmanager_receiver_is_the_one_that_is_tested():
    text = README.read_text(encoding="utf-8")
    shown = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert shown
    tested = [line.split("#")[0].strip() for line in (ROOT / "deploy/alertmanager.yml").read_text(encoding="utf-8").splitlines()]
    assert [line for line in map(str.strip, shown[1].splitlines()) if line not in tested] == []
