"""A model behind OpenAI's chat completions, or any server that speaks them (Ollama, vLLM, gateways)."""

from urllib.parse import urlsplit

import httpx2
from openai import AsyncOpenAI
from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

from aiops.core.llm import DEFAULT_URLS, LlmProvider

NO_KEY = "none"  # local servers want a key and do not look at it


def model(provider: LlmProvider, http: httpx2.AsyncClient) -> Model:
    key = provider.api_key.get_secret_value() or NO_KEY
    sdk = AsyncOpenAI(base_url=provider.url, api_key=key, http_client=http, max_retries=0)
    if urlsplit(provider.url).hostname == urlsplit(DEFAULT_URLS["openai"]).hostname:
        return OpenAIChatModel(provider.model, provider=OpenAIProvider(openai_client=sdk))
    # Others know the older name of the limit, and the newer one not always.
    older = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False)
    compatible = OpenAICompatibleProvider(provider.name, openai_client=sdk, profile=older)
    return OpenAIChatModel(provider.model, provider=compatible)
