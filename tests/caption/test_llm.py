"""What an endpoint may answer, and what each answer means."""

from __future__ import annotations

import json
import logging
import traceback

import pytest

from tests.caption.endpoint import GOOD, KEY, KEY_ENV, Answer, Endpoint, completion, error
from vidal.caption import llm
from vidal.caption.llm import LONGEST_WAIT, Llm
from vidal.engine.errors import ConfigError, MissingError, SampleError, TransientError

KEYS = ("polish", "sound")
VIEWS = {"polish": "In the video, a dog runs.", "sound": "A dog barks."}


@pytest.fixture
def model(endpoint):
    return Llm(endpoint.url, "m", KEY_ENV, max_tokens=77)


def choice(**changes):
    """A choice whose message or finish reason is changed."""
    message = {"role": "assistant", "content": json.dumps(VIEWS), **changes.pop("message", {})}
    return {"index": 0, "finish_reason": "stop", "message": message, **changes}


def test_the_request_is_a_chat_completion_in_json_mode(endpoint, model):
    endpoint.answers = [completion(VIEWS)]
    assert model.ask("Tell.\n“Ünïcode”", KEYS) == (VIEWS, 31, 12)
    ((headers, body),) = endpoint.requests
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "Tell.\n“Ünïcode”"}],
        "response_format": {"type": "json_object"},
        "temperature": 0,
        "max_tokens": 77,
    }


def test_each_text_becomes_one_line_and_other_keys_are_dropped(endpoint, model):
    endpoint.answers = [completion({"polish": "  a\n\n b\t", "sound": "c\u2028d", "more": [1]})]
    assert model.ask("p", KEYS)[0] == {"polish": "a b", "sound": "c d"}


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (None, (None, None)),
        ({}, (None, None)),
        ({"prompt_tokens": 5}, (5, None)),
        ({"prompt_tokens": "many", "completion_tokens": 3}, (None, 3)),
    ],
)
def test_tokens_that_are_not_told_are_null(endpoint, model, usage, counts):
    endpoint.answers = [completion(VIEWS, usage=usage)]
    assert model.ask("p", KEYS)[1:] == counts


PAGE = Answer(200, b"<html>Please log in</html>", {"Content-Type": "text/html"})
BAD = {
    "no choice": completion(VIEWS, choices=[]),
    "null choices": completion(VIEWS, choices=None),
    "choices of text": completion(VIEWS, choices="none"),
    "no message": completion(VIEWS, choices=[{"index": 0, "finish_reason": "stop"}]),
    "null content": completion(VIEWS, choices=[choice(message={"content": None})]),
    "content of parts": completion(VIEWS, choices=[choice(message={"content": [{"type": "text", "text": "{}"}]})]),
    "prose": completion("Sure! Here is the JSON you asked for."),
    "fenced": completion("```json\n{}\n```"),
    "a list": completion([VIEWS]),
    "a number": completion("7"),
    "a key is missing": completion({"polish": "a"}),
    "a value is null": completion({"polish": "a", "sound": None}),
    "a value is a list": completion({"polish": "a", "sound": ["b"]}),
    "a value is a number": completion({"polish": "a", "sound": 7}),
    "a value is empty": completion({"polish": "a", "sound": " \n "}),
    "half a character": completion('{"polish": "a", "sound": "\\ud800"}'),
    "nested for ever": completion("[" * 100_000),
    "cut short": completion(VIEWS, choices=[choice(finish_reason="length")]),
    "a page": PAGE,
    "nothing": Answer(200, b""),
    "no JSON": Answer(200, b"{not json"),
    "no text": Answer(200, b"\xff\xfe\x00"),
    "null": Answer(200, b"null"),
    "a JSON list": Answer(200, b"[]"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_answer_that_is_not_what_was_asked_is_bad(endpoint, model, name):
    endpoint.answers = [BAD[name]]
    with pytest.raises(SampleError) as caught:
        model.ask("p", KEYS)
    assert caught.value.error_class == "BadAnswer" and not isinstance(caught.value, TransientError)
    assert "\n" not in str(caught.value) and len(endpoint.requests) == 1


def test_an_answer_cut_short_names_the_fix(endpoint, model):
    endpoint.answers = [BAD["cut short"]]
    with pytest.raises(SampleError, match=r"raise caption\.refine\.max_tokens"):
        model.ask("p", KEYS)


@pytest.mark.parametrize(
    "answer",
    [
        completion(VIEWS, choices=[choice(message={"content": None, "refusal": "I cannot help with that."})]),
        completion(VIEWS, choices=[choice(finish_reason="content_filter", message={"content": None})]),
        error(400, "the prompt was flagged"),
        error(422, "unprocessable"),
        error(413, "too large"),
    ],
)
def test_what_is_declined_is_refused_for_good(endpoint, model, answer):
    endpoint.answers = [answer]
    with pytest.raises(SampleError) as caught:
        model.ask("p", KEYS)
    assert caught.value.error_class == "Refused" and not isinstance(caught.value, TransientError)


@pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 503, 504, 529, 0])
def test_trouble_of_the_endpoint_passes(endpoint, model, status):
    endpoint.answers = [Answer(status, b"<h1>Trouble</h1>")]
    with pytest.raises(TransientError) as caught:
        model.ask("p", KEYS)
    assert caught.value.error_class == "Unavailable" and endpoint.url in str(caught.value)
    assert len(endpoint.requests) == 1


