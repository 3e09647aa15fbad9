"""Which of a sample's texts it is trained with: one view by name, or one drawn by weight for each sample and epoch.

The members `txt` and `NAME.txt` are views named `txt` and NAME; `ofa` stands for any of `ofa0`, `ofa1` …, the captions
of keyframes, and tells depth and infrared which frame to read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from vidal.engine.errors import ConfigError, SampleError
from vidal.train.modalities.frames import KEYFRAME
from vidal.train.transforms.captions import told

if TYPE_CHECKING:
    import numpy as np

MIX = "mix"
SHARE = 0.2
KEYFRAMES = 8
PREFIX = "In the video, "
_VIEW = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_FRAME = re.compile(r"ofa(\d{1,3})")


@dataclass(frozen=True)
class TextPolicy:
    """Views with their weights, and the views that stand in, in order, for one that a sample lacks. Where none is there
    either, the sample is skipped. `compat` cleans titles as the original does."""

    weights: tuple[tuple[str, float], ...]
    fallback: tuple[str, ...] = ()
    compat: bool = False


@dataclass(frozen=True)
class Drawn:
    """The view that a sample is trained with, the keyframe it describes, if it is of one, and the view it stands in
    for, if it does."""

    view: str
    frame: int | None = None
    instead_of: str | None = None


def text_policy(name: str, fallback: Collection[str] = (), compat: bool = False) -> TextPolicy:
    """The policy of a view's name, or `mix`: title, both video captions and the sound caption with 0.2 each, and every
    keyframe caption with 0.2 / 8 (LanguageBind, data/base_datasets.py). ConfigError for what is no view's name."""
    for view in (name, *fallback):
        if not _VIEW.fullmatch(view):
            raise ConfigError(f"{view!r} is no name of a text view, such as txt, raw, ofa, mplug or polish_mplug")
    if name != MIX:
        return TextPolicy(((name, 1.0),), tuple(fallback), compat)
    whole = [(view, SHARE) for view in ("raw", "mplug", "polish_mplug", "sound_mplug")]
    frames = [(f"ofa{number}", SHARE / KEYFRAMES) for number in range(KEYFRAMES)]
    return TextPolicy((*whole, *frames), tuple(fallback), compat)


def views(members: Collection[str]) -> dict[str, str]:
    """The member of each text view."""
    found = {name.removesuffix(".txt"): name for name in members if name.endswith(".txt")}
    return {**found, "txt": "txt"} if "txt" in members else found


def draw(policy: TextPolicy, there: Collection[str], rng: np.random.Generator | None) -> Drawn:
    """The view to use of those that are there. Without `rng`, which is evaluation, the one of the greatest weight, the
    first of equals. SampleError `NoText` where neither it nor one that may stand in is there."""
    wanted = _weighted(policy.weights, rng)
    for view in (wanted, *policy.fallback):
        found = _frame_of(there, rng) if view == "ofa" else view
        if found in there:
            frame = _FRAME.fullmatch(found)
            return Drawn(found, int(frame[1]) if frame else None, wanted if view != wanted else None)
    raise SampleError("NoText", f"no text {wanted}")


def text_of(view: str, content: bytes, compat: bool) -> str:
    """The text of a view's member as it is trained with: cleaned, and a refined caption without the words that it
    begins with in shards, which the original's loader strips too. SampleError `BadText` for what is not UTF-8, `NoText`
    where nothing is left."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SampleError("BadText", f"{view} is not UTF-8: {error.reason}") from None
    return told(view, text.removeprefix(PREFIX) if view == "polish_mplug" else text, compat)


def _weighted(weights: tuple[tuple[str, float], ...], rng: np.random.Generator | None) -> str:
    if rng is None:
        return max(weights, key=lambda pair: pair[1])[0]
    sums = list(accumulate(weight for _, weight in weights))
    drawn = rng.random() * sums[-1]
    return next((view for (view, _), reached in zip(weights, sums, strict=True) if drawn < reached), weights[-1][0])


def _frame_of(there: Collection[str], rng: np.random.Generator | None) -> str | None:
    """A keyframe's caption: drawn, else that of the fixed keyframe, else the first there is."""
    numbers: Mapping[int, str] = {int(match[1]): view for view in there if (match := _FRAME.fullmatch(view))}
    if not numbers:
        return None
    if rng is None:
        return numbers.get(KEYFRAME, numbers[min(numbers)])
    ordered = sorted(numbers)
    return numbers[ordered[int(rng.integers(len(ordered)))]]
