"""Role `clip`: pictures and texts in one space, by open_clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidal.engine.errors import ConfigError
from vidal.models.batching import in_batches, rows, unit
from vidal.models.open_clip_names import PREFIX, Named
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

    def pixels(self, frame: np.ndarray) -> np.ndarray:
        """A frame uint8 [H, W, 3] of any size as the network takes it: float32 [3, size, size]."""
        from PIL import Image

        return self.preprocess(Image.fromarray(frame)).numpy()

    def embed_pixels(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """What `pixels` made of frames to float32 [n, width], L2-normalised."""
        return rows(in_batches(pixels, self.place.batch, self._encode_images), self.width)

    def embed_images(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """Frames uint8 [H, W, 3] of any sizes to float32 [n, width], L2-normalised."""
        return self.embed_pixels([self.pixels(frame) for frame in frames])

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to float32 [n, width], L2-normalised; what exceeds the context length is cut."""
        tokens = [self.tokenize([text])[0].numpy() for text in texts]
        return rows(in_batches(tokens, self.place.batch, self._encode_texts), self.width)

    def compile(self) -> None:
        """Have torch compile the picture tower, here and now, since all batches have one shape.

        ConfigError where torch cannot: without a C compiler, say.
        """
        self.network.visual.compile(dynamic=False)
        try:
            self.embed_images([np.zeros((64, 64, 3), np.uint8)])
        except Exception as error:  # torch, a compiler or a linker: each raises what it likes
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise ConfigError(f"torch cannot compile here ({reason}); leave `compile` out") from error

    def _encode_images(self, pixels: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            images = torch.from_numpy(pixels).to(self.place.device, self.place.dtype)
            return unit(self.network.encode_image(images))

    def _encode_texts(self, tokens: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            return unit(self.network.encode_text(torch.from_numpy(tokens).to(self.place.device)))


def load(path: Path, place: Place) -> Clip:
    """The CLIP in the folder `path`: `open_clip_config.json`, weights, and the tokenizer that its config names."""
    if not (path / "open_clip_config.json").is_file():
        raise ValueError(
            f"{path} is no folder with an open_clip_config.json; weights alone are named {PREFIX}ARCHITECTURE:FILE"
        )
    import open_clip

    source = f"local-dir:{path}"
    return _clip(source, open_clip.get_tokenizer(source), place)


def load_named(named: Named, path: Path, place: Place) -> Clip:
    """The CLIP of a name of open_clip, with the weights in the file `path`.

    A tag brings its preprocessing, and the activation its weights were trained with; a file has the architecture's.
    """
    training = named.training
    preprocessing = {f"image_{key}": training.get(key) for key in ("mean", "std", "interpolation", "resize_mode")}
    text, quick = named.text_here(), bool(training.get("quick_gelu"))
    tower = {"text_cfg": {**text, "hf_model_pretrained": False}} if text.get("hf_model_name") else {}
    how = {"pretrained": str(path), "force_quick_gelu": quick, **preprocessing, **tower}
    return _clip(named.architecture, _tokenizer(named.architecture, text), place, **how)


def _tokenizer(architecture: str, text: Mapping[str, Any]) -> Callable[[Sequence[str]], Any]:
    import open_clip
    from open_clip.tokenizer import DEFAULT_CONTEXT_LENGTH, HFTokenizer

    if not text.get("hf_tokenizer_name"):
        return open_clip.get_tokenizer(architecture)
    return HFTokenizer(
        text["hf_tokenizer_name"],
        context_length=text.get("context_length", DEFAULT_CONTEXT_LENGTH),
        tokenizer_mode=text.get("tokenizer_mode"),
        **text.get("tokenizer_kwargs") or {},
    )


def _clip(source: str, tokenize: Callable[[Sequence[str]], Any], place: Place, **how: Any) -> Clip:
    import torch

    network, preprocess = _drawn(source, place) if place.weights == "random" else _filled(source, place, **how)
    network.eval()
    with torch.inference_mode():
        tokens = tokenize([""]).to(next(network.parameters()).device)
        width = network.encode_text(tokens).shape[-1]
    return Clip(network, preprocess, tokenize, place, width)


def _filled(source: str, place: Place, **how: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The network with its weights, and its preprocessing; where shapes are enough, the weights are mapped, compared
    and left where they are."""
    import warnings

    import open_clip
    import torch
    from torch.utils.serialization import config

    how = {**how, "precision": _precision(place), "weights_only": True}
    if place.weights == "stored":
        return open_clip.create_model_from_pretrained(source, device=place.device, **how)
    with torch.device("meta"), config.patch({"load.mmap": True}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*which is a no-op")
        return open_clip.create_model_from_pretrained(source, device="meta", **how)


def _drawn(source: str, place: Place) -> tuple[Any, Callable[[Any], Any]]:
    """The network of a folder without weights, and its preprocessing. That there are none is no news."""
    import logging

    import open_clip
    import torch
    from open_clip.transform import PreprocessCfg, image_transform_v2

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with torch.device(place.device):
            network = open_clip.create_model(
                source, precision=_precision(place), device=place.device, load_weights=False, pretrained_text=False
            )
    finally:
        logging.disable(before)
    return network, image_transform_v2(PreprocessCfg(**network.visual.preprocess_cfg), is_train=False)


def _precision(place: Place) -> str:
    return _PRECISION[str(place.dtype).removeprefix("torch.")]
