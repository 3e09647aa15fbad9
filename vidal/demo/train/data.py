"""What the demo models learn from: pictures, sounds and texts of the demo world, and a tokenizer made of its words.

Every function is pure in its seeds. Training takes worlds from `TRAIN_SEED` up, evaluation from `HELD_OUT_SEED`; the
demo itself is world 0.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vidal.demo import language
from vidal.demo.render import render
from vidal.demo.scene import COMBINATIONS, Scene, scene

TRAIN_SEED = 1000
HELD_OUT_SEED = 900
PIXEL_MEAN, PIXEL_STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
CONTEXT_LENGTH = 32
"""Longest text in tokens, with its start and end."""
_OTHER_TAGS = ("shorts", "viral", "fyp", "field-recording", "nature", "video", "hd", "asmr")
_STRAY = [chr(code) for code in (*range(9, 14), *range(27, 127), 0xE9, 0x5E9, 0x2028, 0x202E, 0x1F534)] + [" "] * 20
COLDEST, WARMEST = -15.0, 65.0
"""The temperatures in degrees Celsius shown as black and as white."""


class Frame(NamedTuple):
    """One instant of a scene: rgb uint8 [H, W, 3] as a keyframe stores it, depth in metres, warmth in 0..1."""

    scene: Scene
    rgb: np.ndarray
    metres: np.ndarray
    warmth: np.ndarray


def scenes(seed: int, count: int) -> list[Scene]:
    """The first `count` scenes of world `seed` and, where it has no more distinct ones, of the worlds after it."""
    return [scene(seed + index // COMBINATIONS, index % COMBINATIONS) for index in range(count)]


def frames(seed: int, count: int, short_side: int = 128) -> Iterator[Frame]:
    """One frame of each of `count` scenes, at a random instant and JPEG quality."""
    rng = np.random.default_rng(seed)
    for one in scenes(seed, count):
        yield frame(one, float(rng.uniform(0.0, one.seconds)), short_side, int(rng.integers(60, 96)))


def clip_frames(one: Scene, count: int = 8, short_side: int = 256, quality: int = 90) -> list[np.ndarray]:
    """The `count` keyframes of a clip, evenly spaced from its first to its last frame."""
    return [frame(one, t, short_side, quality).rgb for t in instants(one, count)]


def instants(one: Scene, count: int = 8) -> list[float]:
    """When the keyframes of a clip are, in seconds."""
    return np.linspace(0.0, one.seconds - 1 / one.fps, count).tolist()


def frame(one: Scene, t: float, short_side: int, quality: int) -> Frame:
    """The scene at `t` seconds."""
    picture = render(one, t, short_side)
    metres = picture.depth_mm.astype(np.float32) / 1000.0
    return Frame(one, jpeg(picture.rgb, quality), metres, warmth(picture.celsius))


def warmth(celsius: np.ndarray) -> np.ndarray:
    """Temperatures as brightness in 0..1."""
    return np.clip((celsius - COLDEST) / (WARMEST - COLDEST), 0.0, 1.0).astype(np.float32)


def jpeg(rgb: np.ndarray, quality: int) -> np.ndarray:
    """The picture after being stored as JPEG."""
    from PIL import Image

    stored = io.BytesIO()
    Image.fromarray(rgb).save(stored, "JPEG", quality=quality)
    return np.array(Image.open(stored))


def texts(one: Scene, rng: np.random.Generator) -> list[str]:
    """What may be written about the pictures of a scene, some of it followed by what does not belong there."""
    titled, told = language.title(one), language.caption(one)
    written = [
        titled, f"{titled} {_tags(language.hashtags(one), rng)}", told, f"{told}, with {language.sound_caption(one)}",
        f"Watch {told}", language.frame_caption(one),
    ]  # fmt: skip
    return [_spoilt(text, rng) for text in written]


def sound_texts(one: Scene, rng: np.random.Generator) -> list[str]:
    """What may be written about the sound of a scene, some of it followed by what does not belong there."""
    titled, heard = language.sound_title(one), language.sound_caption(one)
    written = [
        titled, f"{titled} {rng.integers(100):02d}", f"{titled} {rng.integers(100):02d} {_tags([one.sound], rng)}",
        heard, f"{language.caption(one)}, with {heard}", f"{language.title(one)} {_tags(language.hashtags(one), rng)}",
    ]  # fmt: skip
    return [_spoilt(text, rng) for text in written]


def _tags(names: list[str], rng: np.random.Generator) -> str:
    return " ".join(f"#{name}" for name in [*names, *rng.choice(_OTHER_TAGS, rng.integers(3), replace=False)])


def _spoilt(text: str, rng: np.random.Generator) -> str:
    """The text itself in three cases of four, else with random characters after it."""
    if rng.random() < 0.75:
        return text
    return f"{text} {''.join(rng.choice(_STRAY, rng.integers(1, 60)))}"


def tokenizer() -> Any:
    """A byte-level BPE tokenizer in which each word of the world is one token and any other text is spelled out.

    The end token has the highest id, as open_clip's pooling of texts expects.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.normalizer = normalizers.Lowercase()
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    core.decoder = decoders.ByteLevel()
    words = language.vocabulary()
    trainer = trainers.BpeTrainer(
        vocab_size=4096, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    core.train_from_iterator([*words, *(f"#{word}" for word in words)], trainer)
    core.add_special_tokens(["<pad>", "<s>", "</s>"])
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[(token, core.token_to_id(token)) for token in ("<s>", "</s>")]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", bos_token="<s>", eos_token="</s>", model_max_length=CONTEXT_LENGTH
    )


def save(network: Any, folder: Path) -> None:
    """Store the weights as `model.safetensors` in float16 (whole numbers as they are)."""
    from safetensors.torch import save_file

    weights = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous().clone()
        for name, tensor in network.state_dict().items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
