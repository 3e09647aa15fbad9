"""Members that are numbered: `frm0.jpg`, `frm1.jpg` …"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from vidal.engine.errors import SampleError

if TYPE_CHECKING:
    import numpy as np

KEYFRAME = 3
"""The keyframe that stands for a clip in evaluation: the original's shards hold the depth, the infrared and the caption
of this one (LanguageBind, data/new_loadvat.py)."""
_NUMBER = re.compile(r"(\d{1,6})\.")


def numbered(names: Iterable[str]) -> list[str]:
    """A series in the order of its numbers; what has none comes first."""
    return sorted(names, key=lambda name: (int(found[1]) if (found := _NUMBER.search(name)) else -1, name))


def one_frame(names: Iterable[str], drawn: int | None, rng: np.random.Generator | None) -> str:
    """Which of a series is read: the one numbered `drawn`, where a caption of that keyframe was; else any, drawn, in
    training; else number 3, or the first of a series that has none.

    A series of one is read whatever was drawn: who stores one picture of a clip means it to stand for all. SampleError
    `Missing` where a longer one lacks the number.
    """
    series = numbered(names)
    numbers = {int(found[1]): name for name in series if (found := _NUMBER.search(name))}
    if len(series) == 1:
        return series[0]
    if drawn is not None:
        if drawn not in numbers:
            raise SampleError("Missing", f"no picture of keyframe {drawn}, whose caption was drawn")
        return numbers[drawn]
    if rng is not None:
        return series[int(rng.integers(len(series)))]
    return numbers.get(KEYFRAME, series[0])
