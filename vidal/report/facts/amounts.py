"""Samples counted and their lengths added up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GRADES = ("under 1 s", "1–7 s", "8–14 s", "15–20 s", "over 20 s", "unknown")
"""Grades of length, in whole seconds to the nearest (VIDAL-10M, appendix A, has the middle three)."""


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


def grade(seconds: float | None) -> str:
    """The grade of a length."""
    if seconds is None or np.isnan(seconds):
        return GRADES[-1]
    whole = int(seconds + 0.5)
    return next((name for name, last in zip(GRADES, (0, 7, 14, 20), strict=False) if whole <= last), GRADES[4])
