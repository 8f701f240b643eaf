import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.product import HOME, OrdinaryUser, Product


@pytest.fixture(scope="session")
def console() -> Iterator[Product]:
    """The product without its sandbox, shared by the tests that only kill and watch its processes."""
    with Product(sandbox=False) as running:
        yield running


@pytest.fixture(scope="session")
def ordinary_user() -> Iterator[OrdinaryUser]:
    """`nobody`, with this Python; where that lies in a closed folder, as one of root's own does, with a copy of it."""
    if os.geteuid() != 0:
        _skip("only root can become somebody else; but then this whole run is one as an ordinary user")
    if _is_this_python(as_is := _nobody(sys.executable)):
        yield as_is
        return
    with tempfile.TemporaryDirectory(prefix="aiops-python-") as folder:
        if not _is_this_python(copied := _nobody(_copy_python(Path(folder)))):
            _skip("nobody can run no Python here: the tests as an ordinary user are left out")
        yield copied


def _nobody(python: str) -> OrdinaryUser:
    nobody = pwd.getpwnam("nobody").pw_uid
    return OrdinaryUser(nobody, ("setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups"), python)


def _copy_python(folder: Path) -> str:
    """The interpreter with its own library; the packages stay where they are."""
    folder.chmod(0o755)
    library = Path(sysconfig.get_path("stdlib"))
    (folder / "bin").mkdir()
    shutil.copy(Path(sys.executable).resolve(), folder / "bin" / library.name)
    unneeded = shutil.ignore_patterns("site-packages", "test", "idlelib", "ensurepip", "config-*")
    shutil.copytree(library, folder / "lib" / library.name, ignore=unneeded)
    for shared in Path(sysconfig.get_config_var("LIBDIR")).glob("libpython3*.so*"):
        shutil.copy(shared, folder / "lib")
    start = folder / "python"
    paths = f'LD_LIBRARY_PATH="{folder}/lib" PYTHONPATH="{sysconfig.get_path("purelib")}"'
    start.write_text(f'#!/bin/sh\n{paths} exec {folder}/bin/{library.name} "$@"\n')
    start.chmod(0o755)
    return str(start)


def _is_this_python(user: OrdinaryUser) -> bool:
    asked = [*user.become, user.python, "-c", "import sys, django; open('manage.py').close(); print(sys.version)"]
    answer = subprocess.run(asked, cwd=HOME, capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == sys.version


def _skip(reason: str) -> NoReturn:
    warnings.warn(reason, stacklevel=2)
    pytest.skip(reason)
