"""A command that people type becomes a typed action whole, or is refused with the reason. No shell ever reads it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.core import actions
from aiops.core.actions import ActionClass, dump
from aiops.core.commands import parse, render
from aiops.core.errors import Invalid

UNDERSTOOD = [
    ("kubectl rollout restart deployment/web -n shop", "restart_workload"),
    ("kubectl -n shop rollout restart deployment web", "restart_workload"),
    ("kubectl --namespace=shop rollout restart deploy/web", "restart_workload"),
    ("kubectl rollout restart -n shop sts/db", "restart_workload"),
    ("kubectl rollout restart daemonset.apps/log-agent --namespace edge", "restart_workload"),
    ("  kubectl   rollout restart   ds/log-agent -n edge  ", "restart_workload"),
    ("kubectl rollout undo deployment/web -n shop", "rollback"),
    ("kubectl rollout undo deployment/web -n shop --to-revision=41", "rollback"),
    ("kubectl rollout undo deployment/web -n shop --to-revision 41", "rollback"),
    ("kubectl scale deployment/web -n shop --replicas=9", "scale_up"),
    ("kubectl scale deployment web --replicas 0 -n shop", "scale_down"),
    ("kubectl scale sts/db -n data --current-replicas=5 --replicas=3", "scale_down"),
    ("kubectl delete pod web-7d9f8b6c5-x2xkz -n shop", "delete_pod"),
    ("kubectl delete po/web-7d9f8b6c5-x2xkz -n shop", "delete_pod"),
    ("kubectl drain node-1 --ignore-daemonsets", "cordon_drain_node"),
    ("kubectl drain node-1 --ignore-daemonsets=true --delete-emptydir-data", "cordon_drain_node"),
    ("kubectl set resources deployment/web -n shop -c app --limits=memory=512Mi", "adjust_resources"),
    ("kubectl set resources deployment web -n shop --limits=cpu=500m,memory=1Gi", "adjust_resources"),
    ("kubectl create job again --from=cronjob/settlement -n data", "rerun_job"),
    ("systemctl -H web-1 restart nginx", "restart_service_host"),
    ("sudo systemctl --host=web-1 restart nginx.service", "restart_service_host"),
    ("systemctl restart php8.2-fpm -H web_1.example.com", "restart_service_host"),
    ("docker -H ssh://web-1 restart app", "restart_service_host"),
    ("docker -H ssh://web-1 container restart app", "restart_service_host"),
]

REFUSED = [
    ("kubectl rollout restart deployment/web -n shop; rm -rf /", "';' is shell syntax"),
    ("kubectl rollout restart deployment/web -n shop && reboot", "shell syntax"),
    ("kubectl rollout restart deployment/$(whoami) -n shop", "shell syntax"),
    ("kubectl rollout restart deployment/`id` -n shop", "shell syntax"),
    ("kubectl rollout restart deployment/web -n shop > /etc/passwd", "shell syntax"),
    ("kubectl rollout restart deployment/web -n 'shop'", "shell syntax"),
    ("kubectl delete pod web-* -n shop", "shell syntax"),
    ("kubectl rollout restart deployment/web\n-n shop", "one line"),
    ("kubectl rollout restart deployment/web\x00 -n shop", "one line"),
    ("kubectl rollout restart deployment/web -n shop\u202e", "one line"),
    ("kubectl rollout restart deployment/web" + " " * 500, "at most 500"),
    ("kubectl rollout restart deployment/web", "name the namespace"),
    ("kubectl rollout restart deployment/web -n", "name the namespace"),
    ("kubectl rollout restart deployment/web -n shop -n kube-system", "given twice"),
    ("kubectl rollout restart deployment/web -n shop --namespace=kube-system", "given twice"),
    ("kubectl rollout restart deployment/web deployment/api -n shop", "not a kind"),
    ("kubectl rollout restart deployment -n shop", "exactly one object"),
    ("kubectl rollout restart -l app=web -n shop", "-l is not understood"),
    ("kubectl rollout restart deployment --all -n shop", "--all is not understood"),
    ("kubectl rollout restart secret/web -n shop", "not a kind"),
    ("kubectl rollout restart pod/web -n shop", "acts on"),
    ("kubectl rollout restart deployment/../web -n shop", "exactly one object"),
    ("kubectl rollout restart deployment/wеb -n shop", "no object can be named"),  # a Cyrillic letter
    ("kubectl rollout restart deployment/-web -n shop", "no object can be named"),
    ("kubectl rollout restart deployment/web -n -shop", "no namespace"),
    ("kubectl rollout restart deployment/web -n shop --token=abc", "--token is not understood"),
    ("kubectl --kubeconfig=/tmp/x rollout restart deployment/web -n shop", "the incident's own"),
    ("kubectl --context prod rollout restart deployment/web -n shop", "the incident's own"),
    ("kubectl --as=system:admin -n shop rollout restart deployment/web", "the incident's own"),
    ("kubectl -n shop -- rollout restart deployment/web", "not understood"),
    ("kubectl exec -it web -n shop", "not one of the actions"),
    ("kubectl apply -f evil.yaml", "not one of the actions"),
    ("kubectl edit deployment/web -n shop", "not one of the actions"),
    ("kubectl cordon node-1", "kubectl drain"),
    ("kubectl set image deployment/web app=web:2 -n shop", "not one of the actions"),
    ("kubectl", "needs a command"),
    ("kubectl delete deployment web -n shop", "only pods are deleted"),
    ("kubectl delete pod web-1 -n shop --force", "--force is not understood"),
    ("kubectl delete pod web-1 -n shop --grace-period=0", "--grace-period is not understood"),
    ("kubectl drain node-1 --ignore-daemonsets --force", "--force is not understood"),
    ("kubectl drain node-1 --ignore-daemonsets=false", "is a yes here"),
    ("kubectl scale deployment/web -n shop --replicas=many", "whole number"),
    ("kubectl scale deployment/web -n shop --replicas=-1", "whole number"),
    ("kubectl scale deployment/web -n shop --replicas=５", "whole number"),
    ("kubectl scale deployment/web -n shop --replicas=99999", "replicas|less than"),
    ("kubectl scale deployment/web -n shop", "whole number"),
    ("kubectl set resources deployment/web -n shop --limits=memory=512Mi,gpu=1", "cpu and memory"),
    ("kubectl set resources deployment/web -n shop --limits=memory=1Gi,memory=9Gi", "each once"),
    ("kubectl set resources deployment/web -n shop --limits=memory=512Mi,x", "cpu and memory"),
    ("kubectl set resources deployment/web -n shop --limits=memory=lots", "adjust_resources"),
    ("kubectl create job --image=evil --from=cronjob/a -n data", "not one of the actions"),
    ("kubectl create job again --image=evil -n data", "--image is not understood"),
    ("kubectl create deployment x --image=y -n data", "not one of the actions"),
    ("systemctl restart nginx", "name the machine"),
    ("systemctl -H web-1 stop nginx", "only the restart"),
    ("systemctl -H web-1 restart nginx sshd", "only the restart"),
    ("systemctl -H web-1 reboot", "only the restart"),
    ("systemctl -H root@web-1 restart nginx", "user and port"),
    ("systemctl -H -oProxyCommand=x restart nginx", "no machine is named"),
    ("systemctl -H web-1 restart ../evil", "no unit"),
    ("sudo -u root systemctl -H web-1 restart nginx", "commands of"),
    ("docker -H tcp://10.0.0.1:2375 restart app", "user and port"),
    ("docker -H ssh://web-1 run evil", "only the restart"),
    ("docker -H ssh://web-1 exec app sh", "only the restart"),
    ("docker restart app", "name the machine"),
    ("reboot", "commands of"),
    ("/usr/bin/kubectl rollout restart deployment/web -n shop", "commands of"),
    ("bash -c kubectl", "commands of"),
    ("", "commands of"),
]


@pytest.mark.parametrize(("command", "action_class"), UNDERSTOOD)
def test_what_people_type_is_understood(command, action_class):
    assert parse(command).action_class == action_class


@pytest.mark.parametrize(("command", "reason"), REFUSED, ids=[command[:60].strip() for command, _ in REFUSED])
def test_everything_else_is_refused_with_the_reason(command, reason):
    with pytest.raises(Invalid, match=reason):
        parse(command)


# Command words, names, numbers and hostile pieces in any order and any number.
PIECES = sorted(
    {word for command, _ in [*UNDERSTOOD, *REFUSED] for word in re.split(r"[ =/]", command) if word}
    | {"=", "/", "--", "-", "//", "\\", "{}", "%", "|", "$IFS", "kube-system", "0", "1", "ssh://", "a" * 300}
)
GLUE = st.sampled_from([" ", " ", " ", "=", "/", "", ",", "  "])
commands = st.lists(st.tuples(st.sampled_from(PIECES), GLUE), max_size=12).map(lambda parts: "".join(a + b for a, b in parts))
starts = st.sampled_from(
    ["", "kubectl ", "kubectl rollout restart ", "kubectl scale ", "kubectl -n shop ", "systemctl -H ", "docker -H "]
)
# As understood, with one piece put in or taken out anywhere.
mutated = st.builds(
    lambda command, at, piece, cut: command[: at % (len(command) + 1)] + piece + command[at % (len(command) + 1) + cut :],
    st.sampled_from([command for command, _ in UNDERSTOOD]),
    st.integers(0, 500),
    st.sampled_from([*PIECES, ""]) | st.text(max_size=3),
    st.integers(0, 4),
)

ALLOWED = {
    ActionClass.RESTART_WORKLOAD, ActionClass.ROLLBACK, ActionClass.SCALE_UP, ActionClass.SCALE_DOWN, ActionClass.DELETE_POD,
    ActionClass.CORDON_DRAIN_NODE, ActionClass.ADJUST_RESOURCES, ActionClass.RERUN_JOB, ActionClass.RESTART_SERVICE_HOST,
}  # fmt: skip
HARMLESS_VALUE = re.compile(r"[A-Za-z0-9_.@:-]*")


@given(mutated | st.builds(lambda start, rest: start + rest, starts, commands) | st.text(max_size=200))
def test_whatever_is_typed_nothing_but_a_listed_action_with_plain_names_comes_out(text):
    try:
        action = parse(text)
    except Invalid:
        return
    assert action.action_class in ALLOWED
    dumped = dump(action)
    for value in [*(dumped["target"] or {}).values(), *dumped["parameters"].values()]:
        assert HARMLESS_VALUE.fullmatch(str("" if value is None else value)), dumped
    assert not str(dumped["target"]["name"]).startswith("-")
    command = render(action)
    assert command is not None
    assert _same(parse(command), action)


def _same(again: actions.Action, action: actions.Action) -> bool:
    """A command says how many replicas, not whether these are more or fewer."""
    if isinstance(action, actions.Scale):
        return isinstance(again, actions.Scale) and (again.target, again.replicas) == (action.target, action.replicas)
    return again == action
