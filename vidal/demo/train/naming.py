"""What captioners learn before they speak: to name what a picture shows, by linear heads that are then left out.

Captions alone teach a small network the frequent words first and shapes last; naming teaches it to see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vidal.demo.scene import BACKGROUNDS, COLOURS, MOTIONS, SHAPES, SIZES, Scene
from vidal.demo.train.data import TRAIN_SEED
from vidal.demo.train.fit import fit

CLASSES = {"shape": SHAPES, "colour": COLOURS, "size": SIZES, "motion": MOTIONS, "background": BACKGROUNDS}


def fit_to_name(
    eye: Any,
    features: Callable[[np.ndarray, np.random.Generator], Any],
    shown: Sequence[Scene],
    *,
    width: int,
    steps: int,
    batch: int,
    rate: float,
) -> None:
    """Train the module `eye` in place until linear heads on what it sees tell the classes of a scene.

    `features` takes the numbers of the scenes drawn and a generator, and returns a tensor [n, width].
    """
    import torch
    from torch.nn.functional import cross_entropy

    torch.manual_seed(TRAIN_SEED)
    heads = torch.nn.ModuleDict({name: torch.nn.Linear(width, len(of)) for name, of in CLASSES.items()})
    truth = {name: torch.tensor([of.index(getattr(one, name)) for one in shown]) for name, of in CLASSES.items()}

    def loss_of(rng: np.random.Generator) -> torch.Tensor:
        drawn = rng.choice(len(shown), batch, replace=False)
        seen = features(drawn, rng).float()
        return sum(cross_entropy(head(seen), truth[name][drawn]) for name, head in heads.items())

    fit(torch.nn.ModuleList([eye, heads]), loss_of, steps=steps, rate=rate, seed=TRAIN_SEED)
