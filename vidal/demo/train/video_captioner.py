"""demo:video-captioner: a sentence for each clip, the GIT of demo:captioner taught to read frames in a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vidal.demo import language
from vidal.demo.train.captioner import build, written
from vidal.demo.train.data import TRAIN_SEED, clip_frames, save, scenes
from vidal.demo.train.fit import fit

CLIPS, FRAMES_PER_CLIP, STEPS, BATCH = 1024, 4, 160, 16


def train(folder: Path) -> None:
    """Write the checkpoint: config, generation config, processor, weights. Needs demo:captioner beside it."""
    import torch
    from safetensors.torch import load_file

    network, processor = build(folder, FRAMES_PER_CLIP)
    learned = {name: value.float() for name, value in load_file(folder.parent / "captioner/model.safetensors").items()}
    network.load_state_dict({**network.state_dict(), **learned})
    network.git.image_encoder.requires_grad_(False)

    shown = scenes(TRAIN_SEED + 200, CLIPS)
    clips = (clip_frames(one, FRAMES_PER_CLIP, short_side=128) for one in shown)
    pixels = torch.stack([processor(images=clip, return_tensors="pt")["pixel_values"].half() for clip in clips])
    tokens, labels = written(processor.tokenizer, [language.caption(one) for one in shown])

    def loss_of(rng: np.random.Generator) -> torch.Tensor:
        drawn = torch.from_numpy(rng.choice(CLIPS, BATCH, replace=False))
        return network(input_ids=tokens[drawn], pixel_values=pixels[drawn].float(), labels=labels[drawn]).loss

    fit(network, loss_of, steps=STEPS, rate=1e-3, seed=TRAIN_SEED)
    save(network, folder)
