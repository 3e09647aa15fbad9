"""Role `captioner`, by an OFA: one sentence for each picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from vidal.models.batching import in_batches
from vidal.models.ofa.model import OFAForConditionalGeneration
from vidal.models.ofa.stopping import OriginalStopRule
from vidal.models.ofa.tokenizer import OFATokenizer
from vidal.models.options import PLAIN, Options
from vidal.models.place import Place
from vidal.models.pretrained import from_folder

PROMPT = " what does the image describe?"
"""The prompt of the original's captions; its leading blank is part of it."""
SEARCH = {"num_beams": 5, "no_repeat_ngram_size": 3, "do_sample": False, "use_cache": True}
"""The original's search. Its length is the checkpoint's `max_length`, or else 20, ids of start and end included."""
_LENGTH = 20


class OFAWithOriginalStopRule(OriginalStopRule, OFAForConditionalGeneration):
    """An OFA that ends its search where the original does."""


@dataclass(frozen=True)
class OFACaptioner:
    """An OFA, its tokenizer and where it runs."""

    network: Any
    tokenizer: OFATokenizer
    place: Place

    def caption_images(self, frames: Sequence[np.ndarray]) -> list[str]:
        """Frames uint8 [H, W, 3] of any sizes to one caption each; never sampled, so always the same."""
        side = self.network.config.patch_image_size
        return in_batches([resized(frame, side) for frame in frames], self.place.batch, self._generate)

    def _generate(self, pictures: np.ndarray) -> list[str]:
        prompt = torch.tensor([self.tokenizer(PROMPT)["input_ids"]] * len(pictures), device=self.place.device)
        length = self.network.generation_config.max_length or _LENGTH
        with torch.inference_mode():
            pixels = normalised(torch.from_numpy(pictures).to(self.place.device)).to(self.place.dtype)
            tokens = self.network.generate(input_ids=prompt, patch_images=pixels, max_length=length, **SEARCH)
        return [text.strip() for text in self.tokenizer.batch_decode(tokens, skip_special_tokens=True)]


def resized(frame: np.ndarray, side: int) -> np.ndarray:
    """A frame uint8 [H, W, 3] as uint8 [side, side, 3], its aspect not kept; bicubic, as Pillow does it."""
    return np.array(Image.fromarray(np.asarray(frame)).resize((side, side), Image.Resampling.BICUBIC))


def normalised(pictures: torch.Tensor) -> torch.Tensor:
    """Pictures uint8 [n, H, W, 3] as float32 [n, 3, H, W] in -1..1."""
    return (pictures.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5


def load(path: Path, place: Place, options: Options = PLAIN) -> OFACaptioner:
    """The OFA in `path`: `config.json`, weights, `vocab.json`, `merges.txt`, as published.

    `compat` ends the beam search by the original's rule. It changes the caption of few pictures.
    """
    network = from_folder(OFAWithOriginalStopRule if options.compat else OFAForConditionalGeneration, path, place)
    for name, source in network._tied_weights_keys.items():
        if network.get_parameter(name) is not network.get_parameter(source):
            raise ValueError(f"its weights hold different values of one matrix: {source} and {name}")
    return OFACaptioner(network, OFATokenizer.from_pretrained(path, local_files_only=True), place)
