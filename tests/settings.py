"""The product's own settings, in a `var` folder (and so on servers) of this test process alone."""

import os
import tempfile
from pathlib import Path

VAR = Path(tempfile.mkdtemp(prefix="aiops-test-"))
os.environ["AIOPS_VAR"] = str(VAR)
for name in ("DATABASE_URL", "REDIS_URL", "AIOPS_CLUSTERS", "AIOPS_PROCESS"):
    os.environ.pop(name, None)

from aiops.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
