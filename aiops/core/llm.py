"""A language model that may be asked: which one, where, and what it costs."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

DEFAULT_URLS = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
Price = Annotated[float, Field(ge=0)]


class LlmProvider(BaseModel):
    """One model behind one endpoint. They are asked in order; the next one is the fallback.

    `output` says how the typed answer is asked for: by a tool call, by a JSON schema, or in words, for servers that know
    neither. Prices are US dollars per million tokens; without them public price lists are used where they know the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    kind: Literal["openai", "anthropic"] = "openai"
    base_url: str | None = None
    api_key: SecretStr = SecretStr("")
    model: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    output: Literal["tools", "json_schema", "prompt"] = "tools"
    input_price: Price | None = None
    output_price: Price | None = None

    @property
    def url(self) -> str:
        return (self.base_url or DEFAULT_URLS[self.kind]).rstrip("/")

    def cost_micros(self, tokens_in: int, tokens_out: int) -> int | None:
        """Millionths of a US dollar by the configured prices; None where there are none."""
        if self.input_price is None or self.output_price is None:
            return None
        return round(tokens_in * self.input_price + tokens_out * self.output_price)
