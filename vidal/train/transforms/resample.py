"""A sound at the rate the audio tower takes, by the published recipe: a sinc under a Hann window.

The recipe decides what the tower hears; the one in `vidal.models.resample` is another, for other networks.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, gcd

import numpy as np

from vidal.engine.errors import SampleError
from vidal.media.limits import MediaLimits

ZEROS = 6
"""Zero crossings of the sinc on each side."""
ROLLOFF = 0.99
"""Where the low-pass begins, as a share of the lower of the two Nyquist frequencies."""
LOWEST, HIGHEST = 1000, MediaLimits().max_sample_rate
"""Rates in Hz that are read."""


def resampled(waves: np.ndarray, source: int, target: int) -> np.ndarray:
    """Float32 waves [channels, n] at `source` Hz to [channels, ceil(n * target / source)] at `target` Hz.

    SampleError `Unsupported` for a source below LOWEST or above HIGHEST.
    """
    if not LOWEST <= source <= HIGHEST:
        raise SampleError("Unsupported", f"a sound of {source} Hz; {LOWEST} to {HIGHEST} Hz are read")
    if source == target or not waves.shape[-1]:
        return waves
    from scipy.signal import resample_poly

    divisor = gcd(source, target)
    up, down = target // divisor, source // divisor
    return resample_poly(waves, up, down, axis=-1, window=_taps(up, down))


@lru_cache(maxsize=8)
def _taps(up: int, down: int) -> np.ndarray:
    """The low-pass between `up` times the source's rate and `down` times the target's, float32, summing to about 1."""
    cutoff = ROLLOFF / max(up, down)
    half = ceil(ZEROS / cutoff)
    distance = cutoff * np.arange(-half, half + 1)
    window = np.cos(np.pi * np.clip(distance / ZEROS, -1.0, 1.0) / 2) ** 2
    return (cutoff * np.sinc(distance) * window).astype(np.float32)
