"""Role `clap`: sounds and texts in one space, by transformers' ClapModel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidal.models.batching import in_batches, rows, unit
from vidal.models.log_mel import clap_spectrogram
from vidal.models.place import Place
from vidal.models.pretrained import from_folder
from vidal.models.resample import resample, windows

_CONTEXT = 77
"""Tokens of a text, the length CLAP was trained with; less where the tokenizer says so."""


@dataclass(frozen=True)
class Clap:
    """A CLAP with its own feature extractor and tokenizer; embeddings have unit length."""

    network: Any
    processor: Any
    place: Place

    @property
    def width(self) -> int:
        """Length of an embedding."""
        return self.network.config.projection_dim

    def features(self, wave: np.ndarray, rate: int) -> list[np.ndarray]:
        """A mono float wave of at least one sample at `rate` Hz as the network takes it: one spectrogram per window.

        A wave longer than the model's window is heard in as many evenly spaced windows as cover it: nothing is cropped
        at random, as the feature extractor alone would do.
        """
        if not len(wave):
            raise ValueError("the sound has no samples")
        extractor = self.processor.feature_extractor
        heard = resample(wave, rate, extractor.sampling_rate)
        return [clap_spectrogram(window, extractor) for window in windows(heard, extractor.nb_max_samples)]

    def embed_features(self, sounds: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
        """What `features` made of sounds to float32 [n, width], L2-normalised: the mean over a sound's windows."""
        embedded = iter(in_batches([window for sound in sounds for window in sound], self.place.batch, self._hear))
        means = [np.mean([next(embedded) for _ in sound], axis=0) for sound in sounds]
        return rows([mean / max(np.linalg.norm(mean), 1e-12) for mean in means], self.width)

    def embed_audio(self, waves: Sequence[np.ndarray], rate: int) -> np.ndarray:
        """Mono float waves at `rate` Hz, each with at least one sample, to float32 [n, width], L2-normalised."""
        return self.embed_features([self.features(wave, rate) for wave in waves])

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to float32 [n, width], L2-normalised; what exceeds the context length is cut."""
        tokenizer = self.processor.tokenizer
        length = min(_CONTEXT, tokenizer.model_max_length)
        tokens = [
            np.array([coded["input_ids"], coded["attention_mask"]])
            for coded in (tokenizer(text, padding="max_length", truncation=True, max_length=length) for text in texts)
        ]
        return rows(in_batches(tokens, self.place.batch, self._read), self.width)

    def _hear(self, features: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(features).to(self.place.device, self.place.dtype)
            shorter = torch.zeros(len(features), 1, dtype=torch.bool, device=self.place.device)
            return unit(self.network.get_audio_features(input_features=batch, is_longer=shorter).pooler_output)

    def _read(self, tokens: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            ids, mask = torch.from_numpy(tokens).to(self.place.device).unbind(1)
            return unit(self.network.get_text_features(input_ids=ids, attention_mask=mask).pooler_output)


def load(path: Path, place: Place) -> Clap:
    """The CLAP in `path`: config, weights, feature extractor and tokenizer."""
    from transformers import ClapModel, ClapProcessor

    return Clap(from_folder(ClapModel, path, place), ClapProcessor.from_pretrained(path, local_files_only=True), place)
