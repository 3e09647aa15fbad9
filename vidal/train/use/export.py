"""A trained model in the layout of the published ones, without LoRA."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from vidal import models
from vidal.engine.errors import ConfigError
from vidal.train.towers.lora import merged
from vidal.train.towers.model import LanguageBind
from vidal.train.transforms.tokens import MERGES, TOKENIZER, VOCABULARY, Words

_VERSION = "#version: 0.2"
"""The first line of a `merges.txt`."""
_WORD_END = "</w>"
"""What marks the end of a word in CLIP's vocabulary."""


def export(name: str, out: Path) -> Path:
    """Write the model of a folder or a Hugging Face id to the new folder `out`, as the original's classes load it.

    LoRA is added to the weights it belongs to, and `config.json` says `lora_r` 0, since the published classes take a
    missing one for 2; all else stands there as in the model's own. Weights are safetensors in float32. A tokenizer like
    CLIP's is written as `vocab.json` and `merges.txt` too, which the published tokenizers are read from. Preprocessing
    has no file of its own: the published processors take it from `config.json`.

    ConfigError or MissingError where the model does not load, or `out` is there already; `out` appears when it is
    whole.
    """
    from vidal.train.towers.checkpoint import CONFIG, load, save

    if out.exists():
        raise ConfigError(f"{out} exists already; name a new folder")
    folder = models.fetch(name)
    try:
        model = load(folder)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from error
    stored = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        part = Path(scratch, "model")
        save(without_lora(model).float(), part, _without_lora(stored))
        Words(folder).save(part)
        write_vocabulary(part)
        os.replace(part, out)
    return out


def without_lora(model: LanguageBind) -> LanguageBind:
    """The same model, its LoRA merged."""
    if model.config.vision.lora_r:
        merged(model.vision_model)
        model.config = replace(model.config, vision=replace(model.config.vision, lora_r=0))
    return model


def _without_lora(stored: dict[str, Any]) -> dict[str, Any]:
    return {**stored, "torch_dtype": "float32", "vision_config": {**stored["vision_config"], "lora_r": 0}}


def write_vocabulary(folder: Path) -> None:
    """`vocab.json` and `merges.txt` beside the `tokenizer.json` that holds both, where it is of CLIP's kind: the
    published tokenizers know no other."""
    told = json.loads((folder / TOKENIZER).read_text(encoding="utf-8"))["model"]
    if told.get("end_of_word_suffix") != _WORD_END:
        return
    merges = (pair if isinstance(pair, str) else " ".join(pair) for pair in told["merges"])
    (folder / MERGES).write_text("\n".join([_VERSION, *merges, ""]), encoding="utf-8")
    (folder / VOCABULARY).write_text(json.dumps(told["vocab"], ensure_ascii=False), encoding="utf-8")
