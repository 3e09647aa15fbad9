"""A sound at the rate and in the windows a network takes: resampling by a windowed sinc, the same on every machine."""

from __future__ import annotations

from math import ceil, gcd

import numpy as np

_ZEROS = 16
"""Zero crossings of the sinc on each side."""
_ROLLOFF = 0.95
"""Where the low-pass begins, as a share of the lower of the two Nyquist frequencies."""


def resample(wave: np.ndarray, source: int, target: int) -> np.ndarray:
    """Float32 mono `wave` at `source` Hz to ceil(n * target / source) samples at `target` Hz."""
    if source == target:
        return np.asarray(wave, np.float32)
    import torch

    divisor = gcd(source, target)
    up, down = target // divisor, source // divisor
    cutoff = _ROLLOFF * min(1.0, up / down)
    half = ceil(_ZEROS / cutoff)
    taps = torch.arange(-half, half + down, dtype=torch.float64)
    phases = torch.arange(up, dtype=torch.float64)[:, None] * down / up
    distance = taps - phases
    window = torch.cos(torch.pi * (distance / half).clamp(-1.0, 1.0) / 2) ** 2
    kernel = torch.sinc(cutoff * distance) * window
    kernel = (kernel / kernel.sum(1, keepdim=True)).float()
    padded = torch.nn.functional.pad(torch.from_numpy(np.array(wave, np.float32)), (half, half + down))
    phases_of_output = torch.nn.functional.conv1d(padded[None, None], kernel[:, None], stride=down)[0]
    return phases_of_output.T.reshape(-1)[: ceil(len(wave) * up / down)].numpy()


def windows(wave: np.ndarray, length: int) -> list[np.ndarray]:
    """As many evenly spaced windows of `length` samples as cover `wave`; the wave itself where it is no longer."""
    count = ceil(len(wave) / length)
    if count <= 1:
        return [wave]
    return [wave[start : start + length] for start in np.linspace(0, len(wave) - length, count).astype(int)]
