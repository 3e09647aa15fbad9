"""Clips and sounds the tests make themselves, and a short way to run the ffmpeg that normalisation uses."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vidal.engine.errors import SampleError
from vidal.media.ffmpeg import ffmpeg_binary
from vidal.media.write import write_clip

Maker = Callable[..., Path]


def picture(number: int, width: int, height: int) -> np.ndarray:
    """Grey of a level that grows with `number`, its top left quarter red: [height, width, 3] uint8."""
    frame = np.full((height, width, 3), 40 + 6 * number % 200, np.uint8)
    frame[: height // 2, : width // 2] = (220, 20, 20)
    return frame


def tone(seconds: float, rate: int = 16000, channels: int = 1) -> np.ndarray:
    """440 Hz at half of full scale: float32 [n] or [n, channels]."""
    wave = (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)
    return wave if channels == 1 else np.stack([wave] * channels, axis=1)


@pytest.fixture
def clip(tmp_path: Path) -> Maker:
    """Write a clip of `frames` pictures at `fps` with `sound` seconds of tone (0: none) and return its path."""

    def make(
        name="clip.mp4", frames=20, width=320, height=240, fps=10, sound=2.0, codec="h264", rate=16000, channels=1
    ):
        pictures = (picture(number, width, height) for number in range(frames))
        samples = tone(sound, rate, channels) if sound else None
        return write_clip(tmp_path / name, pictures, fps, samples, rate, codec)

    return make


@pytest.fixture
def ffmpeg(tmp_path: Path) -> Maker:
    """Run ffmpeg with arguments that end in a file name, inside the test's folder, and return that file's path."""

    def run(*arguments: object) -> Path:
        command = [ffmpeg_binary(), "-nostdin", "-v", "error", "-y", *map(str, arguments)]
        subprocess.run(command, check=True, cwd=tmp_path)
        return tmp_path / str(arguments[-1])

    return run


@pytest.fixture
def refused() -> Callable[..., str]:
    """Call a function that must raise SampleError of the given class, and return its one-line message."""

    def check(error_class: str, function: Callable, *arguments: object) -> str:
        with pytest.raises(SampleError) as caught:
            function(*arguments)
        assert caught.value.error_class == error_class, str(caught.value)
        assert str(caught.value) and "\n" not in str(caught.value)
        return str(caught.value)

    return check
