"""demo:clip: a contrastive model of pictures and texts, in open_clip's own layout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vidal.demo.scene import SHAPES, Scene
from vidal.demo.train.data import CONTEXT_LENGTH, PIXEL_MEAN, PIXEL_STD, TRAIN_SEED, frames, save, texts, tokenizer
from vidal.demo.train.fit import fit
from vidal.demo.train.naming import fit_to_name

FRAMES, NAMING_STEPS, NAMING_BATCH, STEPS, BATCH = 12288, 3600, 32, 600, 128
NAMING_RATE, RATE = 1.5e-3, 1e-3
SHIFT = 3
"""How far, in pixels, a batch of pictures is moved: a shape must be known wherever it lies on the grid of patches."""

ALIKE = 0.5
"""Share of the batches whose pictures differ in their shape alone, in groups of six: among others, a shape decides too
seldom to be learned."""


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
    scenes = [one.scene for one in shown]
    pixels = torch.stack([preprocess(Image.fromarray(one.rgb)) for one in shown]).half()
    words_rng = np.random.default_rng(TRAIN_SEED)
    tokens = torch.stack([tokenize(texts(one, words_rng)) for one in scenes])
    groups = siblings(scenes)

    def moved(drawn: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        return torch.roll(pixels[drawn].float(), rng.integers(-SHIFT, SHIFT + 1, 2).tolist(), (2, 3))

    def features(drawn: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        found = network.visual.forward_intermediates(
            moved(drawn, rng), indices=1, normalize_intermediates=True, output_fmt="NLC", output_extra_tokens=True
        )
        whole, patches = found["image_intermediates_prefix"][0][:, 0], found["image_intermediates"][0]
        return torch.cat([whole, patches.amax(1)], 1)

    def loss_of(rng: np.random.Generator) -> torch.Tensor:
        alike = groups[rng.choice(len(groups), BATCH // len(SHAPES), replace=False)]
        drawn = np.unique(rng.permuted(alike, axis=2)[..., 0])
        anything = rng.choice(FRAMES, BATCH, replace=False)
        drawn = drawn if rng.random() < ALIKE else anything
        which = torch.from_numpy(rng.integers(tokens.shape[1], size=len(drawn)))
        images = network.encode_image(moved(drawn, rng), normalize=True)
        written = network.encode_text(tokens[torch.from_numpy(drawn), which], normalize=True)
        scores = network.logit_scale.exp().clamp(max=100.0) * images @ written.T
        target = torch.arange(len(drawn))
        return (cross_entropy(scores, target) + cross_entropy(scores.T, target)) / 2

    fit_to_name(
        network.visual, features, scenes, width=2 * model["vision_cfg"]["width"], steps=NAMING_STEPS,
        batch=NAMING_BATCH, rate=NAMING_RATE,
    )  # fmt: skip
    fit(network, loss_of, steps=STEPS, rate=RATE, seed=TRAIN_SEED)
    save(network, folder)


def siblings(scenes: Sequence[Scene]) -> np.ndarray:
    """The numbers of scenes [groups, shapes, each]; those of a group are alike in all that a caption says but shape."""
    found: dict[tuple[str, ...], list[list[int]]] = {}
    for number, one in enumerate(scenes):
        alike = found.setdefault((one.size, one.colour, one.motion, one.background), [[] for _ in SHAPES])
        alike[SHAPES.index(one.shape)].append(number)
    return np.array(list(found.values()))
