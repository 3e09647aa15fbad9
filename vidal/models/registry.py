"""The roles a checkpoint can play, and how one is loaded into its role."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from vidal.engine.errors import ConfigError
from vidal.models import open_clip_names
from vidal.models.checkpoints import fetch
from vidal.models.options import Options
from vidal.models.place import Weights, place

ROLES = {
    "clip": "vidal.models.clip",
    "clap": "vidal.models.clap",
    "audio_tagger": "vidal.models.audio_tagger",
    "text_detector": "vidal.models.text_detector",
    "head": "vidal.models.head",
    "depth": "vidal.models.depth",
    "infrared": "vidal.models.infrared",
    "captioner": "vidal.models.captioner",
    "video_captioner": "vidal.models.video_captioner",
}
"""Role to the module whose `load(path, place)` returns the model. Those of captioners take options besides; that of
`clip` has `load_named` too."""


def load(
    role: str, checkpoint: str, device: str = "auto", dtype: str = "auto", options: Options | None = None,
    weights: Weights = "stored",
) -> Any:  # fmt: skip
    """The model of `role` with the weights of `checkpoint`, ready for use: numpy in, numpy out. Captioners alone take
    `options`.

    `device` auto is CUDA where visible, else the CPU; `dtype` auto is float32 on the CPU and on CUDA bfloat16 where the
    device has it, else float16. On the CPU, torch is set to one thread: sums of floats depend on how they are split.
    `weights` other than `stored` are for what needs the network and not its numbers: `check` and `trial`.
    Raises MissingError for an absent checkpoint and ConfigError for one that does not fit the role, naming what
    differs.
    """
    module = _module(role)
    named = open_clip_names.parse(checkpoint)
    path = fetch(checkpoint)
    where = place(device, dtype, weights)
    if options:
        options.check(checkpoint, path)
    asked = (options,) if options else ()
    try:
        if named is None:
            return module.load(path, where, *asked)
        if role != "clip":
            raise ValueError("names of open_clip are names of CLIPs")
        return module.load_named(named, path, where)
    except Exception as error:  # a library meeting files that it does not expect may raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(
            f"checkpoint {checkpoint!r} does not load as {role!r}: {reason}; name a checkpoint made for this role"
        ) from error


def _module(role: str) -> Any:
    if role not in ROLES:
        raise ConfigError(f"unknown role {role!r}; the roles are: {', '.join(ROLES)}")
    return import_module(ROLES[role])
