import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.core import actions
from aiops.core.actions import ACTIONS, ActionClass
from aiops.core.commands import parse, render
from aiops.core.errors import Invalid
from aiops.core.scales import Risk
from aiops.core.targets import Target, owner_of_pod

WEB = Target(kind="Deployment", namespace="shop", name="web")


def test_every_class_has_its_model_and_its_spec():
    assert set(ACTIONS) == set(ActionClass) == set(actions.SPECS)


def test_an_action_survives_its_json():
    action = actions.ScaleUp(target=WEB, replicas=5)
    assert actions.load(actions.dump(action)) == action


@pytest.mark.parametrize(
    ("data", "loc"),
    [
        ({"class": "reboot_world", "target": None}, ("action", "class")),
        (
            {"class": "scale_up", "target": {"kind": "Deployment", "namespace": "shop", "name": "web; rm -rf /"}},
            ("action", "target"),
        ),
        ({"class": "scale_up", "target": WEB.model_dump(), "parameters": {"replicas": -1}}, ("action", "parameters", "replicas")),
        ({"class": "scale_up", "target": WEB.model_dump(), "parameters": {"shell": "x"}}, ("action", "parameters", "shell")),
        ({"class": "scale_up", "target": {"kind": "Node", "name": "n1"}}, ("action", "target", "kind")),
        ({"class": "restart_workload", "target": None}, ("action", "target")),
    ],
)
def test_a_half_filled_action_is_refused_with_its_field(data, loc):
    with pytest.raises(Invalid) as refused:
        actions.load(data)
    assert refused.value.loc == loc


def test_kube_system_is_critical_whatever_the_class():
    proxy = Target(kind="DaemonSet", namespace="kube-system", name="kube-proxy")
    assert actions.RestartWorkload(target=proxy).risk is Risk.CRITICAL


def test_restarting_a_statefulset_is_medium():
    assert actions.RestartWorkload(target=Target(kind="StatefulSet", namespace="shop", name="db")).risk is Risk.MEDIUM


def test_the_pattern_of_a_pod_has_no_hash():
    pod = Target(kind="Pod", namespace="shop", name="web-7d9f8b6c5-x2xkz")
    assert actions.DeletePod(target=pod).pattern == "delete_pod:web-*"


def test_the_pattern_of_a_job_is_that_of_all_runs_of_its_cron_job():
    job = Target(kind="Job", namespace="data", name="nightly-report-29517660")
    assert actions.RerunJob(target=job).pattern == "rerun_job:nightly-report-*"


@pytest.mark.parametrize(
    ("pod", "kind", "name"),
    [
        ("web-7d9f8b6c5-x2xkz", "Deployment", "web"),
        ("db-0", "StatefulSet", "db"),
        ("fluent-bit-x7k2p", "DaemonSet", "fluent-bit"),
        ("report-29386080-9xk2z", "Job", "report-29386080"),
        ("toolbox", "Pod", "toolbox"),
    ],
)
def test_the_owner_of_a_pod_is_read_from_its_name(pod, kind, name):
    owner = owner_of_pod("shop", pod)
    assert (owner.kind, owner.name) == (kind, name)


@pytest.mark.parametrize(
    "command",
    [
        "kubectl rollout restart deployment/web -n shop",
        "kubectl rollout undo deployment/web -n shop --to-revision=41",
        "kubectl scale deployment/web -n shop --replicas=9",
        "kubectl delete pod web-7d9f8b6c5-x2xkz -n shop",
        "kubectl drain node-1 --ignore-daemonsets",
        "kubectl set resources deployment/web -n shop -c app --limits=memory=512Mi",
        "systemctl -H web-1 restart nginx",
        "docker -H ssh://web-1 restart app",
    ],
)
def test_a_command_is_understood_and_written_back(command):
    assert render(parse(command)) == command


@pytest.mark.parametrize(
    "command",
    [
        "kubectl rollout restart deployment/web -n shop; rm -rf /",
        "kubectl rollout restart deployment/web",
        "kubectl exec -it web -- sh",
        "kubectl delete deployment web -n shop",
        "kubectl scale deployment/web -n shop --replicas=many",
        "kubectl --kubeconfig=/tmp/x rollout restart deployment/web -n shop",
        "kubectl rollout restart deployment/../web -n shop",
        "kubectl rollout restart deployment/web -n shop --token=abc",
        "systemctl restart nginx",
        "reboot",
        "",
    ],
)
def test_anything_not_understood_whole_is_refused(command):
    with pytest.raises(Invalid):
        parse(command)


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text):
    with contextlib.suppress(Invalid):
        parse(text)
