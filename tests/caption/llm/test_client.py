"""What an endpoint may answer, and what each answer means."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback

import pytest

from tests.caption.endpoint import GOOD, KEY, KEY_ENV, Answer, Endpoint, completion, error
from vidal.caption.llm import EndpointConfig, client
from vidal.caption.llm.asks import Reply
from vidal.caption.llm.client import Client, Denied
from vidal.engine.errors import ConfigError, MissingError, SampleError, TransientError

BODY = {"model": "m", "messages": [{"role": "user", "content": "Tell.\n“Ünïcode”"}], "max_tokens": 77, "top_k": 5}
VIEWS = '{"polish": "a dog"}'


def made(url, **changes):
    return Client(EndpointConfig(**{"url": url, "model": "m", "api_key_env": KEY_ENV, **changes}), "caption.refine")


def complete(url, hear=lambda headers: None, **changes):
    async def once():
        return await made(url, **changes).complete(BODY, hear)

    return asyncio.run(once())


def choice(**changes):
    """A choice whose message or finish reason is changed."""
    message = {"role": "assistant", "content": VIEWS, **changes.pop("message", {})}
    return {"index": 0, "finish_reason": "stop", "message": message, **changes}


def test_the_body_is_sent_as_it_is_with_the_key(endpoint):
    endpoint.answers = [completion(VIEWS)]
    assert complete(endpoint.url) == Reply(VIEWS, "stop", False, 31, 12)
    ((headers, body),) = endpoint.requests
    assert body == BODY and headers["authorization"] == f"Bearer {KEY}"


def test_the_headers_of_every_answer_are_heard(endpoint):
    heard = []
    endpoint.answers = [Answer(200, completion(VIEWS).body, {"x-ratelimit-remaining-requests": "7"})]
    complete(endpoint.url, heard.append)
    endpoint.answers = [error(429, x_ratelimit_remaining_requests="0")]
    with pytest.raises(TransientError):
        complete(endpoint.url, heard.append)
    assert [headers["x-ratelimit-remaining-requests"] for headers in heard] == ["7", "0"]


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (None, (None, None)),
        ([], (None, None)),
        ({}, (None, None)),
        ({"prompt_tokens": 5}, (5, None)),
        ({"prompt_tokens": "many", "completion_tokens": 3}, (None, 3)),
        ({"prompt_tokens": -1, "completion_tokens": 10**30}, (None, None)),
        ({"prompt_tokens": True, "completion_tokens": 1.5}, (None, None)),
    ],
)
def test_tokens_that_are_not_told_are_null(endpoint, usage, counts):
    endpoint.answers = [completion(VIEWS, usage=usage)]
    reply = complete(endpoint.url)
    assert (reply.prompt_tokens, reply.answer_tokens) == counts


@pytest.mark.parametrize(
    ("answered", "reply"),
    [
        (choice(message={"content": None, "refusal": "I cannot help."}), Reply("", "stop", True, 31, 12)),
        (choice(finish_reason="content_filter"), Reply(VIEWS, "content_filter", True, 31, 12)),
        (choice(finish_reason="length"), Reply(VIEWS, "length", False, 31, 12)),
        (choice(finish_reason=7), Reply(VIEWS, None, False, 31, 12)),
        (choice(message={"content": None}), Reply("", "stop", False, 31, 12)),
        (choice(message={"content": "half \ud800 a character"}), Reply("half ? a character", "stop", False, 31, 12)),
    ],
)
def test_a_completion_is_a_reply_whatever_it_says(endpoint, answered, reply):
    endpoint.answers = [completion(VIEWS, choices=[answered])]
    assert complete(endpoint.url) == reply


BAD = {
    "no choice": completion(VIEWS, choices=[]),
    "null choices": completion(VIEWS, choices=None),
    "choices of text": completion(VIEWS, choices="none"),
    "no message": completion(VIEWS, choices=[{"index": 0, "finish_reason": "stop"}]),
    "content of parts": completion(VIEWS, choices=[choice(message={"content": [{"type": "text", "text": "{}"}]})]),
    "a page": Answer(200, b"<html>Please log in</html>", {"Content-Type": "text/html"}),
    "nothing": Answer(200, b""),
    "no JSON": Answer(200, b"{not json"),
    "no text": Answer(200, b"\xff\xfe\x00"),
    "null": Answer(200, b"null"),
    "a JSON list": Answer(200, b"[]"),
    "nested for ever": Answer(200, b"[" * 100_000),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_completion_may_be_one_the_next_time(endpoint, name):
    endpoint.answers = [BAD[name]]
    with pytest.raises(TransientError) as caught:
        complete(endpoint.url)
    assert caught.value.error_class == "BadAnswer" and endpoint.url in str(caught.value)
    assert "\n" not in str(caught.value) and len(endpoint.requests) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_refused_is_refused_for_good(endpoint, status):
    endpoint.answers = [error(status, "the prompt was flagged")]
    with pytest.raises(SampleError, match="was flagged") as caught:
        complete(endpoint.url)
    assert caught.value.error_class == "Refused"
    assert not isinstance(caught.value, TransientError | Denied)


@pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 503, 504, 529, 0])
def test_trouble_of_the_endpoint_passes(endpoint, status):
    endpoint.answers = [Answer(status, b"<h1>Trouble</h1>")]
    with pytest.raises(TransientError) as caught:
        complete(endpoint.url)
    assert caught.value.error_class == "Unavailable" and endpoint.url in str(caught.value)
    assert len(endpoint.requests) == 1


def test_an_endpoint_that_never_answers_is_late(endpoint):
    endpoint.answers = [Answer(-1)]
    with pytest.raises(TransientError, match=r"no answer within 0\.2 s") as caught:
        complete(endpoint.url, timeout=0.2)
    assert caught.value.error_class == "Timeout"


def test_an_endpoint_that_is_not_there_is_unavailable(endpoint):
    endpoint.server.server_close()
    with pytest.raises(TransientError) as caught:
        complete(endpoint.url)
    assert caught.value.error_class == "Unavailable"


def test_an_answer_without_end_is_not_read(endpoint, monkeypatch):
    monkeypatch.setattr(client, "ANSWER_BYTES", 1000)
    endpoint.answers = [completion("x" * 1000)]
    with pytest.raises(TransientError) as caught:
        complete(endpoint.url)
    assert caught.value.error_class == "Unavailable"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "17"}, 17.0),
        ({"Retry-After": "0"}, 0.0),
        ({"retry-after-ms": "250", "Retry-After": "1"}, 0.25),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "\xb2"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize(("status", "error_class"), [(429, "RateLimited"), (503, "Unavailable")])
def test_a_wait_is_passed_on(endpoint, status, error_class, headers, wait):
    endpoint.answers = [error(status, **headers)]
    with pytest.raises(TransientError) as caught:
        complete(endpoint.url)
    assert (caught.value.error_class, caught.value.retry_after) == (error_class, wait)


def test_a_wrong_key_ends_the_run(endpoint):
    endpoint.answers = [error(401, "no such key")]
    with pytest.raises(ConfigError) as caught:
        complete(endpoint.url)
    said = str(caught.value)
    assert said.startswith(f"caption.refine: {endpoint.url} refuses the model m, the key in {KEY_ENV}")
    assert "no such key" in said


@pytest.mark.parametrize("status", [403, 404])
def test_what_may_be_wrong_with_the_model_or_the_request_is_told_apart_later(endpoint, status):
    endpoint.answers = [error(status, "no such thing")]
    with pytest.raises(Denied, match="no such thing"):
        complete(endpoint.url)


def test_an_account_without_credit_ends_the_run(endpoint):
    endpoint.answers = [error(429, "You exceeded your current quota", code="insufficient_quota")]
    with pytest.raises(MissingError, match=f"the account behind {KEY_ENV} has no credit left"):
        complete(endpoint.url)


@pytest.mark.parametrize("key", [None, "", "  \n"])
def test_a_key_that_is_not_set_is_named(endpoint, monkeypatch, key):
    if key is None:
        monkeypatch.delenv(KEY_ENV)
    else:
        monkeypatch.setenv(KEY_ENV, key)
    with pytest.raises(MissingError, match=f"caption.refine: the environment variable {KEY_ENV}"):
        made(endpoint.url)


def test_white_space_around_the_key_is_not_sent(endpoint, monkeypatch):
    monkeypatch.setenv(KEY_ENV, f" {KEY}\n")
    complete(endpoint.url)
    assert endpoint.requests[0][0]["authorization"] == f"Bearer {KEY}"


ECHOES = [error(status, f"Incorrect API key: Bearer {KEY}") for status in (400, 401, 403, 404, 429, 500)]
ECHOES += [
    Answer(500, f"trouble with {KEY}\nand more of it {KEY}".encode(), {"Content-Type": "text/plain"}),
    Answer(400, f"{KEY} {KEY}".encode(), {"Content-Type": "text/plain"}),
    Answer(200, f"<html>{KEY}</html>".encode(), {"Content-Type": "text/html"}),
    Answer(200, f"{{{KEY}".encode()),
    error(429, KEY, code="insufficient_quota"),
]


@pytest.mark.parametrize("answer", ECHOES)
def test_the_key_is_in_no_message_and_no_log_even_if_the_endpoint_repeats_it(endpoint, caplog, answer):
    caplog.set_level(logging.DEBUG)
    endpoint.answers = [answer]
    with pytest.raises((SampleError, ConfigError, MissingError)) as caught:
        complete(endpoint.url)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert caplog.records and KEY not in caplog.text
    assert endpoint.requests[0][0]["authorization"] == f"Bearer {KEY}"


def test_the_key_is_in_no_log_of_a_good_answer(endpoint, caplog):
    caplog.set_level(logging.DEBUG)
    complete(endpoint.url)
    assert caplog.records and KEY not in caplog.text


def test_a_redirect_to_another_host_is_not_told_the_key(endpoint):
    with Endpoint() as other:
        endpoint.answers = [Answer(307, b"", {"Location": f"{other.url}/chat/completions"})]
        assert complete(endpoint.url).text == json.loads(GOOD.body)["choices"][0]["message"]["content"]
    ((headers, _),) = other.requests
    assert "authorization" not in headers and KEY not in str(headers)


def test_the_client_itself_never_tries_again(endpoint):
    endpoint.answers = [error(500), GOOD]
    with pytest.raises(TransientError):
        complete(endpoint.url)
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("models", "alive"),
    [(Answer(200, b'{"data": []}'), True), (error(404), True), (error(502), False), (Answer(0), False)],
)
def test_an_endpoint_is_there_if_it_answers_at_all(endpoint, models, alive):
    endpoint.models = models

    async def once():
        return await made(endpoint.url).alive()

    assert asyncio.run(once()) is alive
