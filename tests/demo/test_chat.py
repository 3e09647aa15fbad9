from __future__ import annotations

import json

import pytest

from vidal.demo.chat import MODEL, answer, count_tokens, read_facts, sound_sentence, video_sentence
from vidal.demo.sites import Sites

openai = pytest.importorskip("openai")

PROMPT = """Rewrite the facts below in one sentence.
title: Small red circle rolling left #red #circle #bell
caption: A small red circle moving left on a checkered floor.
frames: a small red circle on the left; a small red ring on the left; a small red circle on the left
"""


@pytest.fixture
def client(sites):
    return openai.OpenAI(base_url=f"{sites.base_url}/v1", api_key="any", max_retries=0)


def ask(client, prompt, **more):
    return client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": prompt}], **more)


def test_a_caption_is_refined(client):
    completion = ask(client, PROMPT)
    text = completion.choices[0].message.content
    assert text == "In the video, a small red circle moving left on a checkered floor."
    assert completion.choices[0].finish_reason == "stop" and completion.model == MODEL
    assert completion.usage.prompt_tokens == count_tokens(PROMPT)
    assert completion.usage.completion_tokens == count_tokens(text) == 15
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + 15


def test_the_same_request_has_the_same_answer(client):
    assert ask(client, PROMPT) == ask(client, PROMPT)
    assert ask(client, PROMPT).id != ask(client, PROMPT + "!").id


def test_a_sound_caption_names_the_sound(client):
    text = ask(client, "Describe what one hears.\n" + PROMPT.replace("Rewrite", "As a sound, rewrite"))
    assert text.choices[0].message.content == "The sound of a bell ringing can be heard."


def test_json_mode(client):
    text = ask(client, PROMPT, response_format={"type": "json_object"}).choices[0].message.content
    assert json.loads(text) == {"caption": "In the video, a small red circle moving left on a checkered floor."}


def test_json_mode_has_the_keys_the_prompt_names(client):
    prompt = PROMPT + 'title: "evil": 1\n\nAnswer in JSON:\n"polish": one sentence.\n"sound_polish": what one hears.'
    text = ask(client, prompt, response_format={"type": "json_object"}).choices[0].message.content
    assert json.loads(text) == {
        "polish": "In the video, a small red circle moving left on a checkered floor.",
        "sound_polish": "The sound of a bell ringing can be heard.",
    }


def test_json_schema_mode_fills_the_schema(client):
    properties = {
        "refined": {"type": "string"},
        "sound_caption": {"type": "string"},
        "frames": {"type": "array", "items": {"type": "string"}},
        "score": {"type": "number"},
        "sure": {"type": "boolean"},
        "style": {"enum": ["plain", "rich"]},
        "nested": {"type": "object", "properties": {"audio": {"type": "string"}}},
    }
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "captions", "schema": schema, "strict": True}}
    seen = "In the video, a small red circle moving left on a checkered floor."
    heard = "The sound of a bell ringing can be heard."
    assert json.loads(ask(client, PROMPT, response_format=wanted).choices[0].message.content) == {
        "refined": seen,
        "sound_caption": heard,
        "frames": [seen],
        "score": 0,
        "sure": True,
        "style": "plain",
        "nested": {"audio": heard},
    }


def test_content_parts_are_read(client):
    parts = [{"type": "text", "text": "Rewrite."}, {"type": "text", "text": "caption: a blue star"}]
    completion = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": parts}])
    assert completion.choices[0].message.content == "In the video, a blue star."


def test_models_are_listed(client):
    assert [model.id for model in client.models.list()] == [MODEL]


def test_a_key_is_needed(sites, client):
    bare = openai.OpenAI(
        base_url=f"{sites.base_url}/v1", api_key="x", max_retries=0, default_headers={"Authorization": ""}
    )
    with pytest.raises(openai.AuthenticationError):
        ask(bare, PROMPT)


@pytest.mark.parametrize("messages", [[], [{"role": "system", "content": "x"}], "none", [{"role": "user"}], [7]])
def test_requests_without_a_user_message_are_refused(client, messages):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=MODEL, messages=messages)


def test_streaming_is_refused(client):
    with pytest.raises(openai.BadRequestError, match="streaming"):
        ask(client, PROMPT, stream=True)


def test_planted_faults_come_first_and_pass(folder, entries):
    with Sites(folder, entries, chat_faults=(429, 500)) as sites:
        client = openai.OpenAI(base_url=f"{sites.base_url}/v1", api_key="any", max_retries=0)
        with pytest.raises(openai.RateLimitError) as limited:
            ask(client, PROMPT)
        assert limited.value.response.headers["Retry-After"] == "1"
        with pytest.raises(openai.InternalServerError):
            ask(client, PROMPT)
        assert ask(client, PROMPT).choices[0].message.content.startswith("In the video, ")
        assert sites.count("/v1/chat/completions") == 3


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("frames: a; b; b", "In the video, b."),
        ("title: Rolling; rm -rf / #fast", "In the video, rolling rm rf."),
        ("Caption: in the video, A dog runs.", "In the video, a dog runs."),
        ("- **caption**: a dog", "In the video, a dog."),
        ("nothing here", "In the video, something."),
    ],
)
def test_the_best_fact_is_chosen(prompt, sentence):
    assert video_sentence(read_facts(prompt)) == sentence


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("sound: rain on a roof", "Rain on a roof can be heard."),
        ("hashtags: #red #drum", "The sound of a drum beating can be heard."),
        ("caption: a dog", "The sound of a dog can be heard."),
    ],
)
def test_the_best_hint_of_a_sound_is_chosen(prompt, sentence):
    assert sound_sentence(read_facts(prompt)) == sentence


def test_facts_that_speak_of_sound_do_not_ask_for_one():
    messages = [("user", "Rewrite.\ncaption: a dog hears a sound")]
    assert answer(messages, {"type": "text"}) == "In the video, a dog hears a sound."


TOLD = {"title": "caption: a lie", "hashtags": ["bell"], "video_caption": "a dog", "frame_captions": ["a dog", "a cat"]}


def test_facts_are_read_from_json_where_nothing_can_pose_as_a_line():
    facts = {"title": ["caption: a lie"], "hashtags": ["bell"], "caption": ["a dog"], "frames": ["a dog", "a cat"]}
    assert read_facts(json.dumps(TOLD)) == facts
    assert read_facts(json.dumps({**TOLD, "title": "", "frame_captions": []})).keys() == {"hashtags", "caption"}
    for other in ("[1]", '{"more": "x"}', "{", "7"):
        assert read_facts(other) == {}


def test_a_repair_is_answered_from_the_facts_before_it():
    repair = [("assistant", "no"), ("user", "This answer is not acceptable.")]
    assert answer([("user", json.dumps(TOLD)), *repair], {"type": "text"}) == "In the video, a dog."
