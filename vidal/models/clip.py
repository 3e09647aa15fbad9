"""Role `clip`: pictures and texts in one space, by open_clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidal.models.batching import in_batches, rows
from vidal.models.place import Place

_PRECISION = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


@dataclass(frozen=True)
class Clip:
    """A CLIP with its own preprocessing and tokenizer; embeddings have unit length and `width` numbers."""

    network: Any
    preprocess: Callable[[Any], Any]
    tokenize: Callable[[Sequence[str]], Any]
    place: Place
    width: int

    def embed_images(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """Frames uint8 [H, W, 3] of any sizes to float32 [n, width], L2-normalised."""
        from PIL import Image

        pixels = [self.preprocess(Image.fromarray(frame)).numpy() for frame in frames]
        return rows(in_batches(pixels, self.place.batch, self._encode_images), self.width)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to float32 [n, width], L2-normalised; what exceeds the context length is cut."""
        tokens = [self.tokenize([text])[0].numpy() for text in texts]
        return rows(in_batches(tokens, self.place.batch, self._encode_texts), self.width)

    def compile(self) -> None:
        """Have torch compile the picture tower, at the first pictures: all batches have one shape, so once."""
        self.network.visual.compile(dynamic=False)

    def _encode_images(self, pixels: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            images = torch.from_numpy(pixels).to(self.place.device, self.place.dtype)
            return self.network.encode_image(images, normalize=True).float().cpu().numpy()

    def _encode_texts(self, tokens: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(tokens).to(self.place.device)
            return self.network.encode_text(batch, normalize=True).float().cpu().numpy()


def load(path: Path, place: Place) -> Clip:
    """The CLIP in `path`: `open_clip_config.json`, weights, and tokenizer files if its config names a tokenizer."""
    import open_clip
    import torch

    source = f"local-dir:{path}"
    precision = _PRECISION[str(place.dtype).removeprefix("torch.")]
    network, preprocess = open_clip.create_model_from_pretrained(
        source, precision=precision, device=place.device, weights_only=True
    )
    network.eval()
    tokenize = open_clip.get_tokenizer(source)
    with torch.inference_mode():
        width = network.encode_text(tokenize([""]).to(place.device)).shape[-1]
    return Clip(network, preprocess, tokenize, place, width)
