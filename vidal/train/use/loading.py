"""Models by name, opened as one embedder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vidal import models
from vidal.engine.errors import ConfigError
from vidal.models.place import place
from vidal.models.pretrained import model_type
from vidal.train.modalities import modalities, modality
from vidal.train.towers.config import VisionConfig
from vidal.train.towers.model import LanguageBind
from vidal.train.transforms.tokens import Words
from vidal.train.use.embedder import Towers

FAMILY = "languagebind"
TOKENS = 77
"""Of a text, start and end included, as CLIP and LanguageBind cut it."""
HALF, HALF_LEAST = 2.0**-10, 2.0**-24
"""Between a number and the same in half precision: the relative difference, at most, and the least step."""
_OF_THE_INPUT = ("num_frames", "num_mel_bins", "target_length", "audio_mean", "audio_std", "max_depth")
"""What of a tower decides its inputs."""


def load(names: Mapping[str, str], device: str = "auto", like: Towers | None = None) -> Towers:
    """The models of `names`, by modality, as one embedder in float32.

    A name is a folder in the published layout (what `vidal train` writes, or LanguageBind's own), a Hugging Face id of
    one, or a CLIP, named as in `filter.clip.checkpoint`, which sees frames each for itself and hears spectrograms as
    pictures: the baseline. A CLIP is shown what the towers of `like` are shown.

    MissingError for a model that cannot be had. ConfigError for one that does not load, that is of another modality
    than it is named for, or where the models have different text towers and so no common space.
    """
    if not names:
        raise ConfigError("no models are named; give one for each modality")
    where = place(device, "float32")
    opened = {kind: _opened(kind, name, like) for kind, name in names.items()}
    _check_one_space(opened)
    first = next(iter(opened.values()))
    length = min(TOKENS, first.model.config.text.max_position_embeddings)
    return Towers({kind: one.model for kind, one in opened.items()}, Words(first.folder, length), where)


def bound_modality(name: str) -> str:
    """The modality that a model's `config.json` says it binds. ConfigError where it says none that is known."""
    told = _stated(models.fetch(name))
    if told is None or told not in modalities():
        raise ConfigError(f"{name} does not say which modality it binds; name it, one of {', '.join(modalities())}")
    return told


@dataclass(frozen=True)
class _Opened:
    name: str
    folder: Path | None
    model: LanguageBind


def _opened(kind: str, name: str, like: Towers | None) -> _Opened:
    path = models.fetch(name)
    folder = path if path.is_dir() else None
    if folder is None or (folder / "open_clip_config.json").is_file():
        return _Opened(name, folder, _of_clip(kind, name, like))
    stated = _stated(folder)
    if stated is not None and stated in modalities() and stated != kind:
        raise ConfigError(f"{name} binds {stated}, not {kind}; name it under {stated}")
    from vidal.train.towers.checkpoint import load as load_towers

    try:
        return _Opened(name, folder, load_towers(folder))
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from error


def _stated(path: Path) -> str | None:
    try:
        told = model_type(path) if path.is_dir() else None
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path / 'config.json'} cannot be read: {error}") from error
    low = str(told or "").lower()
    return low.removeprefix(FAMILY) if low.startswith(FAMILY) else None


def _of_clip(kind: str, name: str, like: Towers | None) -> LanguageBind:
    from vidal.train.towers.open_clip import initialised

    changes: dict[str, Any] = dict(modality(kind).tower)
    if like is not None and kind in like.modalities:
        shown: VisionConfig = like.vision(kind)
        changes |= {field: getattr(shown, field) for field in _OF_THE_INPUT}
    network = models.load("clip", name, device="cpu", dtype="float32").network
    try:
        return initialised(network, {**changes, "add_time_attn": False, "lora_r": 0})
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from error


def _check_one_space(opened: Mapping[str, _Opened]) -> None:
    (kind, first), *others = opened.items()
    words = _text_weights(first.model)
    for other, one in others:
        found = _text_weights(one.model)
        different = [name for name in words | found if not _alike(words.get(name), found.get(name))]
        if one.model.config.text.hidden_act != first.model.config.text.hidden_act:
            different.append("hidden_act")
        if different:
            raise ConfigError(
                f"the models of {kind} ({first.name}) and {other} ({one.name}) have different text towers "
                f"({len(different)} of their weights and settings differ, the first is {different[0]}), so their "
                "vectors are of no common space; take models that were trained from one CLIP"
            )


def _text_weights(model: LanguageBind) -> dict[str, torch.Tensor]:
    return {name: weight.float() for name, weight in model.state_dict().items() if name.startswith("text_")}


def _alike(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    """Whether weights are the same, up to what storing them in half precision takes away."""
    if one is None or other is None or one.shape != other.shape:
        return False
    return torch.allclose(one, other, rtol=HALF, atol=HALF_LEAST)
