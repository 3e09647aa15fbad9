"""The spectrograms CLAP was trained on, as ClapFeatureExtractor of transformers defines them, in a quarter the time."""

from __future__ import annotations

from typing import Any

import numpy as np

_FLOOR = 1e-10
"""Power that counts as silence: -100 dB."""


def clap_spectrogram(wave: np.ndarray, extractor: Any) -> np.ndarray:
    """A float wave of 1 to `nb_max_samples` samples at the extractor's rate to float32 [views, frames, mels], in dB.

    A shorter wave is repeated or padded as the extractor says. An extractor for fusion gives four equal views, which is
    what it gives of a sound that fits its window, and others give one.
    """
    length, fusion = extractor.nb_max_samples, extractor.truncation == "fusion"
    if extractor.padding == "repeat":
        wave = np.resize(wave, length)
    elif extractor.padding == "repeatpad":
        wave = np.tile(wave, length // len(wave))
    wave = np.pad(wave, (0, length - len(wave)))
    filters = extractor.mel_filters if fusion else extractor.mel_filters_slaney
    mel = _log_mel(wave, extractor.fft_window_size, extractor.hop_length, filters)
    return np.stack([mel] * 4 if fusion else [mel])


def _log_mel(wave: np.ndarray, window: int, hop: int, filters: np.ndarray) -> np.ndarray:
    """Power in the bands of `filters` [bins, mels], in dB; in double precision inside, for quiet beside loud."""
    import torch

    hann = torch.hann_window(window, periodic=True, dtype=torch.float64)
    samples = torch.from_numpy(np.asarray(wave, np.float64))
    spectrum = torch.stft(samples, window, hop, window=hann, center=True, pad_mode="reflect", return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()
    bands = power.T @ torch.from_numpy(filters)
    return (10.0 * bands.clamp(min=_FLOOR).log10()).float().numpy()
