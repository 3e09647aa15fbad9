"""Role `text_detector`: where a picture is written over, by a PP-OCR text detector of transformers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidal.models.batching import in_batches
from vidal.models.place import Place
from vidal.models.pretrained import from_folder

_MAPS = re.compile(r"pp_ocrv\d+_\w*det")
"""Model types that answer with a map of text instead of boxes."""


@dataclass(frozen=True)
class TextDetector:
    """A text detector by differentiable binarisation (arXiv 1911.08947) and its image processor."""

    network: Any
    processor: Any
    place: Place

    def pixels(self, frame: np.ndarray) -> np.ndarray:
        """A frame uint8 [H, W, 3] of any size as the network takes it: float32 [3, h, w], multiples of 32."""
        return self.processor(images=np.array(frame), return_tensors="np")["pixel_values"][0]

    def text_maps(self, pixels: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What `pixels` made of frames to float32 [h, w] each: from 0 to 1, how surely there is text at a place.

        The map spans the whole picture. It marks the core of each line of text, somewhat smaller than the line.
        """
        return in_batches(pixels, self.place.batch, self._map)

    def _map(self, pixels: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(pixels).to(self.place.device, self.place.dtype)
            return self.network(pixel_values=batch).last_hidden_state[:, 0].float().cpu().numpy()


def load(path: Path, place: Place) -> TextDetector:
    """The text detector in `path`: config, weights and image processor."""
    from transformers import AutoConfig, AutoImageProcessor, AutoModelForObjectDetection

    kind = AutoConfig.from_pretrained(path, local_files_only=True).model_type
    if not _MAPS.fullmatch(kind):
        raise ValueError(f"it is a {kind}, and text is found by PP-OCR detectors (pp_ocrv5_mobile_det and its like)")
    processor = AutoImageProcessor.from_pretrained(path, local_files_only=True)
    return TextDetector(from_folder(AutoModelForObjectDetection, path, place), processor, place)
