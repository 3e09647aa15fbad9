"""The language model of the demo: OpenAI's chat completions, answered by a deterministic rewriter.

It reads the facts of the last user message that has any: the keys of a JSON object (`title`, `hashtags`,
`video_caption`, `frame_captions`), else lines `caption: …`, `frames: …`, `title: …`, `hashtags: …` and `sound: …`. It
writes one sentence from them: `In the video, …`, or, where the messages ask for sound, what is to be heard.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from typing import Any

from vidal.demo.language import sound_prompts, words
from vidal.demo.reply import Reply, Request, json_reply
from vidal.demo.scene import SOUNDS

PATH, MODELS_PATH = "/v1/chat/completions", "/v1/models"
MODEL = "demo-rewriter"
CREATED = 1_772_366_400
_FACTS = ("caption", "frames", "title", "hashtags", "sound")
_FACT = re.compile(rf"^\W*({'|'.join(_FACTS)})\b[^:\n]*:[ \t]*(\S.*?)\s*$", re.IGNORECASE | re.MULTILINE)
_KEYS = {"title": "title", "hashtags": "hashtags", "video_caption": "caption", "frame_captions": "frames"}
"""The keys of a JSON object of facts, and what each is called in lines."""
_KEY = re.compile(r'"([A-Za-z_]\w*)"\s*:')
_ABOUT_SOUND = re.compile(r"\b(sound|sounds|audio|hear|heard)\b", re.IGNORECASE)


def models(request: Request) -> Reply:
    """`GET /v1/models`."""
    if denied := _denied(request):
        return denied
    return json_reply(200, {"object": "list", "data": [_model_card()]})


def complete(request: Request, fault: int | None = None) -> Reply:
    """`POST /v1/chat/completions`; `fault` is the status of an error to answer in place of the completion."""
    if denied := _denied(request):
        return denied
    if fault is not None:
        return error(fault, "rate limit reached" if fault == 429 else "the server had an error", {"Retry-After": "1"})
    try:
        asked = json.loads(request.body)
        messages = [(m["role"], _text(m["content"])) for m in asked["messages"]]
        text = answer(messages, asked.get("response_format") or {"type": "text"})
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        return error(400, f"invalid request: {type(wrong).__name__}: {wrong}")
    if asked.get("stream"):
        return error(400, "streaming is not supported")
    prompt_tokens = sum(count_tokens(content) for _, content in messages)
    completion_tokens = count_tokens(text)
    return json_reply(
        200,
        {
            "id": "chatcmpl-" + hashlib.sha256(request.body).hexdigest()[:24],
            "object": "chat.completion",
            "created": CREATED,
            "model": asked.get("model", MODEL),
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text, "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": prompt_tokens + completion_tokens,
            },
        },
    )


def answer(messages: list[tuple[str, str]], response_format: dict[str, Any]) -> str:
    """The rewriter's text for (role, content) messages: a sentence, or JSON where the response format asks for it.

    With `json_schema` the JSON has the schema's properties; with `json_object` the keys that the instructions name as
    `"key": …`, or the one key `caption`.
    """
    said = [content for role, content in messages if role == "user"]
    if not said:
        raise ValueError("no user message")
    facts = next(filter(None, map(read_facts, reversed(said))), {})
    instructions = _FACT.sub("", "\n".join(text for _, text in messages if _json_facts(text) is None))
    if response_format["type"] == "text":
        return sound_sentence(facts) if _ABOUT_SOUND.search(instructions) else video_sentence(facts)
    if response_format["type"] == "json_object":
        keys = dict.fromkeys(_KEY.findall(instructions)) or {"caption": None}
        return json.dumps({key: _sentence(key, facts) for key in keys})
    return json.dumps(_fill(response_format["json_schema"]["schema"], facts))


def read_facts(message: str) -> dict[str, list[str]]:
    """The values of each kind of fact in a message, in order; a list value in a line is cut at `;` and `|`."""
    if (told := _json_facts(message)) is not None:
        return told
    facts: dict[str, list[str]] = {}
    for kind, value in _FACT.findall(message):
        parts = re.split(r"[;|]", value) if kind.lower() == "frames" else [value]
        facts.setdefault(kind.lower(), []).extend(part.strip(" .\"'[]") for part in parts)
    return facts


def _json_facts(message: str) -> dict[str, list[str]] | None:
    """The facts of a message that is a JSON object, None for any other."""
    try:
        told = json.loads(message)
        found = {_KEYS[key]: [value] if isinstance(value, str) else value for key, value in told.items() if value}
    except (ValueError, KeyError, AttributeError, RecursionError):
        return None
    return found if all(isinstance(text, str) for texts in found.values() for text in texts) else None


def video_sentence(facts: dict[str, list[str]]) -> str:
    """`In the video, …`: the caption, else what most frames show, else the words of the title."""
    if "caption" in facts:
        seen = facts["caption"][0]
    elif "frames" in facts:
        seen = Counter(facts["frames"]).most_common(1)[0][0]
    else:
        seen = " ".join(words(facts.get("title", ["something"])[0].split("#")[0])) or "something"
    seen = re.sub(r"^in the video,?\s*", "", seen, flags=re.IGNORECASE)
    return f"In the video, {seen[:1].lower()}{seen[1:]}."


def sound_sentence(facts: dict[str, list[str]]) -> str:
    """What is to be heard: the sound line, else the sound that title or hashtags name, else the thing that is seen."""
    prompts = dict(zip(SOUNDS, sound_prompts(), strict=True))
    hints = words(" ".join(facts.get("title", []) + facts.get("hashtags", [])))
    if "sound" in facts:
        heard = facts["sound"][0]
    else:
        named = next((prompts[word] for word in hints if word in prompts), None)
        heard = named or "the sound of " + video_sentence(facts).removeprefix("In the video, ").rstrip(".")
    return f"{heard[:1].upper()}{heard[1:]} can be heard."


def count_tokens(text: str) -> int:
    """Tokens as this model counts them: runs of word characters, and single marks."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def error(status: int, message: str, headers: dict[str, str] | None = None) -> Reply:
    """An error in OpenAI's form."""
    kinds = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "server_error")
    return json_reply(status, {"error": {"message": message, "type": kind, "param": None, "code": None}}, headers)


def _denied(request: Request) -> Reply | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return None if scheme == "Bearer" and key.strip() else error(401, "You didn't provide an API key.")


def _model_card() -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": CREATED, "owned_by": "vidal"}


def _text(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def _fill(schema: dict[str, Any], facts: dict[str, list[str]], key: str = "") -> Any:
    """A value that the JSON schema admits; strings under keys that speak of sound are sound sentences."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "string")
    if kind == "object":
        return {name: _fill(part, facts, name) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [_fill(schema.get("items", {}), facts, key)]
    if kind in ("integer", "number"):
        return 0
    if kind == "boolean":
        return True
    return _sentence(key, facts)


def _sentence(key: str, facts: dict[str, list[str]]) -> str:
    return sound_sentence(facts) if _ABOUT_SOUND.search(key.replace("_", " ")) else video_sentence(facts)
