"""Role `clap`: sounds and texts in one space, by transformers' ClapModel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from vidal.models.batching import in_batches, rows
from vidal.models.place import Place
from vidal.models.pretrained import from_folder
from vidal.models.resample import resample

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

    def embed_audio(self, waves: Sequence[np.ndarray], rate: int) -> np.ndarray:
        """Mono float waves at `rate` Hz, each with at least one sample, to float32 [n, width], L2-normalised.

        A wave longer than the model's window is heard in as many evenly spaced windows as cover it, and their mean is
        its embedding: nothing is cropped at random, as the feature extractor alone would do.
        """
        windows = [self._windows(wave, rate) for wave in waves]
        features = [self._features(window) for cut in windows for window in cut]
        embedded = iter(in_batches(features, self.place.batch, self._encode_audio))
        means = [np.mean([next(embedded) for _ in cut], axis=0) for cut in windows]
        return rows([mean / np.linalg.norm(mean) for mean in means], self.width)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to float32 [n, width], L2-normalised; what exceeds the context length is cut."""
        tokenizer = self.processor.tokenizer
        length = min(_CONTEXT, tokenizer.model_max_length)
        tokens = [
            np.array([coded["input_ids"], coded["attention_mask"]])
            for coded in (tokenizer(text, padding="max_length", truncation=True, max_length=length) for text in texts)
        ]
        return rows(in_batches(tokens, self.place.batch, self._encode_texts), self.width)

    def _windows(self, wave: np.ndarray, rate: int) -> list[np.ndarray]:
        if not len(wave):
            raise ValueError("the sound has no samples")
        extractor = self.processor.feature_extractor
        heard = resample(wave, rate, extractor.sampling_rate)
        length = extractor.nb_max_samples
        count = ceil(len(heard) / length)
        if count == 1:
            return [heard]
        return [heard[start : start + length] for start in np.linspace(0, len(heard) - length, count).astype(int)]

    def _features(self, window: np.ndarray) -> np.ndarray:
        extractor = self.processor.feature_extractor
        features = extractor(window, sampling_rate=extractor.sampling_rate, return_tensors="np")
        return features["input_features"][0].astype(np.float32)

    def _encode_audio(self, features: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(features).to(self.place.device, self.place.dtype)
            shorter = torch.zeros(len(features), 1, dtype=torch.bool, device=self.place.device)
            return _unit(self.network.get_audio_features(input_features=batch, is_longer=shorter))

    def _encode_texts(self, tokens: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            ids, mask = torch.from_numpy(tokens).to(self.place.device).unbind(1)
            return _unit(self.network.get_text_features(input_ids=ids, attention_mask=mask))


def load(path: Path, place: Place) -> Clap:
    """The CLAP in `path`: config, weights, feature extractor and tokenizer."""
    from transformers import ClapModel, ClapProcessor

    return Clap(from_folder(ClapModel, path, place), ClapProcessor.from_pretrained(path, local_files_only=True), place)


def _unit(output: Any) -> np.ndarray:
    from torch.nn.functional import normalize

    return normalize(output.pooler_output.float(), dim=-1).cpu().numpy()
