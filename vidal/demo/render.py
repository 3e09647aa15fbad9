"""Pictures of a scene: colour, depth and temperature of every pixel at any instant, in plain numpy.

Everything a network must predict can be seen: depth follows from the row of the floor, from the object's shadow and
from the haze; temperature follows from the object's colour and from the kind of floor.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from vidal.demo.scene import FLOOR, HORIZON, Scene

RGB = {
    "red": (214, 32, 36), "orange": (244, 132, 16), "yellow": (248, 222, 30), "green": (24, 168, 56),
    "blue": (28, 72, 222), "purple": (150, 40, 190), "white": (250, 250, 250), "black": (22, 22, 26),
}  # fmt: skip
_FLOOR_RGB = {
    "tiles": ((120, 150, 186), (74, 98, 138)), "planks": ((152, 112, 76), (118, 82, 52)),
    "grass": ((116, 150, 92), (82, 118, 64)), "snow": ((214, 220, 228), (186, 194, 206)),
}  # fmt: skip
_BACKDROP_RGB = {"tiles": (176, 172, 160), "planks": (196, 178, 146), "grass": (150, 188, 214), "snow": (120, 132, 152)}
_HAZE_RGB = np.float32((196, 200, 206))
_HAZE_MM = 16000.0
_BACKDROP_COOLER = 4.0


class Rendered(NamedTuple):
    """One instant: `rgb` uint8 [H, W, 3], `depth_mm` uint16 [H, W], `celsius` float32 [H, W]."""

    rgb: np.ndarray
    depth_mm: np.ndarray
    celsius: np.ndarray


class Pose(NamedTuple):
    """The object's centre (u, v), its turn in radians, and the row of its shadow, in short sides from the centre."""

    u: float
    v: float
    turn: float
    shadow: float


def render(scene: Scene, t: float, scale: int | None = None) -> Rendered:
    """The scene at `t` seconds, at its own size or with a short side of `scale` pixels (same world, same aspect)."""
    height, width = picture_size(scene, scale)
    empty = _empty(scene, height, width)
    picture = Rendered(*(channel.copy() for channel in empty))
    pose = pose_at(scene, t)
    _cast_shadow(picture.rgb, scene, pose)
    _place_object(picture, scene, pose)
    return picture


def picture_size(scene: Scene, scale: int | None = None) -> tuple[int, int]:
    """Height and width of the rendered picture."""
    if scale is None:
        return scene.height, scene.width
    short = min(scene.height, scene.width)
    return round(scene.height * scale / short), round(scene.width * scale / short)


def pose_at(scene: Scene, t: float) -> Pose:
    """Where the object is at `t` seconds. Long clips repeat a movement about every four seconds."""
    if not 0.0 <= t <= scene.seconds:
        raise ValueError(f"t must lie in [0, {scene.seconds}], got {t}")
    r = scene.radius
    ground = HORIZON + FLOOR / scene.object_mm
    if scene.motion in ("left", "right"):
        passes = max(1, round(scene.seconds / 4.0))
        done = (t * passes / scene.seconds) % 1.0 if t < scene.seconds else 1.0
        side = -1.0 if scene.motion == "left" else 1.0
        travel = done * (0.38 - r)
        return Pose(side * (0.10 + travel), ground - r, side * travel / r, ground)
    beat = np.pi * (t / 0.9 + scene.phase)
    if scene.motion == "bounce":
        return Pose(0.0, ground - r - 0.12 * abs(float(np.sin(beat))), 0.0, ground)
    return Pose(0.12 * float(np.sin(beat)), r - 0.45 + 0.02 * float(np.cos(beat)), 0.2 * float(np.cos(beat)), ground)


def haze(rgb: np.ndarray, depth_mm: np.ndarray | float) -> np.ndarray:
    """Colours as seen through the air of `depth_mm`: float32, the farther the paler."""
    clear = np.exp(-np.asarray(depth_mm, np.float32) / np.float32(_HAZE_MM))[..., None]
    return rgb * clear + _HAZE_RGB * (1.0 - clear)


@lru_cache(maxsize=64)
def _empty(scene: Scene, height: int, width: int) -> Rendered:
    """The scene without its object."""
    short = min(height, width)
    v = ((np.arange(height, dtype=np.float32) + 0.5 - height / 2) / short)[:, None]
    u = ((np.arange(width, dtype=np.float32) + 0.5 - width / 2) / short)[None, :]
    floor_mm = FLOOR / np.maximum(v - HORIZON, 1e-6)
    is_floor = floor_mm < scene.background_mm
    depth = np.broadcast_to(np.minimum(floor_mm, scene.background_mm), (height, width)).astype(np.float32)
    rng = np.random.default_rng((scene.seed, scene.index, height, width))
    grain = rng.standard_normal((height, width), dtype=np.float32)
    mix = _floor_pattern(scene, u * depth / 1000.0, depth / 1000.0, grain)[..., None]
    light, dark = (np.float32(colour) for colour in _FLOOR_RGB[scene.background])
    floor_rgb = light * (1.0 - mix) + dark * mix
    backdrop_rgb = np.float32(_BACKDROP_RGB[scene.background]) * (1.0 + 0.25 * (v - HORIZON))[..., None]
    rgb = np.where(is_floor[..., None], floor_rgb, backdrop_rgb) * scene.light
    rgb = haze(rgb, depth) + 3.0 * grain[..., None]
    celsius = scene.background_celsius - np.where(is_floor, 0.3 * depth / 1000.0, _BACKDROP_COOLER)
    return Rendered(
        np.clip(rgb, 0, 255).astype(np.uint8), np.round(depth).astype(np.uint16), celsius.astype(np.float32)
    )


