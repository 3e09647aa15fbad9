"""Roles `captioner` and `video_captioner`, by a GIT, of pictures or of clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidal.models.batching import in_batches
from vidal.models.length import caption_length
from vidal.models.options import Options
from vidal.models.place import Place
from vidal.models.pretrained import from_folder
from vidal.models.prompts import asked


@dataclass(frozen=True)
class Git:
    """A GIT with its processor. Beams are those of its generation config; never sampled.

    A prompt is the beginning of the caption, which goes on after it. None was published with a prompt.
    """

    network: Any
    processor: Any
    place: Place
    prompt: str | None
    max_tokens: int

    def caption_images(self, frames: Sequence[np.ndarray]) -> list[str]:
        """Frames uint8 [H, W, 3] of any sizes to one caption each."""
        pixels = [self.processor(images=np.array(frame), return_tensors="np")["pixel_values"][0] for frame in frames]
        return in_batches(pixels, self.place.batch, lambda batch: self._generate(batch, self._prompt("")))

    def caption_video(
        self,
        clips: Sequence[Sequence[np.ndarray]],
        hints: Sequence[str],
        seconds: Sequence[Sequence[float]] | None = None,
    ) -> list[str]:
        """Clips of uint8 [H, W, 3] frames, and one hint each (title and hashtags), to one caption each.

        The network's number of frames is taken from each clip, evenly spaced; it takes no note of their `seconds`. A
        clip is a batch of its own. Without a prompt that contains `{hints}`, they are not used.
        """
        return [self._caption(frames, hint) for frames, hint in zip(clips, hints, strict=True)]

    def _caption(self, frames: Sequence[np.ndarray], hint: str) -> str:
        chosen = np.linspace(0, len(frames) - 1, self.network.config.num_image_with_embedding).round().astype(int)
        images = [np.array(frames[index]) for index in chosen]
        pixels = np.asarray(self.processor(images=images, return_tensors="np")["pixel_values"])
        clip = pixels.reshape(1, len(images), *pixels.shape[-3:])  # processors of videos make a clip of the pictures
        return self._generate(clip, self._prompt(hint))[0]

    def _generate(self, pixels: np.ndarray, prompt: list[int]) -> list[str]:
        import torch

        with torch.inference_mode():
            inputs = {"pixel_values": torch.from_numpy(pixels).to(self.place.device, self.place.dtype)}
            if prompt:
                inputs["input_ids"] = torch.tensor([prompt] * len(pixels), device=self.place.device)
            tokens = self.network.generate(**inputs, do_sample=False, max_new_tokens=self.max_tokens)[:, len(prompt) :]
        return [text.strip() for text in self.processor.batch_decode(tokens, skip_special_tokens=True)]

    def _prompt(self, hint: str) -> list[int]:
        if self.prompt is None:
            return []
        text = asked(self.prompt, hint)
        words = self.processor.tokenizer(text, add_special_tokens=False, truncation=True)["input_ids"]
        return [self.network.generation_config.bos_token_id, *words]


def load(path: Path, place: Place, options: Options, clips: bool) -> Git:
    """The GIT in `path`: config, with `num_image_with_embedding` if it is one for `clips`, generation config, weights,
    processor."""
    from transformers import AutoProcessor, GitForCausalLM

    network = from_folder(GitForCausalLM, path, place)
    if clips and not network.config.num_image_with_embedding:
        raise ValueError("its config has no num_image_with_embedding, so it captions pictures and not clips")
    processor = AutoProcessor.from_pretrained(path, local_files_only=True)
    return Git(network, processor, place, options.prompt, caption_length(network, options))
