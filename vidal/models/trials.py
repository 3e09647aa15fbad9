"""An architecture of full size, tried with random weights before its checkpoint is downloaded."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from typing import Any

from vidal.engine.errors import VidalError
from vidal.models import memory
from vidal.models.blueprint import drawn
from vidal.models.exercise import exercise
from vidal.models.options import Options
from vidal.models.place import Place, place

ANSWER = 8
"""Tokens of an answer in a trial: random weights seldom end a sentence of themselves."""
_SPARE = 1 << 30
"""Bytes that a batch and the libraries need at least, besides the weights."""


@dataclass(frozen=True)
class TrialResult:
    """What a batch through an architecture took.

    `bytes` are those of the weights by precision; `peak` is the most memory that the process has had on the device, on
    the CPU with all its libraries; `seconds` are those of the one batch of `batch` items, preparation included.
    """

    ok: bool
    message: str
    parameters: int = 0
    bytes: dict[str, int] = field(default_factory=dict)
    device: str = ""
    batch: int = 0
    unit: str = ""
    peak: int = 0
    seconds: float = 0.0


def trial(
    role: str, checkpoint: str, options: Options | None = None, device: str = "auto", dtype: str = "auto"
) -> TrialResult:
    """Build the architecture of the checkpoint with random weights, in a process of its own, and run one batch through
    the class that plays the role. Never raises: what cannot be built, or does not fit the memory, is a message."""
    try:
        where = place(device, dtype)
        needed = _needed(role, checkpoint, where)
        exercise(role)
    except VidalError as error:
        return TrialResult(False, str(error))
    free = memory.free(where.device)
    if free is not None and needed + _SPARE > free:
        return TrialResult(
            False,
            f"checkpoint {checkpoint!r} has {needed / 1e9:.1f} GB of weights in {_name(where.dtype)}, and "
            f"{free / 1e9:.1f} GB of memory are free on {where.device}; it was not built",
        )
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=memory.go_first) as alone:
            return alone.submit(_tried, role, checkpoint, options, device, dtype).result()
    except BrokenProcessPool:
        return TrialResult(
            False,
            f"checkpoint {checkpoint!r}: the system ended the process that tried it, most likely for want of memory: "
            f"its weights are {needed / 1e9:.1f} GB, and a batch needs more",
        )


def _tried(role: str, checkpoint: str, options: Options | None, device: str, dtype: str) -> TrialResult:
    try:
        model = shortened(drawn(role, checkpoint, device, dtype, options))
    except VidalError as error:
        return TrialResult(False, str(error))
    done = exercise(role)
    started = time.perf_counter()
    try:
        done.run(model, model.place.batch)
    except Exception as error:  # whatever a network and its processor raise where they do not fit each other
        reason = " ".join(str(error).split())[:500] or type(error).__name__
        return TrialResult(False, f"checkpoint {checkpoint!r} does not work as {role!r}: {reason}")
    seconds = time.perf_counter() - started
    weights = list(model.network.parameters())
    sizes: dict[str, int] = {}
    for weight in weights:
        sizes[_name(weight.dtype)] = sizes.get(_name(weight.dtype), 0) + weight.nbytes
    return TrialResult(
        True, f"{role}: {checkpoint} works with random weights", sum(weight.numel() for weight in weights), sizes,
        str(model.place.device), model.place.batch, done.unit, memory.most_taken(model.place.device), seconds,
    )  # fmt: skip


def shortened(model: Any, tokens: int = ANSWER) -> Any:
    """A model whose answers, if it gives any, have at most so many tokens."""
    if hasattr(model, "max_tokens"):
        return replace(model, max_tokens=tokens)
    if config := getattr(model.network, "generation_config", None):
        config.max_length = tokens + 1
    return model


def _needed(role: str, checkpoint: str, where: Place) -> int:
    """Bytes of the weights of an architecture at a place."""
    weights = drawn(role, checkpoint, "meta", _name(where.dtype)).network.parameters()
    return sum(weight.nbytes for weight in weights)


def _name(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")
