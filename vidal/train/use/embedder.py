"""Trained models as one embedder: a vision tower for each modality, one text tower for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from vidal.engine.errors import ConfigError, SampleError
from vidal.models.batching import in_batches, rows
from vidal.models.place import Place
from vidal.train.evaluate.data import Media
from vidal.train.modalities import modality
from vidal.train.towers.config import VisionConfig
from vidal.train.towers.model import LanguageBind
from vidal.train.transforms.tokens import Words
from vidal.train.use.ahead import ahead, groups
from vidal.train.use.files import pixels


class Towers:
    """An `Embedder`. Batches have one size, so that a vector does not depend on its neighbours.

    `models` are by modality and share their text tower, of which one copy is kept; `words` are its tokenizer.
    """

    def __init__(self, models: Mapping[str, LanguageBind], words: Words, place: Place) -> None:
        self._models, self._words, self._place = dict(models), words, place
        first = next(iter(self._models.values()))
        for model in self._models.values():
            model.text_model, model.text_projection = first.text_model, first.text_projection
            model.to(place.device).eval()
        self._text = first
        self.width = first.config.projection_dim

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(self._models)

    def vision(self, name: str) -> VisionConfig:
        """How a modality's tower is shaped. ConfigError where there is no model for it."""
        return self._model(name).config.vision

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to float32 [n, width], not normalised."""
        found: list[np.ndarray] = []
        for some in groups(texts, self._place.batch):
            ids, mask = (part.numpy() for part in self._words.ids(some))
            found += in_batches(list(ids), self._place.batch, self._encode_texts, list(mask))
        return rows(found, self.width)

    def media(self, name: str, items: Sequence[Any]) -> np.ndarray:
        """Items of a modality, as `vidal.train.use.files.pixels` takes them, to float32 [n, width], not normalised.

        ConfigError naming the first that cannot be read.
        """
        kind, vision = modality(name), self.vision(name)
        found: list[np.ndarray] = []
        made = zip(items, ahead(lambda item: pixels(item, kind, vision), items), strict=True)
        for some in groups((_sound(name, item, one) for item, one in made), self._place.batch):
            found += list(self.tensors(name, some))
        return rows(found, self.width)

    def tensors(self, name: str, tensors: Sequence[torch.Tensor]) -> np.ndarray:
        """Tensors as the tower takes them to float32 [n, width], not normalised."""
        model = self._model(name)

        def encode(stacked: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                return model.encode(torch.from_numpy(stacked).to(self._place.device)).float().cpu().numpy()

        return rows(in_batches([one.numpy() for one in tensors], self._place.batch, encode), self.width)

    def _encode_texts(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        given = (torch.from_numpy(part).to(self._place.device) for part in (ids, mask))
        with torch.inference_mode():
            return self._text.encode_text(*given).float().cpu().numpy()

    def _model(self, name: str) -> LanguageBind:
        if name not in self._models:
            raise ConfigError(f"there is no model for {name}; there are models for {', '.join(self._models)}")
        return self._models[name]


def _sound(name: str, item: Any, made: torch.Tensor | SampleError) -> torch.Tensor:
    """The tensor, if there is one and its numbers are finite."""
    if isinstance(made, torch.Tensor) and bool(torch.isfinite(made).all()):
        return made
    shown = item.path if isinstance(item, Media) else f"a {type(item).__name__}"
    reason = f"{made.error_class}: {made}" if isinstance(made, SampleError) else "it holds what is no number"
    raise ConfigError(f"{shown} cannot be read as {name}: {reason}")
