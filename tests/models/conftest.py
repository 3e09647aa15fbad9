"""Frames for the tests of models."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vidal.demo.train.data import clip_frames, scenes


@pytest.fixture(autouse=True)
def one_thread():
    """As models run on the CPU."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def company() -> list[np.ndarray]:
    """Eleven frames of three scenes of several sizes and aspects."""
    shown = [frame for one in scenes(901, 3) for frame in clip_frames(one, 3)]
    return [*shown, shown[0][:200, :160], shown[4][::2, ::2]]
