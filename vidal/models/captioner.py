"""Role `captioner`: one sentence for each picture, by an image-to-text model of transformers (GIT, BLIP …), by OFA or
by mPLUG-Owl."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidal.models.batching import in_batches
from vidal.models.place import Place
from vidal.models.pretrained import from_folder, model_type


@dataclass(frozen=True)
class Captioner:
    """A captioner that needs no prompt, and its processor. Beams and lengths are those of its generation config."""

    network: Any
    processor: Any
    place: Place

    def caption_images(self, frames: Sequence[np.ndarray]) -> list[str]:
        """Frames uint8 [H, W, 3] of any sizes to one caption each; never sampled, so always the same."""
        pixels = [self.processor(images=np.array(frame), return_tensors="np")["pixel_values"][0] for frame in frames]
        return in_batches(pixels, self.place.batch, self._generate)

    def _generate(self, pixels: np.ndarray) -> list[str]:
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(pixels).to(self.place.device, self.place.dtype)
            tokens = self.network.generate(pixel_values=batch, do_sample=False)
        return [text.strip() for text in self.processor.batch_decode(tokens, skip_special_tokens=True)]


def load(path: Path, place: Place) -> Any:
    """The captioner in `path`, whose configuration says of what type it is: config, generation config, weights, and a
    processor or tokenizer."""
    own = {"ofa": _ofa, "mplug-owl": _mplug_owl}
    if special := own.get(model_type(path)):
        return special(path, place)
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor = AutoProcessor.from_pretrained(path, local_files_only=True)
    return Captioner(from_folder(AutoModelForImageTextToText, path, place), processor, place)


def _ofa(path: Path, place: Place) -> Any:
    from vidal.models.ofa.captioner import load as load_ofa

    return load_ofa(path, place)


def _mplug_owl(path: Path, place: Place) -> Any:
    from vidal.models.mplug_owl.captioner import load_for_pictures

    return load_for_pictures(path, place)
