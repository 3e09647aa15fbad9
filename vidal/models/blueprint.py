"""A network by its configuration alone: everything that a role needs of a checkpoint but its weights."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidal.engine.errors import ConfigError, MissingError
from vidal.models import architectures, hub, open_clip_names
from vidal.models.checkpoints import resolve
from vidal.models.options import Options
from vidal.models.registry import load

_SMALL = 64 << 20
"""Bytes beyond which a file is none of a configuration, a processor or a tokenizer."""


@dataclass(frozen=True)
class Outline:
    """How many weights an architecture has, and how many bytes they take as its checkpoint stores them."""

    parameters: int
    bytes: int


def outline(role: str, checkpoint: str) -> Outline:
    """The outline of an architecture, without the hub and without any weights.

    Stored is in the precision that the configuration names, else in float32. Raises as `drawn` does.
    """
    with tempfile.TemporaryDirectory(prefix="vidal-blueprint-") as made:
        lay_out(role, checkpoint, Path(made), reach=False)
        weights = list(_built(role, checkpoint, made, "meta", _stored_dtype(Path(made))).network.parameters())
    return Outline(sum(weight.numel() for weight in weights), sum(weight.nbytes for weight in weights))


def drawn(
    role: str, checkpoint: str, device: str, dtype: str, options: Options | None = None, reach: bool = True
) -> Any:
    """The model of `role` that `checkpoint` names, its weights drawn at random; on the device `meta`, without any.

    Raises MissingError where the architecture is not known, and ConfigError where it does not fit the role.
    """
    with tempfile.TemporaryDirectory(prefix="vidal-blueprint-") as made:
        lay_out(role, checkpoint, Path(made), reach)
        return _built(role, checkpoint, made, device, dtype, options)


def _built(role: str, checkpoint: str, folder: str, device: str, dtype: str, options: Options | None = None) -> Any:
    try:
        return load(role, folder, device, dtype, options, weights="random")
    except ConfigError as error:
        raise ConfigError(str(error).replace(folder, checkpoint)) from error


def lay_out(role: str, checkpoint: str, folder: Path, reach: bool = True) -> None:
    """Fill `folder` with configuration, processor and tokenizer: those of the checkpoint if it is here; else, where it
    may `reach` for the hub, its small files there; else the published configuration, as far as it is known here.

    Raises MissingError, naming the fix, where there is none.
    """
    if role == "head":
        raise ConfigError(f"checkpoint {checkpoint!r} is a linear layer over embeddings: there is nothing to build")
    if named := open_clip_names.parse(checkpoint):
        architectures.open_clip(folder, named.architecture, named.training)
        return
    path = _here(role, checkpoint)
    if path is None and reach and hub.is_id(checkpoint):
        path = _fetched(checkpoint)
    if path is not None:
        _copy(path, folder)
    elif not (role == "infrared" or architectures.write(checkpoint, folder)):
        raise MissingError(
            f"checkpoint {checkpoint!r}: its architecture is not known here; run the same with network access, or put "
            f"its config.json and the files of its processor into a folder and name that"
        )


def _stored_dtype(folder: Path) -> str:
    """The precision that a `config.json` names."""
    file = folder / "config.json"
    told = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    found = told.get("dtype") or told.get("torch_dtype") or "float32"
    return found if found in ("float32", "float16", "bfloat16") else "float32"


def _here(role: str, checkpoint: str) -> Path | None:
    """The folder of a checkpoint on this machine; None where it is not here."""
    try:
        found = resolve(checkpoint)
    except MissingError:
        if role == "infrared" or hub.is_id(checkpoint):
            return None
        raise
    if isinstance(found, str):
        return hub.cached_words(checkpoint)
    return found if found.is_dir() else None


def _fetched(checkpoint: str) -> Path | None:
    """The small files of a repository; None where the hub cannot be reached."""
    try:
        with hub.reaching(checkpoint):
            return hub.words(checkpoint).bring()
    except MissingError:
        return None


def _copy(path: Path, folder: Path) -> None:
    """The files of a configuration, a processor and a tokenizer."""
    for file in sorted(path.iterdir()):
        wanted = file.suffix in (".json", ".txt", ".model") and not file.name.endswith(".index.json")
        if wanted and file.is_file() and file.stat().st_size <= _SMALL:
            shutil.copyfile(file, folder / file.name)
