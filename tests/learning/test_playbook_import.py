import contextlib
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from aiops.access.models import AuditEntry
from aiops.core.errors import Invalid
from learning import playbook_file, playbook_import, playbook_versions
from learning.models import Playbook, PlaybookVersion
from learning.playbook_file import parse
from learning.playbook_import import STARTERS
from learning.playbook_versions import Change

RESTART = """
playbooks:
  - name: Restart a hung worker
    status: review
    symptoms: {alert_names: [WorkerHung], categories: [queue], target_kind: Deployment}
    steps:
      - {action: restart_workload, verify: the alert clears}
"""


@pytest.fixture
def manage(tmp_path):
    """`manage.py playbooks …`; a text given is a file."""

    def run(verb, text=None, **options):
        args = []
        if text is not None:
            (tmp_path / "playbooks.yaml").write_text(text)
            args = [str(tmp_path / "playbooks.yaml")]
        out = StringIO()
        call_command("playbooks", verb, *args, stdout=out, **options)
        return out.getvalue()

    return run


def change(playbook, **fields):
    """What a person does in admin."""
    for name, value in fields.items():
        setattr(playbook, name, value)
    playbook.save()
    playbook_versions.keep(playbook, by="ana")


@pytest.mark.django_db
def test_a_file_becomes_playbooks_with_a_version_and_an_audit_entry(manage):
    assert manage("import", RESTART) == "created    v1  Restart a hung worker\n"
    playbook = Playbook.objects.get()
    assert (playbook.status, playbook.alert_names, playbook.categories, playbook.version) == (
        "review",
        ["WorkerHung"],
        ["queue"],
        1,
    )
    step = playbook.steps.get()
    assert (step.position, step.action_class, step.verify, step.target_kind) == (1, "restart_workload", "the alert clears", "")
    assert (playbook.versions.get().by, AuditEntry.objects.get().act) == ("command", "playbook.edit")


@pytest.mark.django_db
def test_the_same_file_again_changes_nothing(manage):
    manage("import", RESTART)
    assert manage("import", RESTART) == "unchanged  v1  Restart a hung worker\n"
    assert PlaybookVersion.objects.count() == AuditEntry.objects.count() == 1


@pytest.mark.django_db
def test_a_changed_file_writes_the_next_version_and_keeps_status_and_record(manage):
    manage("import", RESTART)
    Playbook.objects.update(status="deprecated", runs=7, trust=0.3)
    assert manage("import", RESTART.replace("the alert clears", "work goes on")).startswith("updated    v2")
    playbook = Playbook.objects.get()
    assert (playbook.status, playbook.runs, playbook.trust, playbook.version) == ("deprecated", 7, 0.3, 2)
    assert playbook.steps.get().verify == "work goes on"


@pytest.mark.django_db
def test_what_is_exported_is_imported_unchanged(manage):
    manage("import")
    text = manage("export")
    assert {line.split()[0] for line in manage("import", text).splitlines()} == {"unchanged"}
    assert manage("export", status="draft") == "playbooks: []\n"


@pytest.mark.django_db
def test_starters_are_approved_and_marked(manage):
    manage("import")
    assert set(Playbook.objects.values_list("status", "is_starter")) == {("approved", True)}
    assert Playbook.objects.count() >= 6


@pytest.mark.django_db
def test_starters_never_overwrite_what_a_person_changed(manage):
    manage("import")
    playbook = Playbook.objects.get(name="Restart a hung worker")
    change(playbook, alert_names=["OurWorkerHung"])
    assert "kept       v2  Restart a hung worker" in manage("import")
    playbook.refresh_from_db()
    assert playbook.alert_names == ["OurWorkerHung"]


@pytest.mark.django_db
def test_a_starter_that_a_person_renamed_does_not_come_back_under_its_old_name(manage):
    manage("import")
    count = Playbook.objects.count()
    change(Playbook.objects.get(name="Restart a hung worker"), name="Our hung workers")
    assert "kept       v2  Our hung workers" in manage("import")
    assert Playbook.objects.count() == count


@pytest.mark.django_db
def test_starters_do_not_touch_a_playbook_of_the_same_name_that_people_made(manage):
    manage("import", RESTART)
    assert "kept       v1  Restart a hung worker" in manage("import")
    assert Playbook.objects.get(name="Restart a hung worker").alert_names == ["WorkerHung"]


