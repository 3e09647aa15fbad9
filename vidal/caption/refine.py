"""`caption/refine`: the video caption refined by a language model, and told as sound."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from vidal.caption import wording
from vidal.caption.config import RefineConfig
from vidal.caption.llm import Answer, Ask, Endpoint, Rejected, Unacceptable
from vidal.caption.llm.cache import RESPONSES
from vidal.engine.commits import Store
from vidal.engine.errors import ConfigError
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.engine.workspace import Workspace
from vidal.resources import locate, read_text
from vidal.text.words import printable

KEY = "caption.refine"
OPENING = "In the video, "
"""What the refined caption begins with in VIDAL-10M's shards; its loader asserts it."""
CHARACTERS = 1000
"""Longest text of a sample that is told."""
SURVEYED = 1000
"""Samples whose requests are looked at for a forecast."""
TEXTS = "harvest/screen"
USUAL = {"title": "", "hashtags": [], "mplug": "x" * 100, "ofa": ["x" * 50] * 8}
"""What a forecast takes for captions that are not made yet: their lengths."""
MOST_TAGS = 50
"""Most hashtags that are told."""
_BRACKETS = str.maketrans({"<": "‹", ">": "›"})
"""Servers of open models read their marks of turns (`<|im_end|>`) in any text."""


class Views(BaseModel):
    """The answer asked for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    polish_mplug: str
    sound_mplug: str


class Refine(Step):
    """The views `polish_mplug` and `sound_mplug`, the tokens they cost, the hash of the prompt that asked for them, and
    the names of the responses in the cache."""

    name = "caption/refine"
    version = 2
    kinds = frozenset({"video"})
    gate = "filter/verdicts"
    columns = {
        "polish_mplug": pa.string(),
        "sound_mplug": pa.string(),
        "prompt_tokens": pa.int64(),
        "answer_tokens": pa.int64(),
        "prompt_sha256": pa.string(),
        RESPONSES: pa.list_(pa.string()),
    }
    unpublished = (RESPONSES,)
    resources = Resources(cpus=0.5, batch_size=100_000, actor=True, workers=1)

    def __init__(self, config: RefineConfig, base: Path, workspace: Workspace, keyframes: bool) -> None:
        self.config = config
        self.endpoint = Endpoint(config, workspace, KEY)
        self.instructions = instructions(config, locate(config.prompt, base), keyframes)
        self.prompt_sha256 = hashlib.sha256(self.instructions.encode()).hexdigest()
        self.reads = (Read("caption/video", ("mplug",)), Read(TEXTS, ("title", "hashtags")))
        if keyframes:
            self.reads += (Read("caption/keyframes", ("ofa",)),)

    def settings(self) -> Mapping[str, Any]:
        config = self.config
        rules = {"language": config.language, "max_words": config.max_words}
        return {**config.settings(), **rules, "prompt_sha256": self.prompt_sha256}

    def forecast(self, ids: Iterable[str], stores: Mapping[str, Store]) -> tuple[str, ...]:
        wanted = frozenset(ids)
        rows = itertools.islice(self._rows(wanted, stores), SURVEYED)
        return self.endpoint.forecast(len(wanted), (self.ask(row) for row in rows))

    def _rows(self, wanted: frozenset[str], stores: Mapping[str, Store]) -> Iterator[dict[str, Any]]:
        """What is known of the samples, part by part; captions not made yet are taken to be of usual length."""
        columns = {read.step: read.columns for read in self.reads}
        pieces = {step: stores[step].pieces() for step in columns}
        for part in sorted(pieces[TEXTS]) if wanted else ():
            found = {step: stores[step].rows(pieces[step].get(part, ()), columns[step]) for step in columns}
            for id_ in sorted(wanted & found[TEXTS].keys()):
                known = [rows[id_].values for rows in found.values() if id_ in rows]
                told = {name: value for values in known for name, value in values.items() if value is not None}
                yield {**USUAL, **told}

    def spent(self) -> Mapping[str, float]:
        return self.endpoint.spent()

    def advice(self, pending: Mapping[str, int]) -> tuple[str, ...]:
        return self.endpoint.advice(pending)

    def setup(self) -> None:
        self.endpoint.open()

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        answers = self.endpoint.ask_all([self.ask(sample.columns) for sample in samples])
        return [self._result(sample, answer) for sample, answer in zip(samples, answers, strict=True)]

    def ask(self, row: Mapping[str, Any]) -> Ask[Views]:
        """The question about one sample: the instructions, and apart from them what is known of it, as JSON."""
        known = told(row)
        messages = [
            {"role": "system", "content": self.instructions},
            {"role": "user", "content": json.dumps(known, ensure_ascii=False)},
        ]
        own = [known["title"], known["video_caption"], *known["frame_captions"]]

        def accept(text: str) -> Views:
            return self._accepted(text, own, known["hashtags"])

        return Ask(messages, accept, Views.model_json_schema())

    def _accepted(self, text: str, own: Sequence[str], hashtags: Sequence[str]) -> Views:
        views = read_views(text)
        for name, opening in (("polish_mplug", OPENING), ("sound_mplug", "")):
            wanted = wording.Wanted(self.config.max_words, self.config.language, opening)
            if reason := wording.fault(getattr(views, name), wanted, own, hashtags, self.instructions):
                raise Unacceptable(f"{name}: {reason}")
        return views

    def _result(self, sample: Sample, answer: Answer[Views] | Exception) -> Result:
        if isinstance(answer, Exception):
            columns = self._spent(answer) if isinstance(answer, Rejected) else {}
            return replace(sample.failed(answer), columns=columns)
        return sample.ok({**answer.value.model_dump(), **self._spent(answer)})

    def _spent(self, answer: Answer[Views] | Rejected) -> dict[str, Any]:
        return {
            "prompt_tokens": answer.prompt_tokens,
            "answer_tokens": answer.answer_tokens,
            "prompt_sha256": self.prompt_sha256,
            RESPONSES: list(answer.responses),
        }


def told(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the model is told of a sample: each text on one line, without what is not seen, and not endless."""
    return {
        "title": _told(row["title"]),
        "hashtags": [_told(tag) for tag in (row["hashtags"] or ())[:MOST_TAGS]],
        "video_caption": _told(row["mplug"]),
        "frame_captions": [_told(caption) for caption in row.get("ofa") or ()],
    }


