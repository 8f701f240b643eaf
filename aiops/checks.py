"""What `manage.py check --deploy` says about a production set-up beside Django's own checks.

What must not start at all (debug pages, a weak key, any host) is refused where settings are read: no process gets past that.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@register(Tags.security, deploy=True)
def what_production_lacks(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    config = settings.AIOPS
    if config.is_embedded:
        return [
            Warning(
                "DATABASE_URL is unset: this is the embedded mode, for one machine and without HTTPS",
                hint="For production set DATABASE_URL, REDIS_URL, AIOPS_SECRET_KEY and AIOPS_ALLOWED_HOSTS",
                id="aiops.W001",
            )
        ]
    found: list[CheckMessage] = []
    if not config.allowed_hosts:
        found.append(
            Warning(
                "AIOPS_ALLOWED_HOSTS is unset: every request is refused",
                hint='Name the dashboard, as in AIOPS_ALLOWED_HOSTS=["aiops.example.com"]',
                id="aiops.W002",
            )
        )
    if config.redis_url is None:
        found.append(
            Warning(
                "REDIS_URL is unset: processes on other machines do not reach the embedded Redis",
                hint="Set REDIS_URL to a Redis of 6.2 or newer that only the product uses",
                id="aiops.W003",
            )
        )
    elif _is_open(config.redis_url):
        found.append(
            Warning(
                "REDIS_URL has no password: whoever reaches that Redis can start tasks",
                hint="Set a password there and in REDIS_URL: rediss://:PASSWORD@HOST:6379/0",
                id="aiops.W004",
            )
        )
    return found


def _is_open(url: str) -> bool:
    """A Redis over the network that asks nobody who they are."""
    parts = urlsplit(url)
    return parts.scheme != "unix" and parts.hostname not in LOOPBACK and not parts.password
