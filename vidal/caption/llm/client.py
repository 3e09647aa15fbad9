"""One request to the endpoint: a completion, or an error told apart by whose it is. Nothing is tried again here."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from vidal.caption.llm.asks import Reply, read_reply
from vidal.caption.llm.config import EndpointConfig
from vidal.caption.llm.pace import ATTEMPTS, PATIENCE, asked_wait, backoff
from vidal.engine.errors import ConfigError, MissingError, PendingError, SampleError, TransientError

T = TypeVar("T")
ANSWER_BYTES = 8 * 2**20
"""Longest body that is read of an answer."""
RESULT_BYTES = 512 * 2**20
"""Longest file of results that is read of a batch."""
ALIVE_S = 10.0
"""Seconds within which an endpoint that is there lists its models."""
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
        rest = {name: value for name, value in body.items() if name not in ("model", "messages")}
        create = self.openai.chat.completions.with_raw_response.create
        try:
            async with asyncio.timeout(self.config.timeout):
                with self._errors(hear):
                    raw = await create(model=body["model"], messages=body["messages"], extra_body=rest)  # type: ignore
        except TimeoutError:
            raise self._late() from None
        hear(raw.headers)
        try:
            return read_reply(json.loads(raw.content))
        except (ValueError, RecursionError) as error:
            said = "the answer is no JSON" if isinstance(error, json.JSONDecodeError | UnicodeDecodeError) else error
            raise TransientError("BadAnswer", f"{self.config.url}: {said}") from None

    async def alive(self) -> bool:
        """Whether the endpoint answers at all: asked for its list of models, which costs nothing."""
        try:
            with self._errors():
                await self.openai.models.list(timeout=min(ALIVE_S, self.config.timeout))
        except TransientError:
            return False
        except SampleError:
            return True
        return True

    async def patiently(self, make: Callable[[], Awaitable[T]]) -> T:
        """What any other call gives, tried again where that may help. Raises PendingError where it did not, SampleError
        `Refused` for good, or a VidalError as `complete`."""
        for tries in range(1, ATTEMPTS + 1):
            try:
                with self._errors():
                    return await make()
            except TransientError as error:
                if tries == ATTEMPTS or (error.retry_after or 0.0) > PATIENCE:
                    raise PendingError(error.error_class, str(error), error.retry_after) from None
                await asyncio.sleep(max(backoff(tries), error.retry_after or 0.0))
        raise AssertionError("no try was made")

    @contextmanager
    def _errors(self, hear: Callable[[Mapping[str, str]], None] | None = None) -> Iterator[None]:
        """Translates the library's errors to ours."""
        import openai

        try:
            yield
        except openai.APIStatusError as error:
            if hear:
                hear(error.response.headers)
            raise self.refusal(error) from None
        except openai.APITimeoutError:
            raise self._late() from None
        except openai.APIConnectionError as error:
            raise TransientError("Unavailable", f"{self.config.url}: {self.line(error)}") from None

    def _late(self) -> TransientError:
        return TransientError("Timeout", f"{self.config.url}: no answer within {self.config.timeout:g} s")

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

    def no_batches(self, line: str) -> ConfigError:
        """The end of the run, where the endpoint takes no batches."""
        return ConfigError(f"{self.key}.batch: {self.config.url} takes no batches ({line}); leave `batch` out")

    def wrong(self, line: str) -> ConfigError:
        """The end of the run, where the endpoint refuses whatever it is asked."""
        config = self.config
        return ConfigError(
            f"{self.key}: {config.url} refuses the model {config.model}, the key in {config.api_key_env} or the form "
            f"of the request: {line}"
        )

    def line(self, error: Exception) -> str:
        """An error as one line without the secret."""
        return self.safe(str(error)) or type(error).__name__

    def safe(self, text: str) -> str:
        """What a stranger wrote, as one line without the secret."""
        lines = text.replace(self._secret, "***").strip().splitlines()
        return lines[0][:300] if lines else ""


async def _bound(response: Any) -> None:
    """Let no body be read beyond a limit."""
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

    results = response.request.url.path.endswith("/content")
    response.stream = Bounded(response.stream, RESULT_BYTES if results else ANSWER_BYTES)
