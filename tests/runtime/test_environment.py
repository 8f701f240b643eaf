"""`make up` on a machine that has nothing but Python: what gets installed, and what is said when that cannot be."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from aiops.runtime import environment
from tests.product import HOME

LOCKS = ["requirements.lock", "requirements-dev.lock"]


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ \\;]+)", (HOME / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_names_no_package_index(lock: str) -> None:
    text = (HOME / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*--?(index-url|extra-index-url|find-links|trusted-host|i|f)\b", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_file_is_pinned_with_hashes(lock: str) -> None:
    blocks = re.findall(r"^[A-Za-z0-9].*\n(?:[ \t].*\n)*", (HOME / lock).read_text(), re.MULTILINE)
    assert len(blocks) > 50
    assert [block for block in blocks if "==" not in block or "--hash=sha256:" not in block] == []


def test_who_has_the_tests_installed_has_the_product_installed() -> None:
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with one requirement, a package that says `hello`, which lies in its folder `wheels`; its .venv is made."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "aiops" / "runtime").mkdir(parents=True)
    shutil.copy(environment.__file__, folder / "aiops" / "runtime" / "environment.py")
    wheel = _wheel(folder / "wheels")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    for lock in LOCKS:
        (folder / lock).write_text(f"hello==1.0 \\\n    --hash=sha256:{digest}\n")
    first = install(folder)
    assert first.returncode == 0, first.stderr
    assert "Installing 1 packages" in first.stdout
    return folder


@pytest.fixture
def checkout(made: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(made, tmp_path / "checkout", symlinks=True))


def change_lock(checkout: Path, old: str = r"$", new: str = "# changed\n") -> None:
    lock = checkout / "requirements.lock"
    lock.write_text(re.sub(old, new, lock.read_text(), count=1))


def install(checkout: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    variables = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(checkout / "wheels"), **variables}
    return subprocess.run(
        [sys.executable, str(checkout / "aiops/runtime/environment.py"), "requirements.lock"],
        env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_environment_is_made_once_with_the_persons_own_pip_settings(checkout: Path) -> None:
    said = subprocess.run([checkout / ".venv/bin/python", "-c", "import hello"], capture_output=True, text=True, check=True)
    assert said.stdout == "hello\n"

    again = install(checkout)
    assert (again.returncode, again.stdout) == (0, "")

    change_lock(checkout)
    assert "Installing" in install(checkout).stdout


def test_an_environment_whose_python_is_gone_is_made_anew(checkout: Path) -> None:
    (checkout / ".venv/bin/python").unlink()
    (checkout / ".venv/bin/python").symlink_to("/gone/python3")
    again = install(checkout)
    assert again.returncode == 0, again.stderr
    assert "Making .venv" in again.stdout


def test_without_a_package_index_it_is_said_how_to_name_one(checkout: Path) -> None:
    change_lock(checkout, "hello==1.0", "hello==2.0")
    failed = install(checkout)
    assert failed.returncode == 1
    assert "pip config set global.index-url" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_package_that_is_not_the_pinned_one_is_refused(checkout: Path) -> None:
    subprocess.run([checkout / ".venv/bin/python", "-m", "pip", "uninstall", "-q", "-y", "hello"], check=True)
    change_lock(checkout, r"sha256:.*", f"sha256:{'0' * 64}")
    failed = install(checkout)
    assert failed.returncode == 1
    assert "not the one that requirements.lock names" in failed.stderr


def test_a_python_without_venv_is_told_which_package_to_install(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv")
    without = checkout / "without"
    without.mkdir()
    (without / "ensurepip.py").write_text("raise ImportError('as on Debian without python3-venv')\n")
    failed = install(checkout, PYTHONPATH=str(without))
    assert failed.returncode == 1
    assert re.search(r"apt install python3\S*-venv", failed.stderr)
    assert "Traceback" not in failed.stderr


def test_a_python_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(environment.Missing, match=r"Python 3\.9 is too old: 3\.11 or newer is needed"):
        environment._base_python()


def test_no_python_at_all_is_said_by_make() -> None:
    failed = subprocess.run(
        ["make", "up", "PYTHON=python-that-is-not-here"], cwd=HOME, capture_output=True, text=True, check=False
    )
    assert failed.returncode != 0
    assert "There is no python-that-is-not-here here: install Python 3.11" in failed.stderr


def test_what_pages_load_is_what_was_published() -> None:
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=HOME / "static" / "vendor", check=True)


def _wheel(folder: Path) -> Path:
    """The smallest wheel there can be."""
    folder.mkdir()
    path = folder / "hello-1.0-py3-none-any.whl"
    content = {
        "hello.py": b"print('hello')\n",
        "hello-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n",
        "hello-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},sha256={_record_hash(data)},{len(data)}\n" for name, data in content.items())
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in {**content, "hello-1.0.dist-info/RECORD": record.encode()}.items():
            wheel.writestr(name, data)
    return path


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
