"""What is asked of a model and what comes of it: values and pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from vidal.caption.llm.config import EndpointConfig
from vidal.engine.errors import SampleError
from vidal.engine.fingerprint import canonical

T = TypeVar("T")
MOST_TOKENS = 10**7
"""A count of tokens above this is not believed."""
FINISHES = ("stop", "length", "content_filter")
"""The reasons for the end of an answer that mean something here."""
PICTURE = 8500
"""The most tokens that are known to be charged for a keyframe of short side 256: those of gpt-4o-mini, 2,833 and 5,667
for each tile of 512 pixels (OpenAI's guide to images and vision)."""
QUOTED = 2000
"""Characters of an unacceptable answer that its author is shown again."""


class Unacceptable(Exception):
    """An answer that cannot be used. The reason is one sentence that the model is told, without words of a sample."""


@dataclass(frozen=True)
class Ask(Generic[T]):
    """A question to the model: chat messages, whose content is a text or a list of parts.

    `accept` gives the value of an answer's text or raises Unacceptable, whereupon one repair is asked for. It depends
    on the text alone. `schema` is the JSON schema of the answer, None for plain text.
    """

    messages: Sequence[Mapping[str, Any]]
    accept: Callable[[str], T]
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Reply:
    """A completion as it was received and paid for; token counts are null where the endpoint does not tell them."""

    text: str
    finish: str | None = None
    refused: bool = False
    prompt_tokens: int | None = None
    answer_tokens: int | None = None

    def record(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Answer(Generic[T]):
    """The value of an answer, and what it has cost whenever it was asked, a rejected one before it included.

    Tokens are null where the endpoint does not tell them, `cost`, in dollars, also without a price. `cached` says that
    nothing was asked now. `responses` names what the cache holds of it.
    """

    value: T
    prompt_tokens: int | None
    answer_tokens: int | None
    cost: float | None
    cached: bool
    responses: tuple[str, ...]


class Rejected(SampleError):
    """The model has answered, and no answer can be used. `responses` names what the cache holds of them."""

    def __init__(
        self,
        error_class: str,
        message: str,
        responses: tuple[str, ...],
        prompt_tokens: int | None,
        answer_tokens: int | None,
    ) -> None:
        super().__init__(error_class, message)
        self.responses = responses
        self.prompt_tokens, self.answer_tokens = prompt_tokens, answer_tokens

    def __reduce__(self) -> tuple[object, ...]:
        args = (self.error_class, str(self), self.responses, self.prompt_tokens, self.answer_tokens)
        return type(self), args


def body_of(config: EndpointConfig, ask: Ask[Any]) -> dict[str, Any]:
    """The body of the request for a chat completion."""
    body = {
        "model": config.model,
        "messages": list(ask.messages),
        config.limit_as: config.max_tokens,
        **config.parameters,
    }
    if ask.schema is not None and config.response_format == "json_schema":
        schema = {"name": "answer", "strict": True, "schema": ask.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif ask.schema is not None and config.response_format == "json_object":
        body["response_format"] = {"type": "json_object"}
    return body


def name_of(config: EndpointConfig, body: Mapping[str, Any]) -> str:
    """The name of a request's response in the cache: a hash of the endpoint's address and of all that is sent but the
    key."""
    return hashlib.sha256(canonical({"url": config.url, "body": body}).encode()).hexdigest()


def size_of(body: Mapping[str, Any]) -> int:
    """The bytes of what is said in a request: no tokeniser makes more tokens of a text than it has bytes. A picture
    counts as PICTURE bytes, since its price has nothing to do with those of its file."""
    shown = sum(len(_pictures(message)) for message in body["messages"])
    said = [{**message, "content": _words(message)} for message in body["messages"]]
    return len(canonical([said, body.get("response_format")]).encode()) + PICTURE * shown


def repair_of(ask: Ask[T], reply: Reply, reason: str) -> Ask[T]:
    """The question asked again, after an answer that was not acceptable."""
    said = {"role": "assistant", "content": reply.text[:QUOTED] or "(nothing)"}
    wish = f"This answer is not acceptable: {reason}. Answer again, and follow all instructions."
    return Ask([*ask.messages, said, {"role": "user", "content": wish}], ask.accept, ask.schema)


def value_of(ask: Ask[T], reply: Reply) -> T:
    """The value of a reply. Raises Unacceptable, or SampleError `Refused` where the model declines."""
    if reply.refused:
        raise SampleError("Refused", "the model declines to answer")
    if reply.finish == "length":
        raise Unacceptable("it was cut at max_tokens; be brief")
    return ask.accept(reply.text)


def read_reply(answer: Any) -> Reply:
    """The reply in a chat completion, given as parsed JSON from a stranger. Raises ValueError where it is none."""
    try:
        choice = answer["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        text, refusal = message.get("content"), message.get("refusal")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ValueError("the answer is no chat completion with a choice") from None
    if not isinstance(text, str | None):
        raise ValueError("the answer's content is no text")
    usage = answer.get("usage")
    return Reply(
        text=(text or "").encode(errors="replace").decode(),
        finish=next((known for known in FINISHES if known == finish), None),
        refused=bool(refusal) or finish == "content_filter",
        prompt_tokens=_count(usage, "prompt_tokens"),
        answer_tokens=_count(usage, "completion_tokens"),
    )


def _pictures(message: Mapping[str, Any]) -> list[Any]:
    content = message["content"]
    return [] if isinstance(content, str) else [part for part in content if part["type"] == "image_url"]


def _words(message: Mapping[str, Any]) -> Any:
    content = message["content"]
    return content if isinstance(content, str) else [part for part in content if part["type"] != "image_url"]


def _count(usage: Any, name: str) -> int | None:
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if type(count) is int and 0 <= count <= MOST_TOKENS else None
