"""Secrets of the senders, as an operator sets them."""

import pytest
from pydantic import SecretStr

from tests.incidents.senders import GRAFANA_SECRET, SENTRY_SECRET


@pytest.fixture
def signing_secrets(settings):
    settings.AIOPS = settings.AIOPS.model_copy(
        update={"sentry_secret": SecretStr(SENTRY_SECRET), "grafana_secret": SecretStr(GRAFANA_SECRET)}
    )
