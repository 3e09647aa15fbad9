"""Roles `captioner` and `video_captioner`, by any image-text-to-text model of transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
from transformers.utils.logging import set_verbosity_error

from vidal.models.batching import in_groups
from vidal.models.image_text.form import Form, clip_form, picture_form
from vidal.models.length import caption_length
from vidal.models.options import Options
from vidal.models.place import Place
from vidal.models.pretrained import from_folder, model_type
from vidal.models.prompts import one_line

FRAMES = 8
"""A clip counts as so many pictures when batches are filled."""


@dataclass(frozen=True)
class ImageTextCaptioner:
    """A model and its processor, how it is asked, and where it runs. Beams and penalties are those of its checkpoint;
    never sampled, so always the same."""

    network: Any
    form: Form
    place: Place
    max_tokens: int

    def caption_images(self, frames: Sequence[np.ndarray]) -> list[str]:
        """Frames uint8 [H, W, 3] of any sizes to one caption each."""
        return self._captions([self.form.inputs([frame]) for frame in frames], self.place.batch)

    def caption_video(
        self,
        clips: Sequence[Sequence[np.ndarray]],
        hints: Sequence[str],
        seconds: Sequence[Sequence[float]] | None = None,
    ) -> list[str]:
        """Clips of uint8 [H, W, 3] frames, and one hint each (title and hashtags), to one caption each.

        `seconds` are the instants of the frames, a second apart where they are not given.
        """
        instants = seconds or [[float(number) for number in range(len(clip))] for clip in clips]
        inputs = [self.form.inputs(*one) for one in zip(clips, hints, instants, strict=True)]
        return self._captions(inputs, max(1, self.place.batch // FRAMES))

    def _captions(self, inputs: Sequence[dict[str, Any]], size: int) -> list[str]:
        """The answers, in batches of `size` inputs of the same shapes, so that none is padded for another."""
        shapes = [tuple((name, shape(value)) for name, value in sorted(one.items())) for one in inputs]
        return in_groups(shapes, size, lambda chosen: self._generate(joined([inputs[one] for one in chosen])))

    def _generate(self, inputs: dict[str, Any]) -> list[str]:
        place = self.place
        with torch.inference_mode():
            given = {name: moved(value, place) for name, value in inputs.items()}
            tokens = self.network.generate(**given, do_sample=False, max_new_tokens=self.max_tokens)
        asked = inputs.get("input_ids", torch.zeros(len(tokens), 0)).tolist()
        return [self._answer(*rows) for rows in zip(asked, tokens.tolist(), strict=True)]

    def _answer(self, asked: list[int], said: list[int]) -> str:
        """What was said as one line, without the prompt that some models repeat."""
        tokenizer, dropped = self.form.processor.tokenizer, markup(self.form.processor)
        prompt, words = ([token for token in ids if token not in dropped] for ids in (asked, said))
        if words[: len(prompt)] == prompt:
            words = words[len(prompt) :]
        return one_line(tokenizer.decode(words))


def load(path: Path, place: Place, options: Options, clips: bool) -> ImageTextCaptioner:
    """The captioner of clips, or else of pictures, in `path`: config, generation config, weights and a processor.

    Raises ValueError for a model of another kind, one that takes no clips, or a prompt that does not suit it.
    """
    set_verbosity_error()
    kind = model_type(path)
    if kind not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        raise ValueError(f"it is of the type {kind or 'unknown'}, no image-text-to-text model that transformers brings")
    processor = AutoProcessor.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    form = clip_form(processor, options.prompt) if clips else picture_form(processor, kind, options.prompt)
    network = from_folder(AutoModelForImageTextToText, path, place)
    if form.prompt is None and network.main_input_name == "input_ids":
        raise ValueError("it has no chat template, so it needs a prompt of your own that shows the picture")
    return ImageTextCaptioner(network, form, place, caption_length(network, options))


def markup(processor: Any) -> set[int]:
    """The ids that are no words: special tokens and the places of media."""
    tokenizer = processor.tokenizer
    special = (number for number, token in tokenizer.added_tokens_decoder.items() if token.special)
    media = (getattr(processor, f"{medium}_token_id", None) for medium in ("image", "video"))
    return {*tokenizer.all_special_ids, *special, *media}


def shape(value: Any) -> Any:
    """What must be equal for values to share a batch."""
    return tuple(value.shape) if isinstance(value, torch.Tensor) else tuple(shape(one) for one in value)


def joined(inputs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The inputs of several items as those of one batch, as the processors of transformers lay it out."""
    batch = {}
    for name, value in inputs[0].items():
        values = [one[name] for one in inputs]
        batch[name] = torch.cat(values) if isinstance(value, torch.Tensor) else [one for each in values for one in each]
    return batch


def moved(value: Any, place: Place) -> Any:
    """A value where the network is; pictures in its precision, counts and instants in their own."""
    if not isinstance(value, torch.Tensor):
        return value
    precision = place.dtype if value.is_floating_point() and value.ndim > 1 else None
    return value.to(place.device, precision)