def _floor_pattern(scene: Scene, x: np.ndarray, z: np.ndarray, grain: np.ndarray) -> np.ndarray:
    """How much of the floor's dark colour each pixel has, 0 to 1, from its place on the floor in metres."""
    if scene.background == "tiles":
        return (np.floor(x / 0.35 + scene.phase) + np.floor(z / 0.35)) % 2
    if scene.background == "planks":
        across = x / 0.3 + scene.phase
        seam = np.abs(across - np.round(across)) < 0.06
        return np.where(seam, 1.0, 0.35 * (np.floor(across + 0.5) % 2))
    if scene.background == "grass":
        return np.clip(0.5 + 0.45 * grain, 0, 1)
    drifts = np.sin(2.1 * x + 6.0 * scene.phase) * np.cos(1.7 * z)
    return np.clip(0.5 + 0.35 * drifts + 0.05 * grain, 0, 1)


def _cast_shadow(rgb: np.ndarray, scene: Scene, pose: Pose) -> None:
    """Darken the ellipse of floor under the object."""
    half = 0.85 * scene.radius
    rows, columns, u, v = _window(rgb.shape[:2], pose.u, pose.shadow, half, 0.25 * half)
    inside = (u / half) ** 2 + (v / (0.25 * half)) ** 2
    dark = 1.0 - 0.5 * np.clip(1.2 - inside, 0.0, 1.0)
    rgb[rows, columns] = (rgb[rows, columns] * dark[..., None]).astype(np.uint8)


def _place_object(picture: Rendered, scene: Scene, pose: Pose) -> None:
    """Paint the object, antialiased, into all three channels."""
    r = scene.radius
    short = min(picture.depth_mm.shape)
    rows, columns, u, v = _window(picture.depth_mm.shape, pose.u, pose.v, 1.2 * r, 1.2 * r)
    cos, sin = np.float32(np.cos(pose.turn) / r), np.float32(np.sin(pose.turn) / r)
    edge = outline(scene.shape, u * cos + v * sin, v * cos - u * sin)
    cover = np.clip(0.5 - edge * np.float32(r * short), 0.0, 1.0)[..., None]
    inside = edge < 0.5 / (r * short)
    base = np.float32(RGB[scene.colour])
    body = base * (1.0 - 0.16 * (u + v) / r)[..., None] * scene.light
    rim = base * 0.4 if scene.colour != "black" else base + 70.0
    painted = haze(np.where(edge[..., None] > -0.08, rim, body), scene.object_mm)
    under = picture.rgb[rows, columns]
    picture.rgb[rows, columns] = np.clip(under + cover * (painted - under), 0, 255).astype(np.uint8)
    picture.depth_mm[rows, columns][inside] = scene.object_mm
    surround = picture.celsius[rows, columns]
    warmth = 1.0 - 0.25 * np.clip(np.hypot(u, v) / r, 0.0, 1.0)
    warm = scene.background_celsius + (scene.object_celsius - scene.background_celsius) * warmth
    surround[inside] = warm[inside]


def _window(
    shape: tuple[int, ...], u: float, v: float, half_u: float, half_v: float
) -> tuple[slice, slice, np.ndarray, np.ndarray]:
    """Rows and columns of a box around (u, v), cut at the picture's border, and its pixels' offsets from (u, v)."""
    height, width = shape
    short = min(height, width)
    spans, offsets = [], []
    for centre, half, length in ((v, half_v, height), (u, half_u, width)):
        middle = length / 2 + centre * short
        first = min(max(int(middle - half * short) - 1, 0), length)
        last = max(min(int(middle + half * short) + 2, length), first)
        spans.append(slice(first, last))
        offsets.append(((np.arange(first, last, dtype=np.float32) + 0.5) - np.float32(middle)) / short)
    return spans[0], spans[1], offsets[1][None, :], offsets[0][:, None]


def outline(shape: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance to the outline of a shape of about unit radius (a square's corners reach 1.16); negative inside."""
    if shape == "circle":
        return np.hypot(x, y) - 1.0
    if shape == "ring":
        return np.abs(np.hypot(x, y) - 0.75) - 0.25
    if shape == "square":
        return np.maximum(np.abs(x), np.abs(y)) - 0.82
    if shape == "triangle":
        return np.maximum(y, 0.866 * np.abs(x) - 0.5 * y) - 0.5
    if shape == "cross":
        ax, ay = np.abs(x), np.abs(y)
        return np.maximum(np.minimum(ax, ay) - 0.3, np.maximum(ax, ay) - 0.95)
    if shape == "star":
        wedge = np.pi / 5
        angle = np.abs((np.arctan2(x, -y) + wedge) % (2 * wedge) - wedge)
        r = np.hypot(x, y)
        return (r * np.cos(angle) - 1.0) * np.sin(1.257 / 4) + r * np.sin(angle) * np.cos(1.257 / 4)
    raise ValueError(f"unknown shape: {shape}")
