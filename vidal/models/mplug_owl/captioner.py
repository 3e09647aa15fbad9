"""Roles `captioner` and `video_captioner`, by an mPLUG-Owl."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vidal.models.batching import in_groups
from vidal.models.length import caption_length
from vidal.models.mplug_owl.model import MplugOwlForConditionalGeneration
from vidal.models.mplug_owl.pictures import cropped, normalised, squashed, thinned
from vidal.models.mplug_owl.prompt import CLIP_PROMPT, PICTURE_PROMPT, answer, checked, written
from vidal.models.mplug_owl.words import END, Words, load_words
from vidal.models.options import PLAIN, Options
from vidal.models.place import Place
from vidal.models.pretrained import from_folder

FRAMES = 8
"""Most frames of a clip that are shown."""
_STEP = 64
"""Prompts are padded to a multiple of this many positions: few shapes, each of a prompt's own choosing."""


@dataclass(frozen=True)
class MplugOwlCaptioner:
    """An mPLUG-Owl, its tokenizer, what it is asked, and where it runs. Always the most likely next word."""

    network: Any
    words: Words
    place: Place
    prompt: str
    max_tokens: int

    def caption_video(
        self,
        clips: Sequence[Sequence[np.ndarray]],
        hints: Sequence[str],
        seconds: Sequence[Sequence[float]] | None = None,
    ) -> list[str]:
        """Clips of uint8 [H, W, 3] frames, and one hint each (title and hashtags), to one caption each.

        Frames are squashed to the network's square; it takes no note of their `seconds`. Of clips of more than 8 frames
        some are taken. Hints may say anything: no part of them becomes a medium, a token that is not text, or a
        speaker.
        """
        side = self.network.config.vision_config.image_size
        shown = [np.stack([squashed(frame, side) for frame in thinned(clip, FRAMES)]) for clip in clips]
        return self._answers("video_pixel_values", shown, hints)

    def caption_images(self, frames: Sequence[np.ndarray]) -> list[str]:
        """Frames uint8 [H, W, 3] of any sizes to one caption each."""
        side = self.network.config.vision_config.image_size
        fitted: Callable[[np.ndarray, int], np.ndarray] = cropped if self.network.config.temporal else squashed
        return self._answers("pixel_values", [fitted(frame, side) for frame in frames], [""] * len(frames))

    def _answers(self, kind: str, media: Sequence[np.ndarray], hints: Sequence[str]) -> list[str]:
        """The answer to each medium uint8 [..., S, S, 3] and its hints. A batch holds media of one shape whose padded
        prompts have one length."""
        prompts = [self._prompt(hint) for hint in hints]
        shapes = [(len(prompt), *medium.shape) for prompt, medium in zip(prompts, media, strict=True)]

        def forward(chosen: list[int]) -> list[str]:
            return self._generate(kind, [media[one] for one in chosen], [prompts[one] for one in chosen])

        return in_groups(shapes, self.place.batch, forward)

    def _prompt(self, hints: str) -> list[int | None]:
        """The ids of a prompt after as many None as bring it to a multiple of 64."""
        ids = self.words.prompt(written(self.prompt, hints, self.words), self.network.config.medium_length)
        return [None] * (-len(ids) % _STEP) + ids

    def _generate(self, kind: str, media: list[np.ndarray], prompts: list[list[int | None]]) -> list[str]:
        ids = torch.tensor([[END if one is None else one for one in prompt] for prompt in prompts])
        mask = torch.tensor([[one is not None for one in prompt] for prompt in prompts])
        device = self.place.device
        with torch.inference_mode():
            pixels = normalised(torch.from_numpy(np.stack(media)).to(device)).to(self.place.dtype)
            tokens = self.network.generate(
                ids.to(device),
                mask.to(device),
                **{kind: pixels.transpose(1, 2) if pixels.dim() == 5 else pixels},
                do_sample=False,
                max_new_tokens=self.max_tokens,
                eos_token_id=END,
                pad_token_id=END,
            )
        return [answer(self.words.decode(row)) for row in tokens.tolist()]


def load(path: Path, place: Place, options: Options = PLAIN) -> MplugOwlCaptioner:
    """The mPLUG-Owl for clips in `path`: `config.json`, weights, `tokenizer.model`, as published.

    A prompt holds `<|video|>` once; its lines with `{hints}` are left out where there are none.
    """
    captioner = _load(path, place, checked(options.prompt or CLIP_PROMPT, "<|video|>"), options)
    if not captioner.network.config.temporal:
        raise ValueError("its weights have no temporal queries, so it captions pictures and not clips")
    return captioner


def load_for_pictures(path: Path, place: Place, options: Options = PLAIN) -> MplugOwlCaptioner:
    """The mPLUG-Owl in `path`, for pictures or for clips, to be shown pictures; a prompt holds `<image>` once."""
    return _load(path, place, checked(options.prompt or PICTURE_PROMPT, "<image>"), options)


def _load(path: Path, place: Place, prompt: str, options: Options) -> MplugOwlCaptioner:
    words = load_words(path)
    network = from_folder(MplugOwlForConditionalGeneration, path, place)
    if words.backend.get_vocab_size() > network.config.text_config.vocab_size:
        raise ValueError("its tokenizer has more words than its network")
    return MplugOwlCaptioner(network, words, place, prompt, caption_length(network, options))
