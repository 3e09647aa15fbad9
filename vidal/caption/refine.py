"""`caption/refine`: the video caption refined by a language model, and told as sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal.caption.config import RefineConfig
from vidal.caption.llm import Llm
from vidal.engine.errors import ConfigError
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.resources import locate, read_text

VIEWS = ("polish_mplug", "sound_mplug")
EMPTY = {"title": "", "hashtags": [], "video_caption": "", "frame_captions": []}
FULL = {"title": "A dog", "hashtags": ["dog"], "video_caption": "a dog runs", "frame_captions": ["a dog", "a dog"]}
"""The least and a usual sample: a template must render for both."""


class Refine(Step):
    """The views `polish_mplug` and `sound_mplug`, with the tokens they cost."""

    name = "caption/refine"
    kinds = frozenset({"video"})
    gate = "filter/verdicts"
    columns = {
        "polish_mplug": pa.string(),
        "sound_mplug": pa.string(),
        "prompt_tokens": pa.int64(),
        "answer_tokens": pa.int64(),
    }

    def __init__(self, config: RefineConfig, base: Path, keyframes: bool) -> None:
        self.config = config
        path = locate(config.prompt, base)
        self.template = read_text(path)
        check_template(self.template, path)
        self.reads = (Read("caption/video", ("mplug",)), Read("harvest/screen", ("title", "hashtags")))
        if keyframes:
            self.reads += (Read("caption/keyframes", ("ofa",)),)
        self.resources = Resources(cpus=0.5, threads=config.requests)

    def settings(self) -> Mapping[str, Any]:
        config = self.config
        return {"url": config.url, "model": config.model, "max_tokens": config.max_tokens, "prompt": self.template}

    def setup(self) -> None:
        self._llm = Llm(self.config.url, self.config.model, self.config.api_key_env, self.config.max_tokens)

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        return [self._one(sample) for sample in samples]

    def _one(self, sample: Sample) -> Result:
        prompt = render(self.template, told(sample.columns))
        views, asked, answered = self._llm.ask(prompt, VIEWS)
        return sample.ok({**views, "prompt_tokens": asked, "answer_tokens": answered})


def told(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a prompt is given of a sample. Every text is one line, so that none can pose as a line of the prompt."""
    return {
        "title": _one_line(row["title"]),
        "hashtags": [_one_line(tag) for tag in row["hashtags"] or ()],
        "video_caption": _one_line(row["mplug"]),
        "frame_captions": [_one_line(caption) for caption in row.get("ofa") or ()],
    }


def render(template: str, values: Mapping[str, Any]) -> str:
    """The prompt, by a sandboxed Jinja that refuses names it was not given."""
    import jinja2
    import jinja2.sandbox

    environment = jinja2.sandbox.SandboxedEnvironment(undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(template).render(**values)


def check_template(template: str, path: Path) -> None:
    """Raise ConfigError, naming the file, for a template that cannot be rendered."""
    try:
        for values in (EMPTY, FULL):
            render(template, values)
    except Exception as error:  # a template computes, so it may raise anything
        raise ConfigError(f"{path}: {error}; a prompt is given {', '.join(FULL)}") from error


def _one_line(text: str) -> str:
    return " ".join(text.split())
