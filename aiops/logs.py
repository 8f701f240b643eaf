"""JSON logs on stderr, one line an event, with secrets out and the ids of the request or task bound."""

from collections.abc import MutableMapping
from typing import Any

import structlog

from aiops.core.redaction import redact_json


def drop_secrets(logger: object, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last processor before the text is made: nothing that looks like a credential leaves the process."""
    for key, value in event.items():
        if isinstance(value, str | dict | list) and not key.startswith("_"):
            event[key] = redact_json(value, name=key)
    return event


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                drop_secrets,
                structlog.processors.JSONRenderer(default=str),
            ],
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
            ],
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django_structlog": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "openai": {"level": "WARNING"},  # at DEBUG these two write prompts
        "anthropic": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING"},
        "asyncssh": {"level": "WARNING"},  # one line for each command otherwise
        "axes": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
    },
}
