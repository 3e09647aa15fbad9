"""transformers models from a folder, with every mismatch of the weights refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from vidal.models.place import Place

_HARMLESS = re.compile(r"(^|\.)position_ids$")
"""Index buffers that older versions stored; they hold no learned value."""


def from_folder(auto_class: Any, path: Path, place: Place) -> Any:
    """The network of `path`, of the class `auto_class` chooses, in eval mode at `place`.

    Weights come from safetensors, or from `torch.load(weights_only=True)`; no code of the checkpoint runs. Where
    `place.weights` are shapes or random, the class and the configuration are the same and no value is read.
    """
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    if place.weights == "random":
        return _drawn(auto_class, path, place)
    source, given = path, {}
    if place.weights == "shapes":
        from vidal.models.headers import zeros

        auto_class, config = _class_and_config(auto_class, path)
        source, given = None, {"config": config, "state_dict": zeros(path, place.dtype)}
    network, report = auto_class.from_pretrained(
        source,
        **given,
        dtype=place.dtype,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
        weights_only=True,
        local_files_only=True,
        trust_remote_code=False,
    )
    refuse_mismatch(
        missing=report["missing_keys"],
        unexpected=(key for key in report["unexpected_keys"] if not _HARMLESS.search(key)),
        misshapen=(entry[0] for entry in report["mismatched_keys"]),
    )
    return network.eval().requires_grad_(False).to(place.device)


def _drawn(auto_class: Any, path: Path, place: Place) -> Any:
    """The network that the configuration describes, its weights drawn as for training from nothing."""
    import torch
    from transformers import GenerationConfig

    kind, config = _class_and_config(auto_class, path)
    with torch.device(place.device):
        network = kind._from_config(config, dtype=place.dtype)
    if (path / "generation_config.json").is_file():
        network.generation_config = GenerationConfig.from_pretrained(path, local_files_only=True)
    return network.eval().requires_grad_(False)


def _class_and_config(auto_class: Any, path: Path) -> tuple[Any, Any]:
    """The class that `auto_class` chooses for the configuration of `path`, and the configuration."""
    import torch
    from transformers import AutoConfig, PreTrainedModel

    if issubclass(auto_class, PreTrainedModel):
        read = getattr(auto_class, "stored_config", auto_class.config_class.from_pretrained)
        return auto_class, read(path)
    config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    with torch.device("meta"):
        return type(auto_class.from_config(config, trust_remote_code=False)), config


def model_type(path: Path) -> str | None:
    """What the `config.json` of a folder calls its network; None where there is no such file or word."""
    file = path / "config.json"
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found.get("model_type") if isinstance(found, dict) else None


def refuse_mismatch(missing: Any = (), unexpected: Any = (), misshapen: Any = ()) -> None:
    """Raise ValueError listing all keys that differ, if any do."""
    found = {"missing keys": missing, "unexpected keys": unexpected, "keys of another shape": misshapen}
    lists = {kind: ", ".join(sorted(keys)) for kind, keys in found.items()}
    parts = [f"{kind}: {keys}" for kind, keys in lists.items() if keys]
    if parts:
        raise ValueError(f"its weights do not fit its configuration; {'; '.join(parts)}")
