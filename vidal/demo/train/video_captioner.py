"""demo:video-captioner: a sentence for each clip, a tiny mPLUG-Owl that begins with demo:clip's eyes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vidal.demo import language
from vidal.demo.scene import Scene
from vidal.demo.train.data import TRAIN_SEED, clip_frames, save, scenes
from vidal.demo.train.fit import fit
from vidal.demo.train.naming import fit_to_name
from vidal.demo.train.words import write_pieces

CLIPS, SIDE, SHOWN = 1536, 64, 8
NAMING_STEPS, NAMING_BATCH, STEPS, BATCH = 600, 32, 1000, 16
SHIFT = 3
"""How far, in pixels, a batch of pictures is moved: a shape must be known wherever it lies on the grid of patches."""
COUNTS = (2, 2, 2, 4)
"""Of how many frames the clips of a batch are. Those of a build have eight, and cost more than they teach."""
TOLD, WRONGLY = 0.5, 0.25
"""Share of the clips that are shown with a title and hashtags, and with those of another clip: the picture decides."""


def train(folder: Path) -> None:
    """Write the checkpoint: config, generation config, pieces, weights. Needs demo:clip beside it."""
    import torch

    from vidal.models.mplug_owl.captioner import load_words
    from vidal.models.mplug_owl.pictures import normalised, squashed
    from vidal.models.mplug_owl.prompt import CLIP_PROMPT, written

    write_pieces(folder, CLIP_PROMPT)
    words = load_words(folder)
    network = _untrained(words.backend.get_vocab_size())
    network.vision_model.load_state_dict(clip_vision(folder.parent / "clip", network.vision_model))
    network.config.save_pretrained(folder)
    network.generation_config.max_new_tokens = 24
    network.generation_config.save_pretrained(folder)

    shown = scenes(TRAIN_SEED + 200, CLIPS)
    clips = torch.from_numpy(
        np.stack([[squashed(frame, SIDE) for frame in clip_frames(one, SHOWN, short_side=128)] for one in shown])
    )
    captions = [words.encode(language.caption(one)) for one in shown]

    def moved(drawn: np.ndarray, count: int, rng: np.random.Generator) -> torch.Tensor:
        frames = np.sort(rng.choice(SHOWN, count, replace=False))
        pixels = normalised(clips[drawn][:, frames]).transpose(1, 2)
        return torch.roll(pixels, rng.integers(-SHIFT, SHIFT + 1, 2).tolist(), (3, 4))

    def features(drawn: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        return network.vision_model(moved(drawn, 1, rng)[:, :, 0])[:, 1:].amax(1)

    def prompt(number: int, rng: np.random.Generator) -> list[int]:
        chance = rng.random()
        told = shown[rng.integers(CLIPS) if chance < WRONGLY else number]
        hints = tagged(told) if chance < TOLD else ""
        return words.prompt(written(CLIP_PROMPT, hints, words), network.config.medium_length)

    def loss_of(rng: np.random.Generator) -> torch.Tensor:
        drawn = rng.choice(CLIPS, BATCH, replace=False)
        ids, labels = _rows([prompt(number, rng) for number in drawn], [captions[number] for number in drawn])
        return network(ids, video_pixel_values=moved(drawn, rng.choice(COUNTS), rng), labels=labels).loss

    fit_to_name(
        network.vision_model, features, shown, width=network.config.vision_config.hidden_size, steps=NAMING_STEPS,
        batch=NAMING_BATCH, rate=1.5e-3,
    )  # fmt: skip
    fit(network, loss_of, steps=STEPS, rate=1e-3, seed=TRAIN_SEED)
    save(network, folder)


def tagged(one: Scene) -> str:
    """Title and hashtags, as `caption/video` gives them to a captioner."""
    return " ".join((language.title(one), *(f"#{tag}" for tag in language.hashtags(one))))


def _untrained(vocabulary: int) -> Any:
    """An mPLUG-Owl for clips, 1.6 million parameters."""
    import torch

    from vidal.models.mplug_owl.config import MplugOwlConfig
    from vidal.models.mplug_owl.model import MplugOwlForConditionalGeneration

    sizes = {"hidden_size": 128, "num_attention_heads": 4, "initializer_range": 0.08}
    config = MplugOwlConfig(
        vision_config={**sizes, "intermediate_size": 512, "num_hidden_layers": 4, "image_size": SIDE, "patch_size": 8},
        visual_abstractor_config={
            **sizes, "encoder_hidden_size": 128, "intermediate_size": 256, "mlp_width": 256, "num_hidden_layers": 1,
        },
        text_config={
            **sizes, "intermediate_size": 256, "num_hidden_layers": 2, "vocab_size": vocabulary,
            "max_position_embeddings": 512,
        },
        num_query_tokens=8, temporal=True, initializer_range=0.08,
    )  # fmt: skip
    torch.manual_seed(TRAIN_SEED)
    return MplugOwlForConditionalGeneration(config)


def _rows(prompts: Sequence[list[int]], answers: Sequence[list[int]]) -> tuple[Any, Any]:
    """Ids and labels [rows, longest] of prompts and their answers; what counts are the answers and an end token."""
    import torch

    from vidal.models.mplug_owl.words import END

    longest = max(len(asked) + len(said) for asked, said in zip(prompts, answers, strict=True)) + 1
    ids = torch.full((len(prompts), longest), END)
    labels = torch.full((len(prompts), longest), -100)
    for row, (asked, said) in enumerate(zip(prompts, answers, strict=True)):
        end = len(asked) + len(said)
        ids[row, :end] = torch.tensor(asked + said)
        labels[row, len(asked) : end + 1] = ids[row, len(asked) : end + 1]
    return ids, labels


_CLIP_NAMES = (
    ("transformer.resblocks", "encoder.layers"), ("attn.out_proj", "self_attn.dense"),
    ("attn.in_proj_", "self_attn.query_key_value."), ("ln_1", "input_layernorm"), ("ln_2", "post_attention_layernorm"),
    ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2"), ("ln_pre", "embeddings.pre_layernorm"),
    ("ln_post", "post_layernorm"), ("class_embedding", "embeddings.cls_token"),
    ("positional_embedding", "embeddings.position_embedding"), ("conv1", "embeddings.patch_embed"),
)  # fmt: skip


def clip_vision(clip_folder: Path, tower: Any) -> dict[str, Any]:
    """The state of the tower with the picture tower of an open_clip checkpoint in it; what it lacks stays as it is."""
    from safetensors.torch import load_file

    state, heads = tower.state_dict(), tower.encoder.layers[0].self_attn.heads
    for key, value in load_file(clip_folder / "model.safetensors").items():
        if not key.startswith("visual.") or key == "visual.proj":
            continue
        name = key.removeprefix("visual.")
        for theirs, ours in _CLIP_NAMES:
            name = name.replace(theirs, ours)
        value = value.float()
        if "query_key_value" in name:
            value = value.unflatten(0, (3, heads, -1)).transpose(0, 1).flatten(0, 2)
        state[name] = value.reshape(state[name].shape)
    return state
