"""An endpoint as the pipeline file names it."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from vidal.engine.config import Section

OWN = frozenset({"model", "messages", "response_format", "max_tokens", "max_completion_tokens", "stream", "n"})
"""What a request says by itself, so that `parameters` may not."""
BATCH_PRICE = 0.5
"""What the Batch API charges of the price (OpenAI, Batch API guide: "50% lower costs")."""


class Price(Section):
    """What the endpoint charges, in dollars per million tokens."""

    input: float = Field(ge=0)
    """For the tokens of a request."""
    output: float = Field(ge=0)
    """For the tokens of an answer."""

    def dollars(self, prompt_tokens: float, answer_tokens: float) -> float:
        return (prompt_tokens * self.input + answer_tokens * self.output) / 1e6


class EndpointConfig(Section):
    """A model behind any endpoint that speaks OpenAI's chat completions."""

    url: str = Field("https://api.openai.com/v1", pattern=r"^https?://")
    """The endpoint, with its version path."""
    model: str = Field(min_length=1)
    """The model's name at the endpoint."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key."""
    max_tokens: int = Field(300, ge=1)
    """Most tokens of an answer."""
    limit_as: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """The name under which a request states `max_tokens`; OpenAI's newer models take the longer one alone."""
    response_format: Literal["json_schema", "json_object", "text"] = "json_schema"
    """How JSON is asked for: by its schema, as any object, or in words alone."""
    parameters: dict[str, Any] = {"temperature": 0}
    """Further parameters of each request, as the endpoint names them."""
    requests: int = Field(8, ge=1, le=1000)
    """Requests in flight."""
    timeout: float = Field(60, gt=0)
    """Seconds allowed for an answer."""
    price: Price | None = None
    """Dollars per million tokens; without it no money is counted."""
    budget: float | None = Field(None, ge=0)
    """Most dollars to spend in this workspace, over all runs; what is left waits for more."""
    batch: bool = False
    """Ask through the Batch API: within a day, at half the price."""

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise ValueError("an address without user, password and parameters; the key belongs in api_key_env")
        return url.rstrip("/")

    @field_validator("parameters")
    @classmethod
    def _further(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        if own := sorted(OWN & parameters.keys()):
            raise ValueError(f"{own[0]} is not set here")
        return parameters

    @model_validator(mode="after")
    def _payable(self) -> EndpointConfig:
        if self.budget is not None and self.price is None:
            raise ValueError("a budget needs a price: {input: …, output: …} in dollars per million tokens")
        return self

    def settings(self) -> dict[str, Any]:
        """What of it decides an answer, in JSON types and without secrets."""
        return {
            "url": self.url,
            "model": self.model,
            "max_tokens": self.max_tokens,
            "response_format": self.response_format,
            "parameters": self.parameters,
        }
