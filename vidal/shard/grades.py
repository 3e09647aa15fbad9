"""Grades of length, as every count of samples has them."""

from __future__ import annotations

from math import isnan

GRADES = ("under 1 s", "1–7 s", "8–14 s", "15–20 s", "over 20 s", "unknown")
"""In whole seconds, to the nearest (VIDAL-10M, appendix A, has the middle three)."""
LAST = (0, 7, 14, 20)
"""The last second of each grade but the open ones."""


def grade(seconds: float | None) -> str:
    """The grade of a length; of half a second, that of the second above. `unknown` for None and NaN."""
    if seconds is None or isnan(seconds):
        return GRADES[-1]
    whole = int(seconds + 0.5)
    return next((name for name, last in zip(GRADES, LAST, strict=False) if whole <= last), GRADES[4])
