from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.caption.llm import Ask, EndpointConfig, Rejected, Unacceptable, asks
from vidal.caption.llm.asks import Reply
from vidal.engine.errors import SampleError

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
USER = [{"role": "user", "content": "Tell."}]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=12,
)


def config(**changes):
    return EndpointConfig(**{"model": "m", "max_tokens": 77, **changes})


def ask(messages=USER, schema=None):
    return Ask(messages, str.upper, schema)


@pytest.mark.parametrize(
    ("response_format", "asked"),
    [
        ("json_schema", {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}),
        ("json_object", {"type": "json_object"}),
        ("text", None),
    ],
)
def test_json_is_asked_for_as_the_endpoint_knows_it(response_format, asked):
    body = asks.body_of(config(response_format=response_format), ask(schema=SCHEMA))
    assert body == {
        "model": "m",
        "messages": USER,
        "max_tokens": 77,
        "temperature": 0,
        **({"response_format": asked} if asked else {}),
    }
    assert "response_format" not in asks.body_of(config(response_format=response_format), ask())


def test_parameters_and_the_limit_are_sent_under_the_names_the_endpoint_knows():
    body = asks.body_of(config(limit_as="max_completion_tokens", parameters={"top_k": 5}), ask())
    assert body == {"model": "m", "messages": USER, "max_completion_tokens": 77, "top_k": 5}


def test_a_response_is_named_by_all_that_is_sent():
    def name(config, ask):
        return asks.name_of(config, asks.body_of(config, ask))

    known = name(config(), ask())
    assert known == name(config(api_key_env="OTHER", requests=3), Ask(USER, len))
    others = [
        name(config(url="http://other/v1"), ask()),
        name(config(model="n"), ask()),
        name(config(max_tokens=78), ask()),
        name(config(parameters={"temperature": 1}), ask()),
        name(config(), ask([{"role": "user", "content": "Tell!"}])),
        name(config(), ask(schema=SCHEMA)),
    ]
    assert len({known, *others}) == 7


@given(st.text())
def test_no_text_has_more_tokens_than_its_size(text):
    size = asks.size_of(asks.body_of(config(), ask([{"role": "user", "content": text}])))
    assert size >= len(text.encode(errors="surrogatepass"))


def test_a_repair_shows_the_answer_and_the_reason():
    first = ask(schema=SCHEMA)
    again = asks.repair_of(first, Reply("x" * 9999), "it is too long")
    assert again.messages[:1] == USER and again.schema == SCHEMA and again.accept is first.accept
    assert again.messages[1] == {"role": "assistant", "content": "x" * asks.QUOTED}
    assert "it is too long" in again.messages[2]["content"] and again.messages[2]["role"] == "user"
    assert asks.repair_of(first, Reply(""), "it is empty").messages[1]["content"]


def test_the_value_of_a_reply():
    assert asks.value_of(ask(), Reply("dog")) == "DOG"
    with pytest.raises(Unacceptable, match="max_tokens"):
        asks.value_of(ask(), Reply("dog", "length"))
    with pytest.raises(SampleError, match="declines"):
        asks.value_of(ask(), Reply("dog", "stop", refused=True))


@given(json_values)
def test_any_answer_is_a_reply_or_none(answer):
    try:
        reply = asks.read_reply(answer)
    except ValueError:
        return
    json.dumps(reply.record()).encode()


@given(json_values, json_values, json_values, json_values)
def test_any_completion_is_a_reply_that_can_be_kept(content, refusal, finish, usage):
    message = {"content": content, "refusal": refusal}
    answer = {"choices": [{"message": message, "finish_reason": finish}], "usage": usage}
    try:
        reply = asks.read_reply(answer)
    except ValueError:
        assert not isinstance(content, str | None)
        return
    assert Reply(**json.loads(json.dumps(reply.record(), ensure_ascii=False).encode())) == reply


def test_a_rejection_travels_between_processes():
    error = pickle.loads(pickle.dumps(Rejected("BadAnswer", "no", ("a", "b"), 3, None)))
    assert (error.error_class, str(error), error.responses) == ("BadAnswer", "no", ("a", "b"))
    assert (error.prompt_tokens, error.answer_tokens) == (3, None)
