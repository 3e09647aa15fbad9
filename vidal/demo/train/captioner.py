"""demo:captioner: a sentence for each picture, a tiny OFA."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vidal.demo import language
from vidal.demo.train.data import TRAIN_SEED, frames, save
from vidal.demo.train.fit import fit
from vidal.demo.train.naming import fit_to_name
from vidal.demo.train.words import write_bpe

FRAMES, NAMING_STEPS, STEPS, BATCH = 8192, 800, 1200, 32
NAMING_RATE, RATE = 3e-3, 1e-3
SIDE = 96
SHIFT = 6
"""How far, in pixels, a batch of pictures is moved: a shape must be known wherever it lies on the grid of cells."""


def train(folder: Path) -> None:
    """Write the checkpoint: config, generation config, vocabulary and merges, weights."""
    import torch

    from vidal.models.ofa.captioner import PROMPT, normalised, resized
    from vidal.models.ofa.tokenizer import OFATokenizer

    write_bpe(folder, PROMPT)
    words = OFATokenizer.from_pretrained(folder, local_files_only=True)
    network = _untrained(words.vocab_size)
    network.config.save_pretrained(folder)
    network.generation_config.save_pretrained(folder)

    shown, scenes = [], []
    for one in frames(TRAIN_SEED + 100, FRAMES):
        shown.append(resized(one.rgb, SIDE))
        scenes.append(one.scene)
    pictures = torch.from_numpy(np.stack(shown))
    prompt = torch.tensor([words(PROMPT)["input_ids"]] * BATCH)
    labels = _labels(words, [language.frame_caption(one) for one in scenes])

    def moved(drawn: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        pixels = torch.roll(normalised(pictures[drawn]), rng.integers(-SHIFT, SHIFT + 1, 2).tolist(), (2, 3))
        return pixels.contiguous(memory_format=torch.channels_last)

    def features(drawn: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        return network.encoder.embed_images(moved(drawn, rng)).amax((2, 3))

    def loss_of(rng: np.random.Generator) -> torch.Tensor:
        drawn = rng.choice(FRAMES, BATCH, replace=False)
        return network(input_ids=prompt, patch_images=moved(drawn, rng), labels=labels[drawn]).loss

    fit_to_name(
        network.encoder.embed_images, features, scenes, width=network.encoder.image_proj.in_features,
        steps=NAMING_STEPS, batch=BATCH, rate=NAMING_RATE,
    )  # fmt: skip
    fit(network, loss_of, steps=STEPS, rate=RATE, seed=TRAIN_SEED)
    save(network, folder)


def _untrained(vocabulary: int) -> Any:
    """An OFA of the published form, 1.1 million parameters."""
    import torch

    from vidal.models.ofa.config import OFAConfig
    from vidal.models.ofa.model import OFAForConditionalGeneration

    config = OFAConfig(
        vocab_size=vocabulary, d_model=128, encoder_layers=2, decoder_layers=2, encoder_ffn_dim=256,
        decoder_ffn_dim=256, encoder_attention_heads=4, decoder_attention_heads=4, resnet_type="resnet18",
        resnet_width=16, patch_image_size=SIDE, image_bucket_size=SIDE // 16, code_image_size=16,
        token_bucket_size=16, max_position_embeddings=32, dropout=0.0, init_std=0.08,
    )  # fmt: skip
    torch.manual_seed(TRAIN_SEED)
    network = OFAForConditionalGeneration(config)
    network.encoder.embed_images.to(memory_format=torch.channels_last)
    return network


def _labels(words: Any, texts: Sequence[str]) -> Any:
    """Token ids [n, longest] that end with the end token, padding ignored. A text has its blank in front, as OFA's."""
    tokens = words([f" {text}" for text in texts], padding=True, return_tensors="pt")["input_ids"][:, 1:]
    return tokens.masked_fill(tokens == words.pad_token_id, -100)
