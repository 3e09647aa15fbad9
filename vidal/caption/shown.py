"""What captioners are shown of a sample and asked about it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from vidal import models
from vidal.caption.config import CaptionerConfig
from vidal.engine.errors import ConfigError, SampleError
from vidal.engine.step import Sample
from vidal.media.images import decode_image
from vidal.models.options import Options
from vidal.resources import locate, read_text


def decoded(sample: Sample) -> list[np.ndarray]:
    """The keyframes, uint8 [H, W, 3], in their order. Raises SampleError where there is none, or one is damaged."""
    frames = [decode_image(sample.members[name]) for name in sorted(sample.members)]
    if not frames:
        raise SampleError("NoKeyframes", "the clip has no keyframes")
    return frames


def hint(sample: Sample) -> str:
    """Title and hashtags in one line, as the paper gives them to the captioner (section 4.3)."""
    tags = " ".join(f"#{tag}" for tag in sample.columns["hashtags"] or ())
    return f"{sample.columns['title']} {tags}".strip()


def settings_of(checkpoint: str, options: Options) -> dict[str, Any]:
    """What decides the captions of a checkpoint besides what it is shown; of a prompt its hash."""
    given = options.given()
    told = {"prompt_sha256": sha256_of(given.pop("prompt"))} if options.prompt is not None else {}
    return {"checkpoint": checkpoint, "identity": models.identity(checkpoint), **given, **told}


def sha256_of(prompt: str) -> str:
    return hashlib.sha256(prompt.encode()).hexdigest()


def options_of(config: CaptionerConfig, base: Path) -> Options:
    """What is asked of a checkpoint. Raises as `prompt_of` does."""
    return Options(prompt_of(config, base), config.max_tokens, config.compat or None)


def prompt_of(config: CaptionerConfig, base: Path) -> str | None:
    """The text of the prompt's file, less the end of its last line. Raises MissingError or ConfigError, naming the
    file, where it is absent, cannot be read or is empty."""
    if config.prompt is None:
        return None
    path = locate(config.prompt, base)
    text = read_text(path).removesuffix("\n")
    if not text.strip():
        raise ConfigError(f"{path}: the prompt is empty")
    return text