def read_views(text: str) -> Views:
    """The views of an answer, each with its spaces in order. Raises Unacceptable where it is no JSON object of them."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text.strip("`").removeprefix("json")
    try:
        views = Views.model_validate_json(text)
    except ValidationError:
        names = ", ".join(Views.model_fields)
        raise Unacceptable(f"it is no JSON object of the strings {names} alone") from None
    return Views(**{name: " ".join(value.split(" ")).strip() for name, value in views.model_dump().items()})


def instructions(config: RefineConfig, path: Path, keyframes: bool) -> str:
    """The instructions of a template, by a sandboxed Jinja that refuses names it was not given.

    Raises ConfigError, naming the file, for a template that cannot be rendered.
    """
    import jinja2
    import jinja2.sandbox

    language = wording.language_name(config.language)
    if language is None:
        raise ConfigError(f"{KEY}.language: {config.language!r} is no language that can be told from others")
    given = {"language": language, "max_words": config.max_words, "keyframes": keyframes}
    environment = jinja2.sandbox.SandboxedEnvironment(undefined=jinja2.StrictUndefined, trim_blocks=True)
    try:
        text = environment.from_string(read_text(path)).render(**given).strip()
    except ConfigError:
        raise
    except Exception as error:  # a template computes, so it may raise anything
        raise ConfigError(f"{path}: {error}; a prompt is given {', '.join(given)}") from error
    if not text:
        raise ConfigError(f"{path}: the prompt is empty")
    return text


def _told(text: str | None) -> str:
    return printable((text or "")[: 4 * CHARACTERS]).translate(_BRACKETS)[:CHARACTERS]