def test_an_endpoint_that_never_answers_is_unavailable(endpoint, monkeypatch):
    monkeypatch.setattr(llm, "TIMEOUT", 0.2)
    endpoint.answers = [Answer(-1)]
    with pytest.raises(TransientError, match="timed out") as caught:
        Llm(endpoint.url, "m", KEY_ENV, 10).ask("p", KEYS)
    assert caught.value.error_class == "Unavailable"


def test_an_endpoint_that_is_not_there_is_unavailable(endpoint):
    endpoint.server.server_close()
    with pytest.raises(TransientError) as caught:
        Llm(endpoint.url, "m", KEY_ENV, 10).ask("p", KEYS)
    assert caught.value.error_class == "Unavailable"


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("17", 17.0),
        ("0", 0.0),
        ("9" * 400, LONGEST_WAIT),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("-3", None),
        ("\xb2", None),
        ("nan", None),
        ("", None),
    ],
)
@pytest.mark.parametrize(("status", "error_class"), [(429, "RateLimited"), (503, "Unavailable")])
def test_a_wait_in_seconds_is_passed_on(endpoint, model, status, error_class, asked, wait):
    endpoint.answers = [error(status, Retry_After=asked)]
    with pytest.raises(TransientError) as caught:
        model.ask("p", KEYS)
    assert (caught.value.error_class, caught.value.retry_after) == (error_class, wait)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_key_or_model_ends_the_run(endpoint, model, status):
    endpoint.answers = [error(status, "no such thing")]
    with pytest.raises(ConfigError) as caught:
        model.ask("p", KEYS)
    said = str(caught.value)
    assert said.startswith(f"caption.refine: {endpoint.url} refuses the model m or the key") and "no such thing" in said


@pytest.mark.parametrize("key", [None, "", "  \n"])
def test_a_key_that_is_not_set_is_named(endpoint, monkeypatch, key):
    if key is None:
        monkeypatch.delenv(KEY_ENV)
    else:
        monkeypatch.setenv(KEY_ENV, key)
    with pytest.raises(MissingError, match=KEY_ENV):
        Llm(endpoint.url, "m", KEY_ENV, 10)


def test_white_space_around_the_key_is_not_sent(endpoint, monkeypatch):
    monkeypatch.setenv(KEY_ENV, f" {KEY}\n")
    endpoint.answers = [completion(VIEWS)]
    Llm(endpoint.url, "m", KEY_ENV, 10).ask("p", KEYS)
    assert endpoint.requests[0][0]["authorization"] == f"Bearer {KEY}"


ECHOES = [error(status, f"Incorrect API key: Bearer {KEY}") for status in (400, 401, 403, 404, 429, 500)]
ECHOES += [
    Answer(500, f"trouble with {KEY}\nand more of it {KEY}".encode(), {"Content-Type": "text/plain"}),
    Answer(400, f"{KEY} {KEY}".encode(), {"Content-Type": "text/plain"}),
    Answer(200, f"<html>{KEY}</html>".encode(), {"Content-Type": "text/html"}),
    Answer(200, f"{{{KEY}".encode()),
    completion(f"no JSON but {KEY}"),
]


@pytest.mark.parametrize("answer", ECHOES)
def test_the_key_is_in_no_message_and_no_log_even_if_the_endpoint_repeats_it(endpoint, model, caplog, answer):
    caplog.set_level(logging.DEBUG)
    endpoint.answers = [answer]
    with pytest.raises((SampleError, ConfigError)) as caught:
        model.ask("p", KEYS)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert caplog.records and KEY not in caplog.text
    assert endpoint.requests[0][0]["authorization"] == f"Bearer {KEY}"


def test_the_key_is_in_no_log_of_a_good_answer(endpoint, model, caplog):
    caplog.set_level(logging.DEBUG)
    endpoint.answers = [completion(VIEWS)]
    model.ask("p", KEYS)
    assert caplog.records and KEY not in caplog.text


def test_a_redirect_to_another_host_is_not_told_the_key(endpoint, model):
    with Endpoint() as other:
        other.answers = [completion(VIEWS)]
        endpoint.answers = [Answer(307, b"", {"Location": f"{other.url}/chat/completions"})]
        assert model.ask("p", KEYS)[0] == VIEWS
    ((headers, _),) = other.requests
    assert "authorization" not in headers and KEY not in str(headers)


def test_the_client_itself_never_tries_again(endpoint, model):
    endpoint.answers = [error(500), GOOD]
    with pytest.raises(TransientError):
        model.ask("p", KEYS)
    assert len(endpoint.requests) == 1
