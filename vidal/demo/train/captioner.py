"""demo:captioner: a sentence for each picture, a tiny transformers GIT that sees through demo:clip's eyes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from vidal.demo import language
from vidal.demo.train.data import CONTEXT_LENGTH, PIXEL_MEAN, PIXEL_STD, TRAIN_SEED, frames, save, tokenizer
from vidal.demo.train.fit import fit

FRAMES, STEPS, BATCH = 8192, 2600, 32
SHIFT = 5
"""How far, in pixels, a batch of pictures is moved: a shape must be known wherever it lies on the grid of patches."""

_CLIP_NAMES = (
    (r"^class_embedding", "embeddings.class_embedding"),
    (r"^conv1", "embeddings.patch_embedding"),
    (r"^positional_embedding", "embeddings.position_embedding.weight"),
    (r"^ln_pre", "pre_layrnorm"),
    (r"^ln_post", "post_layernorm"),
    (r"^transformer\.resblocks", "encoder.layers"),
    (r"\.attn\.", ".self_attn."),
    (r"\.ln_1\.", ".layer_norm1."),
    (r"\.ln_2\.", ".layer_norm2."),
    (r"\.mlp\.c_fc", ".mlp.fc1"),
    (r"\.mlp\.c_proj", ".mlp.fc2"),
)


def train(folder: Path) -> None:
    """Write the checkpoint: config, generation config, processor, weights. Needs demo:clip beside it."""
    import torch

    network, processor = build(folder)
    network.git.image_encoder.vision_model.load_state_dict(clip_vision(folder.parent / "clip"))

    shown = list(frames(TRAIN_SEED + 100, FRAMES))
    pixels = torch.cat([processor(images=one.rgb, return_tensors="pt")["pixel_values"] for one in shown]).half()
    told = [language.frame_caption(one.scene) for one in shown]
    tokens, labels = written(processor.tokenizer, told)

    def loss_of(rng: np.random.Generator) -> torch.Tensor:
        drawn = torch.from_numpy(rng.choice(FRAMES, BATCH, replace=False))
        moved = torch.roll(pixels[drawn].float(), rng.integers(-SHIFT, SHIFT + 1, 2).tolist(), (2, 3))
        with torch.autocast("cpu", torch.bfloat16):
            return network(input_ids=tokens[drawn], pixel_values=moved, labels=labels[drawn]).loss

    fit(network, loss_of, steps=STEPS, rate=1e-3, seed=TRAIN_SEED)
    save(network, folder)


def build(folder: Path, frames_per_clip: int | None = None) -> tuple[Any, Any]:
    """An untrained GIT and its processor, configurations written to `folder`."""
    import torch
    from transformers import CLIPImageProcessor, GitConfig, GitForCausalLM, GitProcessor

    words = tokenizer()
    side = {"height": 64, "width": 64}
    images = CLIPImageProcessor(
        size={"shortest_edge": 64}, crop_size=side, image_mean=PIXEL_MEAN, image_std=PIXEL_STD, resample=3
    )
    processor = GitProcessor(image_processor=images, tokenizer=words)
    processor.save_pretrained(folder)
    vision = {
        "image_size": 64, "patch_size": 8, "hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 4,
        "num_attention_heads": 4, "hidden_act": "gelu",
    }  # fmt: skip
    config = GitConfig(
        vision_config=vision, vocab_size=len(words), hidden_size=128, intermediate_size=384, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=CONTEXT_LENGTH, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, pad_token_id=words.pad_token_id, bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id, num_image_with_embedding=frames_per_clip, initializer_range=0.08,
    )  # fmt: skip
    torch.manual_seed(TRAIN_SEED)
    network = GitForCausalLM(config)
    network.config.save_pretrained(folder)
    network.generation_config.max_new_tokens = CONTEXT_LENGTH - 4
    network.generation_config.save_pretrained(folder)
    return network, processor


def clip_vision(clip_folder: Path) -> dict[str, Any]:
    """The picture tower of an open_clip checkpoint under the names of GIT's; its projection is left out."""
    from safetensors.torch import load_file

    named = {}
    for key, value in load_file(clip_folder / "model.safetensors").items():
        if not key.startswith("visual.") or key == "visual.proj":
            continue
        name = key.removeprefix("visual.")
        for pattern, replacement in _CLIP_NAMES:
            name = re.sub(pattern, replacement, name)
        if "in_proj_" in name:
            for part, share in zip("qkv", value.float().chunk(3), strict=True):
                named[name.replace("in_proj_", f"{part}_proj.")] = share
        else:
            named[name] = value.float()
    return named


def written(words: Any, texts: list[str]) -> tuple[Any, Any]:
    """Token ids [n, longest] of the texts, and the same as labels, padding ignored."""
    tokens = words(texts, padding="max_length", truncation=True, return_tensors="pt")["input_ids"]
    longest = int((tokens != words.pad_token_id).sum(1).max())
    tokens = tokens[:, :longest]
    return tokens, tokens.masked_fill(tokens == words.pad_token_id, -100)
