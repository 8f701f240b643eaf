"""A model behind Anthropic's messages."""

import httpx2
from anthropic import AsyncAnthropic
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

from aiops.core.llm import LlmProvider


def model(provider: LlmProvider, http: httpx2.AsyncClient) -> Model:
    key = provider.api_key.get_secret_value() or "none"  # an empty one would be looked for in the environment
    sdk = AsyncAnthropic(base_url=provider.url, api_key=key, http_client=http, max_retries=0)
    return AnthropicModel(provider.model, provider=AnthropicProvider(anthropic_client=sdk))