@pytest.mark.django_db
def test_starters_that_nobody_changed_follow_a_newer_product(manage):
    manage("import")
    playbook = Playbook.objects.get(name="Restart a hung worker")
    entries = [
        entry.model_copy(update={"description": "Newer words"}) if entry.name == playbook.name else entry
        for entry in parse(STARTERS.read_text())
    ]
    done = playbook_import.take(entries, actor=command(), starters=True)
    assert {one.result: one.name for one in done}["updated"] == playbook.name
    playbook.refresh_from_db()
    assert (playbook.description, playbook.version) == ("Newer words", 2)


def command():
    from learning.management.commands.playbooks import COMMAND

    return COMMAND


def wrong(replaced, by):
    assert replaced in RESTART
    return RESTART.replace(replaced, by)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "field"),
    [
        (wrong("restart_workload", "reboot"), "playbooks.0.steps.0.action"),
        (wrong("target_kind: Deployment", "target_kind: Node"), "playbooks.0.steps.0.target_kind"),
        (wrong("verify: the alert clears", "parameters: {replicas: 3}"), "playbooks.0.steps.0.parameters.replicas"),
        (wrong("verify: the alert clears", "target_name: 'web; rm'"), "playbooks.0.steps.0.target_name"),
        (wrong("categories: [queue]", "categories: [queues]"), "playbooks.0.symptoms.categories.0"),
        (wrong("alert_names: [WorkerHung], categories: [queue], ", ""), "playbooks.0.symptoms"),
        (wrong("status: review", "status: trusted"), "playbooks.0.status"),
        (wrong("status: review", "runs: 100"), "playbooks.0.runs"),
        (wrong("name: Restart a hung worker", "description: x"), "playbooks.0.name"),
        (RESTART + "\n  - {name: Second, symptoms: {target_kind: Pod}, steps: []}", "playbooks.1"),
        (RESTART + RESTART.split("playbooks:\n")[1], "playbooks.1.name"),
        (wrong("status: review", "status: review\n    status: draft"), "there twice"),
        ("playbooks: []", "playbooks"),
        ("- 1", "playbooks"),
        ("{", "no YAML"),
        ("!!python/object/apply:os.system [ls]", "no YAML"),
    ],
)
def test_a_file_with_one_fault_is_refused_whole_with_the_field_named(manage, text, field):
    with pytest.raises(CommandError) as refused:
        manage("import", text)
    assert field in str(refused.value)
    assert "nothing was imported" in str(refused.value)
    assert not Playbook.objects.exists()


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("playbooks", "import", str(tmp_path / "none.yaml"))


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text):
    with contextlib.suppress(Invalid):
        parse(text)


def test_a_difference_is_shown_line_by_line():
    old = {"name": "x", "steps": [{"action": "restart_workload"}]}
    new = {"name": "x", "steps": [{"action": "restart_workload", "verify": "it runs"}]}
    told = [(line.change, line.text) for line in playbook_versions.diff(old, new)]
    assert told == [
        (Change.SAME, "name: x"), (Change.SAME, "steps:"), (Change.SAME, "- action: restart_workload"),
        (Change.INSERTED, "  verify: it runs"),
    ]  # fmt: skip


def test_fields_come_in_the_order_in_which_people_write_them():
    kept_by_the_database = {
        "steps": [{"verify": "x", "action": "rollback"}],
        "name": "n",
        "symptoms": {"target_kind": "Pod", "labels": {}},
    }
    ordered = playbook_versions.in_order(kept_by_the_database)
    assert (list(ordered), list(ordered["symptoms"]), list(ordered["steps"][0])) == (
        ["name", "symptoms", "steps"], ["labels", "target_kind"], ["action", "verify"],
    )  # fmt: skip


@pytest.mark.django_db
def test_the_first_version_is_all_new(manage):
    manage("import", RESTART)
    changes = playbook_versions.changes(PlaybookVersion.objects.get())
    assert {line.change for line in changes} == {Change.INSERTED}


def test_starters_are_real_repairs_with_words_for_people():
    entries = parse(STARTERS.read_text())
    classes = {step.action for entry in entries for step in entry.steps}
    assert classes == {"rollback", "restart_workload", "adjust_resources", "scale_up", "delete_pod", "rerun_job"}
    for entry in entries:
        assert entry.status == "approved"
        assert entry.description
        assert all(step.expected_effect and step.verify and step.rollback for step in entry.steps)
        assert entry.symptoms.needs or entry.symptoms.labels, f"{entry.name} would fit on an alert's name alone"


def test_the_dump_of_nothing_is_a_list():
    assert playbook_file.dump([]) == "playbooks: []\n"
