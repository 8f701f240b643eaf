"""The product's own settings, for a web process that serves the test database of the test process that starts it."""

import os

from aiops.settings import *  # noqa: F403
from aiops.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["AIOPS_TEST_DATABASE"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
