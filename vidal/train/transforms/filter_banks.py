"""Filter banks as Kaldi computes them (its `compute-fbank-feats` with a Hann window and no dither)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

RATE = 16000
"""Hz."""
WINDOW, HOP, FFT = 400, 160, 512
"""Samples: 25 ms of sound every 10 ms, padded with zeros."""
PRE_EMPHASIS = 0.97
LOWEST, HIGHEST = 20.0, 8000.0
"""Hz, where the first filter begins and the last one ends."""
FLOOR = 1.1920929e-07
"""Power that counts as silence: the epsilon of float32."""


def frame_count(samples: int) -> int:
    """How many whole frames there are in as many samples."""
    return max(0, 1 + (samples - WINDOW) // HOP)


def log_mel(frames: torch.Tensor, mels: int) -> torch.Tensor:
    """Frames of sound float32 [n, WINDOW] to the logarithm of their power in `mels` bands, float32 [n, mels].

    From each frame its mean is taken away, then PRE_EMPHASIS of the sample before. The triangles, of height 1, are
    equal on the mel scale 1127 ln(1 + f / 700); of many bands, the lowest may lie between two lines of the spectrum and
    hear nothing.
    """
    padded = frames.new_zeros(len(frames), FFT)
    heard = padded[:, :WINDOW]
    centred = frames - frames.mean(-1, keepdim=True)
    torch.sub(centred[:, 1:], centred[:, :-1], alpha=PRE_EMPHASIS, out=heard[:, 1:])
    heard[:, 0] = centred[:, 0] * (1 - PRE_EMPHASIS)
    heard.mul_(torch.as_tensor(_hann(), device=frames.device))
    spectrum = torch.fft.rfft(padded)
    power = spectrum.real.square().add_(spectrum.imag.square())
    return (power @ torch.as_tensor(_filters(mels), device=frames.device)).clamp_(min=FLOOR).log_()


@lru_cache(maxsize=1)
def _hann() -> np.ndarray:
    return np.hanning(WINDOW).astype(np.float32)


@lru_cache(maxsize=8)
def _filters(mels: int) -> np.ndarray:
    """Weights float32 [FFT / 2 + 1, mels] of the lines of the spectrum."""
    edges = np.linspace(_mel(LOWEST), _mel(HIGHEST), mels + 2)
    lines = _mel(np.arange(FFT // 2 + 1) * RATE / FFT)[:, None]
    rising, falling = (lines - edges[:-2]) / (edges[1:-1] - edges[:-2]), (edges[2:] - lines) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


def _mel(hertz: np.ndarray | float) -> np.ndarray:
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)
