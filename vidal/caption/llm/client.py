"""One request to the endpoint: a completion, or an error told apart by whose it is. Nothing is tried again here."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from vidal.caption.llm.asks import Reply, read_reply
from vidal.caption.llm.config import EndpointConfig
from vidal.caption.llm.pace import asked_wait
from vidal.engine.errors import ConfigError, MissingError, SampleError, TransientError

ANSWER_BYTES = 8 * 2**20
"""Longest body that is read of an answer."""
PASSING = frozenset({408, 409, 425})
"""Statuses besides 429 and 5xx that may pass by themselves: timeout, conflict, too early."""
DENIED = frozenset({403, 404})
"""Statuses that mostly speak of the key or the model, and at some endpoints of the request."""
NO_CREDIT = "insufficient_quota"
"""OpenAI's code for an account without credit, which it tells with status 429."""


class Denied(SampleError):
    """The endpoint refuses the model to this key, or else this request."""


class Client:
    """One model behind one endpoint; `key` is the key of its section of the pipeline file, for messages.

    Raises MissingError where the API key is not set. No message holds it, even if the endpoint repeats it.
    """

    def __init__(self, config: EndpointConfig, key: str) -> None:
        import openai

        self.config, self.key = config, key
        self._secret = os.environ.get(config.api_key_env, "").strip()
        if not self._secret:
            raise MissingError(f"{key}: the environment variable {config.api_key_env}, with the API key, is not set")
        self.openai = openai.AsyncOpenAI(
            base_url=config.url,
            api_key=self._secret,
            max_retries=0,
            timeout=config.timeout,
            http_client=openai.DefaultAsyncHttpxClient(event_hooks={"response": [_bound]}),
        )

    async def complete(self, body: Mapping[str, Any], hear: Callable[[Mapping[str, str]], None]) -> Reply:
        """The completion; `hear` is given the headers of whatever is answered.

        Raises TransientError (`RateLimited`, `Unavailable`, `Timeout`, `BadAnswer`) where a later try may succeed,
        SampleError `Refused` (Denied where it may be for the model), ConfigError where the key is wrong, MissingError
        where the account has no credit.
        """
        import openai

        rest = {name: value for name, value in body.items() if name not in ("model", "messages")}
        create = self.openai.chat.completions.with_raw_response.create
        try:
            async with asyncio.timeout(self.config.timeout):
                raw = await create(model=body["model"], messages=body["messages"], extra_body=rest)  # type: ignore
        except openai.APIStatusError as error:
            hear(error.response.headers)
            raise self.refusal(error) from None
        except (openai.APITimeoutError, TimeoutError):
            limit = f"{self.config.timeout:g} s"
            raise TransientError("Timeout", f"{self.config.url}: no answer within {limit}") from None
        except openai.APIConnectionError as error:
            raise TransientError("Unavailable", f"{self.config.url}: {self.line(error)}") from None
        hear(raw.headers)
        try:
            return read_reply(json.loads(raw.content))
        except (ValueError, RecursionError) as error:
            said = "the answer is no JSON" if isinstance(error, json.JSONDecodeError | UnicodeDecodeError) else error
            raise TransientError("BadAnswer", f"{self.config.url}: {said}") from None

    def refusal(self, error: Any) -> Exception:
        """What an error status means: nothing works, nothing works now, or not for this request."""
        status, line, url = error.status_code, self.line(error), self.config.url
        if status == 429 and error.code == NO_CREDIT:
            return MissingError(f"{self.key}: the account behind {self.config.api_key_env} has no credit left: {line}")
        if status == 401:
            return self.wrong(line)
        if status == 429:
            return TransientError("RateLimited", f"{url}: {line}", asked_wait(error.response.headers))
        if status in PASSING or status >= 500:
            return TransientError("Unavailable", f"{url}: {line}", asked_wait(error.response.headers))
        return (Denied if status in DENIED else SampleError)("Refused", line)

    def wrong(self, line: str) -> ConfigError:
        """The end of the run, where the endpoint refuses whatever it is asked."""
        config = self.config
        return ConfigError(
            f"{self.key}: {config.url} refuses the model {config.model}, the key in {config.api_key_env} or the form "
            f"of the request: {line}"
        )

    def line(self, error: Exception) -> str:
        """An error as one line without the secret."""
        lines = str(error).replace(self._secret, "***").strip().splitlines()
        return lines[0][:300] if lines else type(error).__name__


async def _bound(response: Any) -> None:
    """Let no body be read beyond the limit, nor one that is packed: it might expand a thousandfold."""
    import httpx2 as httpx

    class Bounded(httpx.AsyncByteStream):
        def __init__(self, stream: Any, limit: int) -> None:
            self._stream, self._limit = stream, limit

        async def __aiter__(self) -> AsyncIterator[bytes]:
            read = 0
            async for chunk in self._stream:
                read += len(chunk)
                if read > self._limit:
                    raise httpx.ReadError(f"the answer is longer than {self._limit} bytes")
                yield chunk

        async def aclose(self) -> None:
            await self._stream.aclose()

    response.stream = Bounded(response.stream, ANSWER_BYTES)
