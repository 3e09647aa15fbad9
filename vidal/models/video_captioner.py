"""Role `video_captioner`: one sentence for each clip, by a GIT with temporal embeddings or by mPLUG-Owl."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidal.models.place import Place
from vidal.models.pretrained import from_folder, model_type


@dataclass(frozen=True)
class VideoCaptioner:
    """A video captioner with its own processor. Beams and lengths are those of its generation config.

    A checkpoint takes hints if its config has a key `prompt`, a text that contains `{hints}`; the answer then starts
    after the prompt. Without that key (every published GIT) hints are not used.
    """

    network: Any
    processor: Any
    place: Place

    def caption_video(self, clips: Sequence[Sequence[np.ndarray]], hints: Sequence[str]) -> list[str]:
        """Clips of uint8 [H, W, 3] frames, and one hint each (title and hashtags), to one caption each.

        The network's number of frames is taken from each clip, evenly spaced. A clip is a batch of its own.
        """
        return [self._caption(frames, hint) for frames, hint in zip(clips, hints, strict=True)]

    def _caption(self, frames: Sequence[np.ndarray], hint: str) -> str:
        import torch

        chosen = np.linspace(0, len(frames) - 1, self.network.config.num_image_with_embedding).round().astype(int)
        images = [np.array(frames[index]) for index in chosen]
        pixels = self.processor(images=images, return_tensors="pt")["pixel_values"]
        prompt = self._prompt(hint)
        with torch.inference_mode():
            inputs = {"pixel_values": pixels[None].to(self.place.device, self.place.dtype)}
            if prompt:
                inputs["input_ids"] = torch.tensor([prompt], device=self.place.device)
            tokens = self.network.generate(**inputs, do_sample=False)[0, len(prompt) :]
        return self.processor.decode(tokens, skip_special_tokens=True).strip()

    def _prompt(self, hint: str) -> list[int]:
        template = getattr(self.network.config, "prompt", None)
        if template is None:
            return []
        tokenizer = self.processor.tokenizer
        text = template.replace("{hints}", hint)
        start = self.network.generation_config.bos_token_id
        return [start, *tokenizer(text, add_special_tokens=False, truncation=True)["input_ids"]]


def load(path: Path, place: Place) -> Any:
    """The video captioner in `path`: an mPLUG-Owl as published, or a GIT: config with `num_image_with_embedding`,
    generation config, weights, processor."""
    if model_type(path) == "mplug-owl":
        from vidal.models.mplug_owl.captioner import load as load_mplug_owl

        return load_mplug_owl(path, place)
    from transformers import AutoProcessor, GitForCausalLM

    network = from_folder(GitForCausalLM, path, place)
    if not network.config.num_image_with_embedding:
        raise ValueError("its config has no num_image_with_embedding, so it captions pictures and not clips")
    return VideoCaptioner(network, AutoProcessor.from_pretrained(path, local_files_only=True), place)
