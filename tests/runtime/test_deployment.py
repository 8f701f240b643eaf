"""The manifests: least rights, closed containers."""

import shutil
import subprocess
from itertools import chain
from typing import Any

import pytest
import yaml

from tests.product import HOME

FOLDER = HOME / "deploy" / "kubernetes"


def manifests() -> list[dict[str, Any]]:
    return list(chain.from_iterable(yaml.safe_load_all(file.read_text()) for file in sorted(FOLDER.glob("*.yaml"))))


def rules(role: str) -> list[dict[str, list[str]]]:
    return next(m["rules"] for m in manifests() if m["kind"] == "ClusterRole" and m["metadata"]["name"] == role)


def pods() -> list[tuple[str, dict[str, Any]]]:
    return [(m["metadata"]["name"], m["spec"]["template"]["spec"]) for m in manifests() if m["kind"] in {"Deployment", "Job"}]


def test_no_role_may_read_secrets_run_commands_or_give_itself_more() -> None:
    given = [rule for m in manifests() if m["kind"] == "ClusterRole" for rule in m["rules"]]
    assert len(given) > 10
    for rule in given:
        assert not {"secrets", "pods/exec", "pods/attach", "pods/portforward", "*"} & set(rule["resources"])
        assert not {"escalate", "bind", "impersonate", "*", "delete", "deletecollection"} & set(rule["verbs"])


def test_looking_changes_nothing() -> None:
    assert {verb for rule in rules("aiops-console-read") for verb in rule["verbs"]} == {"get", "list", "watch"}


def test_acting_is_given_by_namespace_and_never_by_kustomize() -> None:
    bindings = [m for m in manifests() if m.get("roleRef", {}).get("name") == "aiops-console-act"]
    assert [m["kind"] for m in bindings] == ["RoleBinding"]
    assert "act" not in " ".join(yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"])


@pytest.mark.parametrize(("name", "pod"), pods())
def test_a_container_runs_without_rights_on_its_machine(name: str, pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    locked = pod["containers"][0]["securityContext"]
    assert locked == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def test_processes_get_longer_to_stop_than_the_worker_takes() -> None:
    for name, pod in pods():
        assert name == "migrate" or pod["terminationGracePeriodSeconds"] > 30


@pytest.mark.kubectl
def test_kustomize_builds_it_without_the_example_binding() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: the manifests are not built")
    built = subprocess.run(["kubectl", "kustomize", str(FOLDER)], capture_output=True, text=True, check=True).stdout
    kinds = [m["kind"] for m in yaml.safe_load_all(built)]
    assert "RoleBinding" not in kinds
    assert kinds.count("Deployment") == 5


def test_the_image_holds_every_package_of_the_product() -> None:
    copied = {line.split()[1] for line in (HOME / "deploy/Containerfile").read_text().splitlines() if line.startswith("COPY ")}
    packages = {folder.parent.name for folder in HOME.glob("*/__init__.py")} - {"tests", "bench"}
    assert packages <= copied
    allowed = (HOME / ".containerignore").read_text()
    assert all(f"!{package}" in allowed for package in packages)
