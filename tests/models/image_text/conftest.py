"""One checkpoint of each family, made and loaded once, and what is shown to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.image_text.tiny import FAMILIES
from vidal import models
from vidal.models.options import Options


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory):
    """The checkpoint of a family by its name."""
    made: dict[str, Path] = {}

    def checkpoint(name: str) -> str:
        if name not in made:
            made[name] = FAMILIES[name](tmp_path_factory.mktemp(name))
        return str(made[name])

    return checkpoint


@pytest.fixture(scope="session")
def captioner(family):
    """The captioner of a role, by a family's checkpoint, that says six tokens at most."""
    loaded: dict[tuple[str, ...], Any] = {}

    def load(role: str, name: str, prompt: str | None = None) -> Any:
        if (role, name, prompt) not in loaded:
            options = Options(prompt=prompt, max_tokens=6)
            loaded[role, name, prompt] = models.load(role, family(name), device="cpu", options=options)
        return loaded[role, name, prompt]

    return load


@pytest.fixture(scope="session")
def frames() -> list[np.ndarray]:
    """Eight pictures of coarse noise, most of one size."""
    rng = np.random.default_rng(3)
    return [noise(rng, *size) for size in [(40, 60)] * 6 + [(60, 40), (64, 64)]]


@pytest.fixture(scope="session")
def clips() -> list[list[np.ndarray]]:
    """Four clips of eight frames, one of three and one of a single frame; of two sizes."""
    rng = np.random.default_rng(4)
    shapes = [(8, 40, 60), (8, 60, 40), (8, 40, 60), (8, 40, 60), (3, 40, 60), (1, 60, 40)]
    return [[noise(rng, height, width) for _ in range(count)] for count, height, width in shapes]


def noise(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    return np.kron(rng.integers(0, 256, (4, 4, 3), np.uint8), np.ones((height // 4, width // 4, 1), np.uint8))
