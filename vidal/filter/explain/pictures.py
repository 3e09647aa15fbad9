"""What a sample shows and sounds like, at a glance: small JPEGs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vidal.media.images import decode_image, encode_jpeg
from vidal.media.sound import decode_audio

HEIGHT = 120
GAP = 3
QUALITY = 72
SOUND_WIDTH = 240
WAVE_HEIGHT = 40
WINDOW = 512
"""Samples of one spectrum: 32 ms of the 16 kHz that `harvest/media` keeps, so 31 Hz apart."""
FLOOR_DB = -90.0
"""The level drawn darkest, beneath a full-scale tone."""
DARK = np.array([16, 20, 28], np.uint8)
INK = np.array([120, 190, 250], np.uint8)
SHADES = np.array([[16, 20, 28], [62, 34, 110], [170, 50, 110], [240, 120, 60], [252, 230, 150]], np.float64)
"""Colours of a spectrogram, from silence to full scale."""


def frames_picture(frames: Sequence[bytes]) -> bytes:
    """Encoded pictures side by side, each 120 pixels high. SampleError for one that is none."""
    return encode_jpeg(_beside([_scaled(decode_image(frame)) for frame in frames]), QUALITY)


def sound_picture(flac: bytes) -> bytes:
    """A sound, from its begin to its end: the wave above, at full scale where it fills the strip, and the spectrogram
    below, from 0 Hz to half the rate. SampleError for what is no sound."""
    wave, _ = decode_audio(flac)
    return encode_jpeg(np.concatenate([_wave(wave), _spectrogram(wave)]), QUALITY)


def _scaled(picture: np.ndarray) -> np.ndarray:
    from PIL import Image

    width = max(1, round(picture.shape[1] * HEIGHT / picture.shape[0]))
    return np.asarray(Image.fromarray(picture).resize((min(width, 4 * HEIGHT), HEIGHT), Image.Resampling.BILINEAR))


def _beside(pictures: Sequence[np.ndarray]) -> np.ndarray:
    gap = np.broadcast_to(DARK, (HEIGHT, GAP, 3))
    return np.concatenate([part for picture in pictures for part in (gap, picture)][1:], axis=1)


def _wave(wave: np.ndarray) -> np.ndarray:
    """The range of the samples under each column, uint8 [WAVE_HEIGHT, SOUND_WIDTH, 3]."""
    drawn = np.broadcast_to(DARK, (WAVE_HEIGHT, SOUND_WIDTH, 3)).copy()
    columns = np.array_split(wave, SOUND_WIDTH) if len(wave) >= SOUND_WIDTH else np.zeros((SOUND_WIDTH, 1))
    centre = (WAVE_HEIGHT - 1) / 2
    for column, samples in enumerate(columns):
        top, bottom = (round(centre - centre * float(np.clip(edge, -1, 1))) for edge in (samples.max(), samples.min()))
        drawn[top : bottom + 1, column] = INK
    return drawn


def _spectrogram(wave: np.ndarray) -> np.ndarray:
    """Levels by time and frequency, uint8 [HEIGHT - WAVE_HEIGHT, SOUND_WIDTH, 3], low frequencies at the bottom."""
    padded = np.pad(wave, (0, max(0, WINDOW - len(wave))))
    starts = np.linspace(0, len(padded) - WINDOW, SOUND_WIDTH).astype(int)
    window = np.hanning(WINDOW)
    spectra = np.abs(np.fft.rfft(padded[starts[:, None] + np.arange(WINDOW)] * window, axis=1))[:, 1:]
    edges = np.linspace(0, spectra.shape[1], HEIGHT - WAVE_HEIGHT, endpoint=False).astype(int)
    level = 20 * np.log10(np.maximum.reduceat(spectra, edges, axis=1) * 2 / window.sum() + 1e-9)
    shade = np.clip(1 - level.T[::-1] / FLOOR_DB, 0, 1) * (len(SHADES) - 1)
    return np.stack([np.interp(shade, range(len(SHADES)), SHADES[:, c]) for c in range(3)], axis=2).astype(np.uint8)
