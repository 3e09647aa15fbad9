"""A tiny OFA with random weights, stored as the published ones are, and the folder of parity data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from vidal.models.ofa.config import OFAConfig
from vidal.models.ofa.model import OFAForConditionalGeneration
from vidal.models.ofa.positions import grid, image_buckets, token_buckets

PARITY = Path(__file__).parents[3] / "../shared/parity/ofa"
SIZES = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48,
    "encoder_attention_heads": 4, "decoder_attention_heads": 2, "resnet_type": "resnet18", "resnet_width": 4,
    "image_bucket_size": 6, "token_bucket_size": 16, "max_position_embeddings": 64, "code_image_size": 32,
    "patch_image_size": 64, "init_std": 0.2,
}  # fmt: skip
TEXTS = ("what does the image describe", "a red green blue circle square star", "moves left right above below is on of")
WORDS = " ".join(TEXTS).split()


@pytest.fixture(scope="session")
def parity() -> Path:
    """The parity data of OFA."""
    if not PARITY.is_dir():
        pytest.skip(f"{PARITY} is absent")
    return PARITY


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in the published layout; `pytorch_model.bin` has the derived tables and all names of a matrix."""
    folder = tmp_path_factory.mktemp("ofa")
    vocabulary, merges = words()
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    network = random_network(OFAConfig(vocab_size=len(vocabulary), **SIZES))
    network.config.architectures = ["OFAModel"]
    network.config.save_pretrained(folder)
    torch.save({**network.state_dict(), **derived(network.config)}, folder / "pytorch_model.bin")
    return folder


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Seven pictures of several sizes."""
    rng = np.random.default_rng(3)
    sides = [(64, 64), (90, 120), (33, 200), (128, 128), (64, 64), (240, 135), (50, 50)]
    small = [rng.integers(0, 256, (4, 4, 3), np.uint8) for _ in sides]
    return [
        np.kron(one, np.ones((1 + h // 4, 1 + w // 4, 1), np.uint8))[:h, :w]
        for one, (h, w) in zip(small, sides, strict=True)
    ]


def words() -> tuple[dict[str, int], list[str]]:
    """A vocabulary in BART's numbering and its merges, learned from WORDS."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=380, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    core.train_from_iterator(WORDS * 2, trainer)
    learned = json.loads(core.to_str())["model"]
    pieces = sorted(learned["vocab"], key=learned["vocab"].get)
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", *pieces, "<mask>"]
    return {token: index for index, token in enumerate(vocabulary)}, [" ".join(pair) for pair in learned["merges"]]


def random_network(config: OFAConfig) -> OFAForConditionalGeneration:
    """Random weights whose batch norms have seen pictures, so that the picture decides the text."""
    torch.manual_seed(7)
    network = OFAForConditionalGeneration(config)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    network.train()
    with torch.no_grad():
        network.encoder.embed_images(torch.rand(16, 3, 64, 64) * 2 - 1)
    return network.eval()


def derived(config: OFAConfig) -> dict[str, Any]:
    """The tables that published files hold and that follow from the configuration (of the encoder's here)."""
    every = torch.arange(64)
    rows, columns = grid(config.image_bucket_size, config.image_bucket_size)
    return {
        "encoder.token_rp_bucket": token_buckets(every, every, config.token_bucket_size),
        "encoder.image_rp_bucket": image_buckets(rows, columns, config.image_bucket_size),
        "decoder.token_rp_bucket": token_buckets(every, every, config.token_bucket_size),
        "decoder.image_rp_bucket": image_buckets(rows, columns, config.image_bucket_size),
        "decoder.image_position_idx": torch.arange(17),
    }
