"""What is read from a machine and done there, against a real sshd."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import asyncssh
import pytest

from aiops.connectors.errors import Ambiguous, Permanent, Transient
from aiops.connectors.kubernetes import Request
from aiops.connectors.ssh import Machine as Reached
from aiops.connectors.ssh import Ssh, files_ref, is_under, service_ref
from tests.machine import Machine, needs_sshd

pytestmark = pytest.mark.sshd
NGINX = service_ref("web-1", "systemd", "nginx")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    needs_sshd()
    with Machine(tmp_path) as running:
        running.service("nginx")
        yield running


def reach(machine: Machine, **changed) -> Ssh:
    known = Reached(
        name="web-1",
        address="127.0.0.1",
        port=machine.port,
        user=machine.user,
        host_keys=machine.host_key,
        key_file=machine.key,
        services=frozenset({"nginx"}),
        containers=frozenset({"app"}),
        clean_paths=(str(machine.files),),
        marker_dir=str(machine.markers),
    )
    return Ssh(replace(known, **changed), read_timeout_s=30, change_timeout_s=30)


def restart(mark: str, before: str = "", ref=NGINX) -> Request:
    return Request(replace(ref, name=f"{ref.name}#{mark}"), {"do": "restart", "mark": mark, "before": before})


def test_a_service_is_read_with_what_a_restart_moves(machine):
    seen = reach(machine).need(NGINX)
    assert seen.text("status", "state") == "active"
    assert seen.text("status", "value") == machine.shown("service-nginx")["InvocationID"]
    assert seen.uid == reach(machine).need(NGINX).uid


def test_a_service_that_is_not_there_is_none(machine):
    assert reach(machine, services=frozenset({"ghost"})).get(service_ref("web-1", "systemd", "ghost")) is None


def test_a_container_is_read_without_its_environment(machine):
    machine.container("app")
    seen = reach(machine).need(service_ref("web-1", "docker", "app"))
    assert seen.text("status", "value") == "2026-01-01T00:00:00Z"
    assert "canary" not in str(seen.raw)


def test_a_restart_is_done_once_whoever_asks_again(machine):
    ssh, mark = reach(machine), str(uuid4())
    ssh.send(restart(mark))
    with pytest.raises(Ambiguous) as again:
        ssh.send(restart(mark))
    assert again.value.status == 409
    assert machine.effects == ["restart nginx"]


def test_a_fence_keeps_a_late_request_from_beginning(machine):
    ssh, mark = reach(machine), str(uuid4())
    ssh.send(Request(replace(NGINX, name=f"{NGINX.name}#{mark}"), {"do": "fence", "mark": mark}))
    with pytest.raises(Ambiguous):
        ssh.send(restart(mark))
    assert machine.effects == []


def test_a_rehearsal_asks_sudo_and_changes_nothing(machine):
    reach(machine).send(restart(str(uuid4())), dry_run=True)
    assert machine.effects == []
    assert not machine.markers.exists()
    (machine.state / "no-sudo").touch()
    with pytest.raises(Permanent, match="sudo does not let"):
        reach(machine).send(restart(str(uuid4())), dry_run=True)


def test_a_command_that_failed_and_moved_nothing_had_no_effect(machine):
    machine.fault("restart", "refused")
    before = reach(machine).need(NGINX).text("status", "value")
    with pytest.raises(Permanent, match="Access denied"):
        reach(machine).send(restart(str(uuid4()), before))


def test_old_files_go_and_young_ones_stay(machine):
    old, young = machine.old_file("a.log", 1000), machine.old_file("b.log", 10, days=1)
    ref = files_ref("web-1", "clean", str(machine.files))
    assert reach(machine).need(ref).number("status", "bytes") == 1000
    mark = str(uuid4())
    reach(machine).send(Request(replace(ref, name=f"{ref.name}#{mark}"), {"do": "clean", "mark": mark, "before": "1/1000"}))
    assert (old.exists(), young.exists()) == (False, True)


def test_a_link_leads_out_of_no_folder(machine, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    (machine.files / "link").symlink_to(outside)
    seen = reach(machine, older_than_days=0).need(files_ref("web-1", "clean", str(machine.files)))
    assert seen.number("status", "files") == 0


def test_only_what_is_listed_is_looked_at_or_changed(machine):
    for ref in (
        service_ref("web-1", "systemd", "sshd"),
        service_ref("web-1", "docker", "nginx"),
        files_ref("web-1", "clean", "/etc"),
        files_ref("web-1", "clean", f"{machine.files}/../secret"),
        files_ref("web-1", "cache", str(machine.files)),
    ):
        with pytest.raises(Permanent) as refused:
            reach(machine).get(ref)
        assert refused.value.code == "not_allowed"
        with pytest.raises(Permanent):
            reach(machine).send(restart(str(uuid4()), ref=ref))
    assert machine.commands == []


def test_no_word_that_a_shell_would_read_is_sent(machine):
    hostile = "nginx;touch${IFS}/tmp/x"
    with pytest.raises(Permanent) as refused:
        reach(machine, services=frozenset({hostile})).get(service_ref("web-1", "systemd", hostile))
    assert refused.value.code == "not_allowed"
    assert machine.commands == []


# Logging in


def test_another_host_key_is_refused(machine, tmp_path):
    pinned = machine.host_key
    machine.stop()
    machine.new_host_key()
    machine.start()
    with pytest.raises(Permanent) as refused:
        reach(machine, host_keys=pinned).get(NGINX)
    assert refused.value.code == "host_key"


def test_a_machine_without_a_pinned_key_is_not_logged_in_to(machine):
    with pytest.raises(Permanent) as refused:
        reach(machine, host_keys="").get(NGINX)
    assert refused.value.code == "host_key"
    assert "Connection from" not in machine.log


def test_a_key_that_is_not_let_in_is_permanent(machine, tmp_path):
    stranger = tmp_path / "stranger"
    stranger.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    with pytest.raises(Permanent) as refused:
        reach(machine, key_file=stranger).get(NGINX)
    assert refused.value.code == "unauthorised"


def test_no_error_shows_the_key(machine, tmp_path):
    broken = tmp_path / "broken"
    secret = machine.key.read_text().splitlines()[1]
    broken.write_text(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{secret}\n")
    with pytest.raises(Permanent) as refused:
        reach(machine, key_file=broken).get(NGINX)
    assert refused.value.code == "ssh_key"
    assert secret not in refused.value.detail
    assert secret not in repr(reach(machine))


def test_a_machine_that_is_down_surely_did_nothing(machine):
    machine.stop()
    with pytest.raises(Transient):
        reach(machine).send(restart(str(uuid4())))


@pytest.mark.parametrize(
    ("path", "fits"),
    [
        ("/var/log", True),
        ("/var/log/app", True),
        ("/var/logs", False),
        ("/var/log/../lib", False),
        ("var/log", False),
        ("/", False),
    ],
)
def test_a_path_is_read_literally(path, fits):
    assert is_under(path, "/var/log") is fits
