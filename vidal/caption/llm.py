"""Asking an OpenAI-compatible endpoint for a JSON object, with errors told apart by whether to try again."""

from __future__ import annotations

import json
import os
from typing import Any

from vidal.engine.errors import ConfigError, MissingError, SampleError, TransientError

TIMEOUT = 60.0
"""Seconds allowed for one answer."""


class Llm:
    """One model behind one endpoint. The engine retries and counts; the client itself never does."""

    def __init__(self, url: str, model: str, api_key_env: str, max_tokens: int) -> None:
        import openai

        key = os.environ.get(api_key_env)
        if not key:
            raise MissingError(f"caption.refine: the environment variable {api_key_env}, with the API key, is not set")
        self._client = openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=TIMEOUT)
        self._url, self._model, self._max_tokens = url, model, max_tokens

    def ask(self, prompt: str, keys: tuple[str, ...]) -> tuple[dict[str, str], int, int]:
        """The answer's strings under `keys`, and the tokens of the prompt and of the answer.

        Raises TransientError, SampleError (`BadAnswer`, `Refused`), or ConfigError where the key or the model is wrong.
        """
        import openai

        try:
            answer = self._client.chat.completions.create(
                model=self._model,
                messages=[{"role": "user", "content": prompt}],
                response_format={"type": "json_object"},
                temperature=0,
                max_tokens=self._max_tokens,
            )
        except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
            message = f"caption.refine: {self._url} refuses the model {self._model} or the key: {error.message}"
            raise ConfigError(message) from error
        except openai.RateLimitError as error:
            raise TransientError("RateLimited", _line(error), _retry_after(error)) from error
        except (openai.APIConnectionError, openai.InternalServerError) as error:
            raise TransientError("Unavailable", f"{self._url}: {_line(error)}") from error
        except openai.APIStatusError as error:
            raise SampleError("Refused", _line(error)) from error
        usage = answer.usage
        return _fields(answer, keys), usage.prompt_tokens if usage else 0, usage.completion_tokens if usage else 0


def _fields(answer: Any, keys: tuple[str, ...]) -> dict[str, str]:
    choice = answer.choices[0]
    if choice.finish_reason == "length":
        raise SampleError("BadAnswer", "the answer was cut at max_tokens; raise caption.refine.max_tokens")
    try:
        found = json.loads(choice.message.content or "")
        fields = {key: " ".join(found[key].split()) for key in keys}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SampleError("BadAnswer", f"the answer is no JSON object with the texts {', '.join(keys)}") from error
    if empty := [key for key, text in fields.items() if not text]:
        raise SampleError("BadAnswer", f"the answer leaves {', '.join(empty)} empty")
    return fields


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]


def _retry_after(error: Any) -> float | None:
    text = error.response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None
