"""Role `audio_tagger`: what is heard in a sound, by any audio classifier of transformers with AudioSet's labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidal.models.batching import in_batches
from vidal.models.place import Place
from vidal.models.pretrained import from_folder
from vidal.models.resample import resample, windows

WINDOW_SECONDS = 10.0
"""Length of the clips of AudioSet (Gemmeke et al. 2017, section 4), which such classifiers are trained on."""
FRAME_SECONDS = 0.01
"""Hop of the spectrogram that an Audio Spectrogram Transformer takes `max_length` frames of."""
LEAST_SECONDS = 1.0
"""A shorter sound is followed by silence up to this length: some extractors cannot take less than a frame."""
WANTED = ("speech", "music")
"""The labels a checkpoint must have, whatever their case: the names of two classes of AudioSet's ontology."""


@dataclass(frozen=True)
class AudioTagger:
    """A classifier of many labels at once, its feature extractor, and the place of each label wanted."""

    network: Any
    extractor: Any
    place: Place
    labels: Mapping[str, int]

    def features(self, wave: np.ndarray, rate: int) -> list[np.ndarray]:
        """A mono float wave of at least one sample at `rate` Hz as the network takes it, window by window.

        A sound longer than the window is heard in as many evenly spaced windows as cover it.
        """
        if not len(wave):
            raise ValueError("the sound has no samples")
        target = self.extractor.sampling_rate
        sound = resample(wave, rate, target)
        sound = np.pad(sound, (0, max(0, round(LEAST_SECONDS * target) - len(sound))))
        return [self._extracted(window) for window in windows(sound, self._length)]

    def tag(self, sounds: Sequence[Sequence[np.ndarray]]) -> list[dict[str, float]]:
        """What `features` made of sounds to the probability of each label of WANTED: the mean over the windows."""
        cut = [window for sound in sounds for window in sound]
        found = iter(in_batches(cut, self.place.batch, self._probabilities))
        means = [np.mean([next(found) for _ in sound], axis=0) for sound in sounds]
        return [{name: float(mean[index]) for name, index in self.labels.items()} for mean in means]

    @property
    def _length(self) -> int:
        """Samples of a window."""
        rate, frames = self.extractor.sampling_rate, getattr(self.extractor, "max_length", None)
        seconds = min(WINDOW_SECONDS, frames * FRAME_SECONDS) if frames else WINDOW_SECONDS
        return round(seconds * rate)

    def _extracted(self, window: np.ndarray) -> np.ndarray:
        found = self.extractor(window, sampling_rate=self.extractor.sampling_rate, return_tensors="np")
        return np.asarray(found[self.extractor.model_input_names[0]][0], np.float32)

    def _probabilities(self, features: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(features).to(self.place.device, self.place.dtype)
            return self.network(batch).logits.float().sigmoid().cpu().numpy()


def load(path: Path, place: Place) -> AudioTagger:
    """The classifier in `path`: config with labels, weights, feature extractor."""
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    network = from_folder(AutoModelForAudioClassification, path, place)
    extractor = AutoFeatureExtractor.from_pretrained(path, local_files_only=True)
    return AudioTagger(network, extractor, place, _labels(network.config))


def _labels(config: Any) -> dict[str, int]:
    """The place of each wanted label. ValueError where one is absent, or where labels exclude each other."""
    places = {name.strip().lower(): int(index) for index, name in config.id2label.items()}
    if absent := [name for name in WANTED if name not in places]:
        shown = ", ".join(list(config.id2label.values())[:5])
        raise ValueError(f"it has no label {' and no label '.join(absent)} as AudioSet has; its labels: {shown} …")
    if config.problem_type == "single_label_classification":
        raise ValueError("its labels exclude each other, and AudioSet's do not")
    return {name: places[name] for name in WANTED}
