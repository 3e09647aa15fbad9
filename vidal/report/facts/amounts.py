"""Samples counted and their lengths added up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Amount:
    """Samples by kind, and the hours of those whose length is known: as measured, or else as the source states it.
    `untimed` are the others."""

    samples: int
    hours: float
    untimed: int
    kinds: dict[str, int]


def amount(kind: np.ndarray, seconds: np.ndarray, mask: np.ndarray) -> Amount:
    """The amount of the samples in a mask, bool [n], of kinds [n] and seconds [n], NaN where unknown."""
    known = seconds[mask]
    names, counts = np.unique(kind[mask].astype(str), return_counts=True)
    kinds = dict(zip(names.tolist(), counts.tolist(), strict=True))
    return Amount(int(mask.sum()), round(float(np.nansum(known)) / 3600, 6), int(np.isnan(known).sum()), kinds)


def hours(told: float) -> str:
    """Hours where there is one, else minutes or seconds."""
    if told >= 1:
        return f"{told:,.1f} h"
    return f"{told * 60:.1f} min" if told * 60 >= 1 else f"{told * 3600:.0f} s"
