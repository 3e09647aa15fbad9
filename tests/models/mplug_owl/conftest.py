"""Checkpoints of a tiny mPLUG-Owl, clips, and the folder of parity data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.models.mplug_owl.tiny import stored

PARITY = Path(__file__).parents[3] / "../shared/parity/mplug-owl"


@pytest.fixture(scope="session")
def parity() -> Path:
    """The parity data of mPLUG-Owl."""
    if not PARITY.is_dir():
        pytest.skip(f"{PARITY} is absent")
    return PARITY


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint for clips in the published layout: two `.bin` files and their index, `tokenizer.model`."""
    return stored(tmp_path_factory.mktemp("clips"), temporal=True)


@pytest.fixture(scope="session")
def tiny_for_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for pictures."""
    return stored(tmp_path_factory.mktemp("pictures"), temporal=False)


@pytest.fixture(scope="session")
def clips() -> list[list[np.ndarray]]:
    """Seven clips of coarse noise, of several sizes; two of three frames, the others of eight."""
    rng = np.random.default_rng(5)
    sides = [(42, 42), (90, 120), (33, 200), (128, 128), (42, 42), (120, 67), (50, 50)]
    return [
        [_noise(rng, height, width) for _ in range(3 if index in (2, 5) else 8)]
        for index, (height, width) in enumerate(sides)
    ]


def _noise(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    small = rng.integers(0, 256, (3, 3, 3), np.uint8)
    return np.kron(small, np.ones((1 + height // 3, 1 + width // 3, 1), np.uint8))[:height, :width]
