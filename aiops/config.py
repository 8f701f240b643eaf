"""Everything that can be set from outside, in one frozen object: `settings.AIOPS`.

A threshold of an app is `AIOPS_<APP>__<FIELD>`; the README's table is generated from these models.
"""

import json
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from aiops.core.clusters import Cluster
from aiops.core.llm import LlmProvider
from approvals.conf import ApprovalsConf
from governance.conf import GovernanceConf
from incidents.conf import IncidentsConf
from learning.conf import LearningConf


class Config(BaseSettings):
    """Read once at start; a bad value stops the start with its variable named."""

    model_config = SettingsConfigDict(
        env_prefix="AIOPS_", env_nested_delimiter="__", env_file=".env", frozen=True, extra="ignore", env_ignore_empty=True
    )

    database_url: str | None = Field(None, validation_alias="DATABASE_URL", description="PostgreSQL; unset = embedded")
    redis_url: str | None = Field(None, validation_alias="REDIS_URL", description="Redis; unset = embedded")
    debug: bool = Field(False, description="Django's debug pages; refused with DATABASE_URL set")
    port: int = Field(8000, ge=0, le=65535, description="Web port; 0 = any free one")
    bind: str = Field("127.0.0.1", description="Address that the web process listens on")
    var: Path = Field(Path("var"), description="Where embedded data, sockets and generated files live")
    secret_key: SecretStr = Field(SecretStr(""), description="Made and kept under var/ in embedded mode, required otherwise")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Host names of the dashboard, between commas or as a JSON list"
    )
    base_url: str = Field("", description="Public address of the dashboard, used in messages")
    clusters: tuple[Cluster, ...] | None = Field(None, description="Clusters to act on; unset = the sandbox under make up")
    prometheus_url: str = Field("", description="Prometheus that metrics are read from, as evidence and to verify")
    prometheus_token: SecretStr = Field(SecretStr(""), description="Bearer token for it")
    alertmanager_url: str = Field("", description="Alertmanager whose list of open alerts is compared with ours")
    alertmanager_token: SecretStr = Field(SecretStr(""), description="Bearer token for it")
    llm_providers: tuple[LlmProvider, ...] = Field((), description="Language models, asked in order; none = nothing leaves")
    egress_hosts: tuple[str, ...] = Field(
        (), description="Only these hosts are posted to; needed for loopback; empty = any public one"
    )
    ssh_key_file: Path | None = Field(None, description="Private key that machines are logged in to with; unset = none are")
    ssh_key_passphrase: SecretStr = Field(SecretStr(""), description="Of that key, where it has one")
    grafana_secret: SecretStr = Field(SecretStr(""), description="Grafana signs its webhooks with it")
    sentry_secret: SecretStr = Field(SecretStr(""), description="Sentry signs its webhooks with it")
    sentry_token: SecretStr = SecretStr("")
    sentry_url: str = ""
    slack_signing_secret: SecretStr = SecretStr("")
    slack_token: SecretStr = SecretStr("")
    telegram_secret: SecretStr = SecretStr("")
    telegram_token: SecretStr = SecretStr("")
    telegram_api_base: str = "https://api.telegram.org"
    telegram_chat_id: str = ""
    pagerduty_key: SecretStr = SecretStr("")
    opsgenie_key: SecretStr = SecretStr("")

    incidents: IncidentsConf = IncidentsConf()
    approvals: ApprovalsConf = ApprovalsConf()
    learning: LearningConf = LearningConf()
    governance: GovernanceConf = GovernanceConf()

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _between_commas(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        return json.loads(given) if given.lstrip().startswith("[") else [h.strip() for h in given.split(",") if h.strip()]

    @property
    def is_embedded(self) -> bool:
        return self.database_url is None
