"""What a scene of the demo world is, and how a seed and an index name one.

A scene is one object over one floor in front of one backdrop, with one sound. Geometry is that of a pinhole camera over
a flat floor, in units of the picture's short side S, from the picture's centre: a point at (u, v) lies at column
W/2 + u·S and row H/2 + v·S, so that every size, crop to the central square and orientation of a scene shows the same
world.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

SHAPES = ("circle", "square", "triangle", "star", "ring", "cross")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "white", "black")
SIZES = ("small", "large")
MOTIONS = ("left", "right", "bounce", "float")
BACKGROUNDS = ("tiles", "planks", "grass", "snow")
SOUNDS = ("beep", "siren", "rain", "clock", "engine", "bird", "bell", "drum")

COMBINATIONS = len(SHAPES) * len(COLOURS) * len(SIZES) * len(MOTIONS) * len(BACKGROUNDS)

HORIZON = -0.08
"""The row of the horizon, in short sides from the centre."""
FLOOR = 520.0
"""Depth in mm of the floor one short side below the horizon; the floor at row v lies FLOOR / (v - HORIZON) mm away."""
RADII = {"small": (0.12, 0.15), "large": (0.21, 0.25)}
"""Radius of the circle around the object, in short sides."""

COLOUR_CELSIUS = {
    "red": 62.0, "orange": 54.0, "yellow": 46.0, "white": 38.0, "black": 30.0, "purple": 22.0,
    "green": 8.0, "blue": 0.0,
}  # fmt: skip
BACKGROUND_CELSIUS = {"tiles": 16.0, "planks": 26.0, "grass": 12.0, "snow": -6.0}

_SHAPES_OF_PICTURE = ((4, 3), (16, 9), (3, 4), (9, 16))
_SHORT_SIDES = (240, 288, 360, 480)
_FRAME_RATES = (8, 10, 12, 15, 24, 30)


@dataclass(frozen=True)
class Scene:
    """The whole truth of one clip. Depths in millimetres, temperatures in degrees Celsius, lengths in short sides."""

    seed: int
    index: int
    shape: str
    colour: str
    size: str
    motion: str
    background: str
    sound: str
    width: int
    height: int
    fps: int
    seconds: float
    object_mm: int
    background_mm: int
    object_celsius: float
    background_celsius: float
    radius: float
    phase: float
    light: float

    @property
    def frames(self) -> int:
        """Number of frames of the clip."""
        return round(self.seconds * self.fps)


@lru_cache(maxsize=16)
def _order(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(COMBINATIONS)


def scene(seed: int, index: int) -> Scene:
    """The scene number `index` of world `seed`: a pure function of both.

    The first `COMBINATIONS` (1536) scenes of a world differ pairwise in what their captions say; later ones repeat
    captions with other depths, sizes, rates and sounds. Most last 2 to 4 s at 8 to 15 fps and 240 px, the rest reach
    12 s, 30 fps and 480 px.
    """
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index must not be negative, got {seed} and {index}")
    rest = int(_order(seed)[index % COMBINATIONS])
    rest, shape = divmod(rest, len(SHAPES))
    rest, colour = divmod(rest, len(COLOURS))
    rest, size = divmod(rest, len(SIZES))
    background, motion = divmod(rest, len(MOTIONS))
    rng = np.random.default_rng((seed, index))
    short = int(rng.choice(_SHORT_SIDES, p=(0.70, 0.12, 0.13, 0.05)))
    across, down = _SHAPES_OF_PICTURE[rng.integers(len(_SHAPES_OF_PICTURE))]
    unit = short / min(across, down)
    long_clip = rng.random() < 0.06
    nearest, farthest = (1200, 2000) if MOTIONS[motion] == "float" else (1200, 3200)
    return Scene(
        seed=seed,
        index=index,
        shape=SHAPES[shape],
        colour=COLOURS[colour],
        size=SIZES[size],
        motion=MOTIONS[motion],
        background=BACKGROUNDS[background],
        sound=SOUNDS[rng.integers(len(SOUNDS))],
        width=2 * round(across * unit / 2),
        height=2 * round(down * unit / 2),
        fps=int(rng.choice(_FRAME_RATES, p=(0.28, 0.25, 0.22, 0.15, 0.05, 0.05))),
        seconds=round(float(rng.uniform(5.0, 12.0) if long_clip else rng.uniform(2.0, 4.0)), 1),
        object_mm=int(rng.integers(nearest, farthest + 1)),
        background_mm=int(rng.integers(4500, 9501)),
        object_celsius=COLOUR_CELSIUS[COLOURS[colour]],
        background_celsius=BACKGROUND_CELSIUS[BACKGROUNDS[background]],
        radius=float(rng.uniform(*RADII[SIZES[size]])),
        phase=float(rng.random()),
        light=float(rng.uniform(0.85, 1.1)),
    )


def unlike(seen: Scene, *fields: str) -> Scene:
    """The next scene of the same world that differs from one in all these fields."""
    others = (scene(seen.seed, number) for number in range(seen.index + 1, seen.index + 3000))
    return next(other for other in others if all(getattr(other, f) != getattr(seen, f) for f in fields))
