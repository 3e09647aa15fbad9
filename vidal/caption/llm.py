"""Asking an OpenAI-compatible endpoint for a JSON object, with errors told apart by whether to try again."""

from __future__ import annotations

import json
import os
from typing import Any

from vidal.engine.errors import ConfigError, MissingError, SampleError, TransientError

TIMEOUT = 60.0
"""Seconds allowed for one answer."""
LONGEST_WAIT = 600.0
"""Most seconds of a Retry-After that are honoured; an endpoint that asks for more is asked again earlier."""
PASSING = frozenset({408, 409, 425})
"""Statuses besides 429 and 5xx that may pass by themselves: timeout, conflict, too early."""


class Llm:
    """One model behind one endpoint. The engine retries and counts; the client itself never does."""

    def __init__(self, url: str, model: str, api_key_env: str, max_tokens: int) -> None:
        import openai

        self._key = os.environ.get(api_key_env, "").strip()
        if not self._key:
            raise MissingError(f"caption.refine: the environment variable {api_key_env}, with the API key, is not set")
        self._client = openai.OpenAI(base_url=url, api_key=self._key, max_retries=0, timeout=TIMEOUT)
        self._url, self._model, self._max_tokens = url, model, max_tokens

    def ask(self, prompt: str, keys: tuple[str, ...]) -> tuple[dict[str, str], int | None, int | None]:
        """The answer's strings under `keys`, and the tokens of the prompt and of the answer, null where not told.

        Raises TransientError, SampleError (`BadAnswer`, `Refused`), or ConfigError where the key or the model is wrong.
        No message holds the key, even if the endpoint repeats it.
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
        except openai.APIConnectionError as error:
            raise TransientError("Unavailable", f"{self._url}: {self._line(error)}") from None
        except openai.APIStatusError as error:
            raise self._refusal(error) from None
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise SampleError("BadAnswer", f"{self._url} did not answer in JSON") from None
        fields = _fields(_content(answer), keys)
        return fields, _count(answer, "prompt_tokens"), _count(answer, "completion_tokens")

    def _refusal(self, error: Any) -> Exception:
        """What an error status means: wrong for every sample, for now, or for this sample."""
        status, line = error.status_code, self._line(error)
        if status in (401, 403, 404):
            return ConfigError(f"caption.refine: {self._url} refuses the model {self._model} or the key: {line}")
        if status == 429:
            return TransientError("RateLimited", line, _retry_after(error))
        if status in PASSING or status >= 500:
            return TransientError("Unavailable", f"{self._url}: {line}", _retry_after(error))
        return SampleError("Refused", line)

    def _line(self, error: Exception) -> str:
        return str(error).replace(self._key, "***").strip().splitlines()[0][:300]


def _content(answer: Any) -> str:
    """The text of a completion."""
    try:
        choice = answer.choices[0]
        reason, refusal, text = choice.finish_reason, choice.message.refusal, choice.message.content
    except (AttributeError, IndexError, TypeError):
        raise SampleError("BadAnswer", "the answer is no chat completion with a choice") from None
    if refusal or reason == "content_filter":
        raise SampleError("Refused", "the model declines to answer")
    if reason == "length":
        raise SampleError("BadAnswer", "the answer was cut at max_tokens; raise caption.refine.max_tokens")
    return text or ""


def _fields(text: str, keys: tuple[str, ...]) -> dict[str, str]:
    """The texts under `keys`, each on one line."""
    try:
        found = json.loads(text)
        fields = {key: " ".join(found[key].split()) for key in keys}
        "".join(fields.values()).encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SampleError("BadAnswer", f"the answer is no JSON object with the texts {', '.join(keys)}") from error
    if empty := [key for key, text in fields.items() if not text]:
        raise SampleError("BadAnswer", f"the answer leaves {', '.join(empty)} empty")
    return fields


def _count(answer: Any, name: str) -> int | None:
    count = getattr(answer.usage, name, None)
    return count if isinstance(count, int) else None


def _retry_after(error: Any) -> float | None:
    text = error.response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_WAIT) if text.isascii() and text.isdigit() else None
