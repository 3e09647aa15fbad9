"""How a model of transformers is shown pictures and clips and what it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from PIL import Image
from transformers.video_utils import VideoMetadata

from vidal.models.prompts import CLIP_PROMPT, FRAMES_PROMPT, PICTURE_PROMPT, asked

_TASKS = {"florence2": "<CAPTION>", "paligemma": "<image>caption en"}
"""What models without a chat template were trained to be asked; others of them begin a caption unasked."""
_STEP = 64
"""Prompts of clips are padded to a multiple of this many positions: few shapes, each of a prompt's own choosing."""
_TICKS = 1000
"""Parts of a second in which the instants of frames are told."""


@dataclass(frozen=True)
class Form:
    """One way of asking one processor: shown an `image`, `images` in a row or a `video`, with a prompt or without."""

    processor: Any
    shows: Literal["image", "images", "video"]
    prompt: str | None
    padded: bool
    """Whether the beginning of what is asked is filled up with padding."""

    def inputs(self, frames: Sequence[np.ndarray], hints: str = "", seconds: Sequence[float] = ()) -> dict[str, Any]:
        """What the network takes of frames uint8 [H, W, 3]: tensors whose first axis joins those of several calls.

        Hints may say anything: no part of them becomes a medium, a token that is not text, or a speaker. `seconds` are
        the instants of a video's frames.
        """
        text = None if self.prompt is None else asked(self.prompt, hints)
        made = self._chat(frames, text, seconds) if has_chat(self.processor) else self._plain(frames, text, seconds)
        return {name: value for name, value in made.items() if name != "labels"}

    def _chat(self, frames: Sequence[np.ndarray], text: str | None, seconds: Sequence[float]) -> Mapping[str, Any]:
        if self.shows == "video":
            media = [{"type": "video", "video": np.stack(frames)}]
        else:
            media = [{"type": "image", "image": Image.fromarray(frame)} for frame in frames]
        content = [*media, {"type": "text", "text": text}]
        return self.processor.apply_chat_template(
            [{"role": "user", "content": content}],
            tokenize=True,
            return_dict=True,
            add_generation_prompt=True,
            return_tensors="pt",
            processor_kwargs=self._how(seconds),
        )

    def _plain(self, frames: Sequence[np.ndarray], text: str | None, seconds: Sequence[float]) -> Mapping[str, Any]:
        media = {"videos": [np.stack(frames)]} if self.shows == "video" else {"images": [Image.fromarray(*frames)]}
        words = {} if text is None else {"text": [text]}
        return self.processor(**media, **words, return_tensors="pt", **self._how(seconds))

    def _how(self, seconds: Sequence[float]) -> dict[str, Any]:
        how: dict[str, Any] = {}
        if self.padded:
            how["text_kwargs"] = {"padding": True, "pad_to_multiple_of": _STEP, "padding_side": "left"}
        if self.shows == "video":
            how["videos_kwargs"] = {"do_sample_frames": False, "video_metadata": [[metadata(seconds)]]}
        if self.shows == "images" and hasattr(self.processor.image_processor, "do_image_splitting"):
            how["images_kwargs"] = {"do_image_splitting": False}
        return how


def picture_form(processor: Any, kind: str, prompt: str | None) -> Form:
    """How to ask about pictures. Raises ValueError if the prompt does not suit the model."""
    usual = PICTURE_PROMPT if has_chat(processor) else _TASKS.get(kind)
    form = Form(processor, "image", prompt or usual, padded=False)
    _inputs_of(form, 1)
    return form


def clip_form(processor: Any, prompt: str | None) -> Form:
    """How to ask about clips: as a video where the model takes videos, else as pictures in a row where its chat
    template takes several. Raises ValueError for a model that takes neither, or a prompt that does not suit it."""
    chat, videos = has_chat(processor), getattr(processor, "video_processor", None) is not None
    if videos and not chat and prompt is None:
        raise ValueError("it has no chat template, so it needs a prompt of your own that shows the video")
    ways = [("video", CLIP_PROMPT)] * videos + [("images", FRAMES_PROMPT)] * chat
    reasons = ["it captions pictures and not clips"]
    for shows, usual in ways:
        form = Form(processor, shows, prompt or usual, padded=processor.tokenizer.pad_token_id is not None)
        try:
            if _places(form, 8) > _places(form, 1):
                return form
            reasons.append(f"{shows}: its chat template has no place for them")
        except Exception as error:  # a template or processor meeting what it was not made for may raise anything
            reasons.append(f"{shows}: {error}")
    raise ValueError("; ".join(reasons))


def has_chat(processor: Any) -> bool:
    return getattr(processor, "chat_template", None) is not None


def metadata(seconds: Sequence[float]) -> VideoMetadata:
    """What a processor is told of the instants of frames, in thousandths of a second; the last frame lasts as long as
    the one before it, a single one for a second."""
    indices = [round(second * _TICKS) for second in seconds]
    last = indices[-1] - indices[-2] if len(indices) > 1 else _TICKS
    return VideoMetadata(total_num_frames=indices[-1] - indices[0] + max(last, 1), fps=_TICKS, frames_indices=indices)


def _inputs_of(form: Form, count: int) -> dict[str, Any]:
    """The inputs of black frames: what cannot be asked of them cannot be asked of any."""
    black = np.zeros((64, 96, 3), np.uint8)
    return form.inputs([black] * count, "a title", [float(number) for number in range(count)])


def _places(form: Form, count: int) -> int:
    return _inputs_of(replace(form, padded=False), count)["input_ids"].shape[1]
