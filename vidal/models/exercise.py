"""One batch of made-up inputs through a model, whatever its role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vidal.engine.errors import ConfigError

FRAME = (256, 456)
"""Height and width of a keyframe of a clip in 16:9: short side 256, as `harvest/media` makes them by default."""
FRAMES = 8
"""Keyframes of a clip."""
SECONDS, RATE = 10, 16000
"""A sound, as long as AudioSet's clips, at the rate of the workspace."""
TEXT = "a red ball rolls over the grass #ball #grass"


@dataclass(frozen=True)
class Exercise:
    """What one item of a role is called, and the work on a number of items."""

    unit: str
    run: Callable[[Any, int], Any]


def exercise(role: str) -> Exercise:
    """The exercise of a role. ConfigError for one that has none: a head is a product of two vectors."""
    if role not in _EXERCISES:
        raise ConfigError(f"there is nothing to try of the role {role!r}; there is of: {', '.join(_EXERCISES)}")
    return _EXERCISES[role]


def frames(count: int) -> list[np.ndarray]:
    """Noise, always the same: uint8 [256, 456, 3] each."""
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (count, *FRAME, 3), np.uint8))


def sounds(count: int) -> list[np.ndarray]:
    """Noise, always the same: float32 [160000] each, a tenth of the full scale."""
    rng = np.random.default_rng(0)
    return list(rng.standard_normal((count, SECONDS * RATE), np.float32) / 10)


def _clip(model: Any, count: int) -> Any:
    return model.embed_images(frames(count)), model.embed_texts([TEXT] * count)


def _clap(model: Any, count: int) -> Any:
    return model.embed_audio(sounds(count), RATE), model.embed_texts([TEXT] * count)


def _tag(model: Any, count: int) -> Any:
    return model.tag([model.features(wave, RATE) for wave in sounds(count)])


def _find_text(model: Any, count: int) -> Any:
    return model.text_maps([model.pixels(frame) for frame in frames(count)])


def _caption_clips(model: Any, count: int) -> Any:
    return model.caption_video([frames(FRAMES)] * count, [TEXT] * count)


_EXERCISES = {
    "clip": Exercise("frame", _clip),
    "clap": Exercise("sound", _clap),
    "audio_tagger": Exercise("sound", _tag),
    "text_detector": Exercise("frame", _find_text),
    "depth": Exercise("frame", lambda model, count: model.depth(frames(count))),
    "infrared": Exercise("frame", lambda model, count: model.translate(frames(count), seed=0)),
    "captioner": Exercise("frame", lambda model, count: model.caption_images(frames(count))),
    "video_captioner": Exercise("clip", _caption_clips),
}
