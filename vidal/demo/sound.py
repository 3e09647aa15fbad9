"""The sound of a scene: eight classes, each with its own pitch, tempo and level per scene, in plain numpy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vidal.demo.scene import SOUNDS, Scene

NOISE_FLOOR = 0.002
"""Amplitude of the hiss under every sound: no scene is digitally silent anywhere."""


def waveform(scene: Scene, rate: int = 16000) -> np.ndarray:
    """The scene's sound: float32 [round(seconds · rate)], mono, peak 0.2 to 0.6."""
    rng = np.random.default_rng((scene.seed, scene.index, SOUNDS.index(scene.sound)))
    pitch, tempo = (float(2.0 ** rng.uniform(-0.3, 0.3)) for _ in range(2))
    level = float(rng.uniform(0.2, 0.6))
    t = np.arange(round(scene.seconds * rate)) / rate
    shape = _SHAPES[scene.sound](t, pitch, tempo, rng)
    sound = level * shape / np.abs(shape).max() + NOISE_FLOOR * rng.standard_normal(t.size)
    return sound.astype(np.float32)


def _since(t: np.ndarray, period: float, start: float) -> np.ndarray:
    """Seconds since the last of a row of events, `period` apart, the first of them `start` before the sound begins."""
    return (t + start) % period


def _beep(t: np.ndarray, pitch: float, tempo: float, rng: np.random.Generator) -> np.ndarray:
    on = _since(t, 0.5 / tempo, rng.uniform(0, 0.2)) < 0.22 / tempo
    return np.sin(2 * np.pi * 1000 * pitch * t) * on


def _siren(t: np.ndarray, pitch: float, tempo: float, rng: np.random.Generator) -> np.ndarray:
    swing = np.sin(2 * np.pi * 0.6 * tempo * t + rng.uniform(0, 2 * np.pi))
    phase = np.cumsum(700 * pitch * 2.0 ** (0.7 * swing)) * (t[1] - t[0])
    return np.sin(2 * np.pi * phase) + 0.3 * np.sin(4 * np.pi * phase)


def _rain(t: np.ndarray, pitch: float, tempo: float, rng: np.random.Generator) -> np.ndarray:
    drops = rng.standard_normal(t.size)
    gusts = 1.0 + 0.3 * np.sin(2 * np.pi * 0.4 * tempo * t + rng.uniform(0, 2 * np.pi))
    return (drops - 0.6 * np.roll(drops, 1)) * gusts


def _clock(t: np.ndarray, pitch: float, tempo: float, rng: np.random.Generator) -> np.ndarray:
    since = _since(t, 0.4 / tempo, rng.uniform(0, 0.3))
    return np.exp(-since * 300) * np.sin(2 * np.pi * 2600 * pitch * since)


def _engine(t: np.ndarray, pitch: float, tempo: float, rng: np.random.Generator) -> np.ndarray:
    base = 2 * np.pi * 70 * pitch * t
    flutter = 1.0 + 0.25 * np.sin(2 * np.pi * 9 * tempo * t)
    return sum(np.sin(k * base + rng.uniform(0, 2 * np.pi)) / k for k in range(1, 9)) * flutter


def _bird(t: np.ndarray, pitch: float, tempo: float, rng: np.random.Generator) -> np.ndarray:
    since = _since(t, 0.35 / tempo, rng.uniform(0, 0.3))
    note = 0.16
    rise = 3000 * pitch * since + 900 * pitch * np.sin(2 * np.pi * since / note) * note / (2 * np.pi)
    return np.sin(2 * np.pi * (rise + 4000 * since**2)) * np.sin(np.pi * since / note) * (since < note)


def _bell(t: np.ndarray, pitch: float, tempo: float, rng: np.random.Generator) -> np.ndarray:
    since = _since(t, 1.3 / tempo, rng.uniform(0, 0.3))
    partials = ((0.5, 0.5, 1.5), (1.0, 1.0, 2.0), (1.19, 0.6, 3.0), (1.5, 0.4, 4.0), (2.0, 0.7, 4.5), (2.74, 0.4, 6.0))
    return sum(a * np.exp(-d * since) * np.sin(2 * np.pi * 520 * pitch * f * since) for f, a, d in partials)


def _drum(t: np.ndarray, pitch: float, tempo: float, rng: np.random.Generator) -> np.ndarray:
    since = _since(t, 0.55 / tempo, rng.uniform(0, 0.3))
    skin = np.sin(2 * np.pi * (75 * pitch * since - 6 * np.exp(-25 * since) / 25)) * np.exp(-9 * since)
    return skin + 0.25 * rng.standard_normal(t.size) * np.exp(-60 * since)


_SHAPES: dict[str, Callable[[np.ndarray, float, float, np.random.Generator], np.ndarray]] = {
    "beep": _beep, "siren": _siren, "rain": _rain, "clock": _clock,
    "engine": _engine, "bird": _bird, "bell": _bell, "drum": _drum,
}  # fmt: skip
