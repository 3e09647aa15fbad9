"""What can be trained: one entry a modality, each in a file of its own that registers itself.

A module of this package, or of another that names itself under the entry points `vidal.modalities`, calls `register`.
Nothing else knows of it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from vidal.engine.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import torch

    from vidal.train.towers.config import VisionConfig

    Decode = Callable[
        [Mapping[str, bytes], Mapping[str, Any], int | None, np.random.Generator | None, VisionConfig],
        "torch.Tensor | Decoded",
    ]
    Prepare = Callable[[torch.Tensor, Sequence[Any], VisionConfig], torch.Tensor]


@dataclass(frozen=True)
class Decoded:
    """A sample as it was decoded, of which a tower's input is still to be made: arrays of one shape and kind, and what
    else that takes (what was drawn, a unit …)."""

    arrays: Sequence[np.ndarray]
    how: Any = None

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.arrays)


@dataclass(frozen=True)
class Modality:
    """How a modality is read from a shard, and what its tower is.

    `members` are alternatives, the best first: glob patterns of member names, each of them a series. The first that a
    sample holds any of is what is read; a sample that holds none is not of this modality.
    `decode(members, record, drawn, rng, vision)` gives a sample as its tower takes it, float32 [3, H, W] or
    [3, frames, H, W]: `members` are those of the series, `record` is the sample's JSON (empty where there is none),
    `drawn` the number of the keyframe whose caption is the sample's text, or None; `rng` draws what training draws, and
    None stands for evaluation, where nothing is drawn; `vision` tells sizes. SampleError for what cannot be read.
    `tower` holds the fields of `VisionConfig` in which its tower differs.

    A modality that comes with `prepare` may decode to a `Decoded` instead, and have its batches prepared on the model's
    device: `prepare(arrays, hows, vision)` makes of n samples whose arrays are as many, of one shape and kind, as a
    tensor [n, arrays, …], float32 [n, 3, H, W] or [n, 3, frames, H, W] there. It has nothing to refuse: what cannot be
    prepared is refused by `decode`.
    """

    name: str
    members: tuple[str, ...]
    decode: Decode
    tower: Mapping[str, Any] = field(default_factory=dict)
    prepare: Prepare | None = None

    def read(
        self,
        members: Mapping[str, bytes],
        record: Mapping[str, Any],
        drawn: int | None,
        rng: np.random.Generator | None,
        vision: VisionConfig,
    ) -> torch.Tensor:
        """A sample as its tower takes it, on the CPU."""
        return self.finished(self.decode(members, record, drawn, rng, vision), vision)

    def finished(self, made: torch.Tensor | Decoded, vision: VisionConfig) -> torch.Tensor:
        """What `decode` gave, as the tower takes it, on the CPU."""
        if not isinstance(made, Decoded):
            return made
        import numpy as np
        import torch

        return self.prepare(torch.from_numpy(np.stack(made.arrays))[None], [made.how], vision)[0]

    def series(self, names: Iterable[str]) -> list[str]:
        """Those of a sample's member names that are read, sorted; empty where it is not of this modality."""
        names = sorted(names)
        for pattern in self.members:
            if found := [name for name in names if fnmatchcase(name, pattern)]:
                return found
        return []


_registry: dict[str, Modality] = {}
_complete = False


def register(modality: Modality) -> Modality:
    """Make a modality known by its name. ConfigError where another has taken it."""
    if _registry.get(modality.name, modality) != modality:
        raise ConfigError(f"two modalities are named {modality.name}; rename one")
    _registry[modality.name] = modality
    return modality


def modalities() -> Mapping[str, Modality]:
    """All that are known, by name. ConfigError where one of another package cannot be loaded."""
    global _complete
    if not _complete:
        for module in pkgutil.iter_modules(__path__):
            importlib.import_module(f"{__name__}.{module.name}")
        for entry in entry_points(group="vidal.modalities"):
            try:
                entry.load()
            except ImportError as error:
                raise ConfigError(f"the modality {entry.name} ({entry.value}) cannot be loaded: {error}") from error
        _complete = True
    return dict(sorted(_registry.items()))


def modality(name: str) -> Modality:
    """A modality by its name. ConfigError, naming those there are, for an unknown one."""
    known = modalities()
    if name not in known:
        raise ConfigError(f"no modality is named {name}; known are {', '.join(known)}")
    return known[name]
