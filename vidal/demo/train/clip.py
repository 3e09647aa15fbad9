"""demo:clip: a contrastive model of pictures and texts, in open_clip's own layout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from vidal.demo.train.data import CONTEXT_LENGTH, PIXEL_MEAN, PIXEL_STD, TRAIN_SEED, frames, save, texts, tokenizer
from vidal.demo.train.fit import fit

FRAMES, STEPS, BATCH = 12288, 520, 128


def train(folder: Path) -> None:
    """Write the checkpoint: config, tokenizer, weights."""
    import open_clip
    import torch
    from PIL import Image
    from torch.nn.functional import cross_entropy

    words = tokenizer()
    words.save_pretrained(folder)
    model = {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 64, "patch_size": 8, "layers": 4, "width": 128, "head_width": 32},
        "text_cfg": {
            "context_length": CONTEXT_LENGTH, "vocab_size": len(words), "width": 64, "heads": 2, "layers": 2,
            "hf_tokenizer_name": "demo",
        },
    }  # fmt: skip
    preprocessing = {"mean": PIXEL_MEAN, "std": PIXEL_STD, "interpolation": "bicubic", "resize_mode": "shortest"}
    config = {"model_cfg": model, "preprocess_cfg": preprocessing}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")

    source = f"local-dir:{folder}"
    torch.manual_seed(TRAIN_SEED)
    network, _, preprocess = open_clip.create_model_and_transforms(source, load_weights=False)
    tokenize = open_clip.get_tokenizer(source)
    shown = list(frames(TRAIN_SEED, FRAMES))
    pixels = torch.stack([preprocess(Image.fromarray(one.rgb)) for one in shown]).half()
    words_rng = np.random.default_rng(TRAIN_SEED)
    tokens = torch.stack([tokenize(texts(one.scene, words_rng)) for one in shown])

    def loss_of(rng: np.random.Generator) -> torch.Tensor:
        drawn = torch.from_numpy(rng.choice(FRAMES, BATCH, replace=False))
        which = torch.from_numpy(rng.integers(tokens.shape[1], size=BATCH))
        images = network.encode_image(pixels[drawn].float(), normalize=True)
        written = network.encode_text(tokens[drawn, which], normalize=True)
        scores = network.logit_scale.exp().clamp(max=100.0) * images @ written.T
        target = torch.arange(BATCH)
        return (cross_entropy(scores, target) + cross_entropy(scores.T, target)) / 2

    fit(network, loss_of, steps=STEPS, rate=1.5e-3, seed=TRAIN_SEED)
    save(network, folder)
