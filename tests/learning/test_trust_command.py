import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from secrets import token_urlsafe

import pytest
from django.core.management import CommandError, call_command

from learning.models import TrustRecord
from tests.factories import record_outcome

ROOT = Path(__file__).resolve().parents[2]


def fold(path):
    out = StringIO()
    call_command("trust", "fold", str(path), stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def line(at, kind="outcome", ds=1.0, df=0.0, dscore=1):
    return json.dumps({"at": at, "kind": kind, "ds": ds, "df": df, "dscore": dscore})


@pytest.fixture
def file(tmp_path):
    def write(*lines):
        path = tmp_path / "ledger.jsonl"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def test_fold_prints_the_row_after_each_line(file):
    told = fold(
        file(*(line(f"2026-01-0{day}T12:00:00Z") for day in (1, 2, 3)), "", line("2026-01-04T12:00:00Z", ds=0, df=1, dscore=-6))
    )
    assert [list(row) for row in told] == [["successes", "failures", "score", "mean", "bound"]] * 4
    assert told[2]["successes"] == pytest.approx(2.9770, abs=5e-5)
    assert (told[2]["score"], told[2]["bound"]) == (3, pytest.approx(0.6672, abs=5e-5))
    assert (told[3]["failures"], told[3]["score"]) == (1.0, 0)


def test_fold_takes_a_late_line(file):
    told = fold(file(line("2026-01-11T00:00:00Z", ds=4.0, dscore=4), line("2026-01-05T00:00:00+00:00")))
    assert told[1]["successes"] == pytest.approx(4.9548, abs=5e-5)


@pytest.mark.parametrize(
    ("second", "place"),
    [
        ("{", "line 2, the line"),
        (line("yesterday"), "line 2, at"),
        (line("2026-01-02T00:00:00Z", ds="many"), "line 2, ds"),
        ('{"at": "2026-01-02T00:00:00Z", "kind": "outcome", "ds": 1, "df": 0}', "line 2, dscore"),
        ('{"at": "2026-01-02T00:00:00Z", "kind": "outcome", "ds": NaN, "df": 0, "dscore": 0}', "line 2, ds"),
    ],
)
def test_fold_names_the_line_that_is_wrong(file, second, place):
    with pytest.raises(CommandError, match=place):
        fold(file(line("2026-01-01T00:00:00Z"), second))


def test_fold_needs_no_database(file):
    """In a process of its own whose database does not answer."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "AIOPS_SECRET_KEY": token_urlsafe(60),
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "trust", "fold", "-"],
        cwd=ROOT, env=environment, input=line("2026-01-01T00:00:00Z"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, json.loads(done.stdout)["successes"]) == (0, 1.0), done.stderr


@pytest.mark.django_db
def test_verify_is_content_with_rows_that_equal_their_ledger():
    record_outcome()
    out = StringIO()
    call_command("trust", "verify", stdout=out)
    assert out.getvalue() == "Every trust row equals its ledger\n"


@pytest.mark.django_db
def test_verify_names_the_row_that_was_edited_and_fails():
    record_outcome()
    TrustRecord.objects.update(score=9)
    err = StringIO()
    with pytest.raises(CommandError) as refused:
        call_command("trust", "verify", stderr=err)
    assert refused.value.returncode == 1
    assert "restart:web-* for HighMemory in production/shop" in err.getvalue()
    assert "score is 9, its ledger says 1" in err.getvalue()


@pytest.mark.django_db
def test_verify_tells_machines_too():
    record_outcome()
    TrustRecord.objects.update(people=9)
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("trust", "verify", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert told["ok"] is False
    assert told["differs"][0]["differences"] == [{"column": "people", "row": "9", "ledger": "1"}]
