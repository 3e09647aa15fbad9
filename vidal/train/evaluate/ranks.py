"""At which rank a search finds what it should, without a table of all against all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

Among = Literal["rows", "groups"]
QUERIES, GALLERY = 1024, 4096
"""Scores held at a time: 32 MiB."""


def ranks(
    queries: np.ndarray,
    gallery: np.ndarray,
    answers: Sequence[int],
    groups: Sequence[int],
    among: Among = "rows",
    tile: tuple[int, int] = (QUERIES, GALLERY),
) -> np.ndarray:
    """The rank, from 1, of the best right answer to each query [q, width] among a gallery [g, width]: int64 [q].

    Row j of the gallery belongs to group `groups[j]`; right for query i are the rows of group `answers[i]`, which may
    not be empty. `among` says what a rank counts: the other rows, or the other groups, each by its best row. Scores
    are dot products. Ties count against the answer: its rank is one more than the number of others that score no less.
    So a model for which everything is alike finds nothing.

    Products are summed in float64 and rounded to float32, so that equal vectors tie wherever they stand. Memory is
    that of one `tile` (queries, rows; more rows where one group has more), not of queries by rows.
    """
    answered, member = np.asarray(answers, np.int64), np.asarray(groups, np.int64)
    order = np.argsort(member, kind="stable")
    member = member[order]
    first, last = np.searchsorted(member, answered, "left"), np.searchsorted(member, answered, "right")
    if (first == last).any():
        raise ValueError(f"query {int(np.flatnonzero(first == last)[0])} has no right answer in the gallery")
    own = _best(queries, gallery, order, first, last, tile[0])
    above = np.zeros(len(queries), np.int64)
    for start, stop in cuts(member, tile[1]):
        rows = gallery[order[start:stop]].astype(np.float64).T
        marks = np.flatnonzero(np.diff(member[start:stop], prepend=member[start] - 1))
        for head in range(0, len(queries), tile[0]):
            block = slice(head, head + tile[0])
            scores = (queries[block].astype(np.float64) @ rows).astype(np.float32)
            others = (scores >= own[block, None]) & (member[start:stop] != answered[block, None])
            if among == "groups":
                others = np.logical_or.reduceat(others, marks, axis=1)
            above[block] += np.count_nonzero(others, axis=1)
    return above + 1


def recalls(found: np.ndarray) -> dict[str, float]:
    """Of ranks: R@1, R@5 and R@10 in per cent, the median rank MdR and the mean rank MnR."""
    shares = {f"R@{k}": 100 * float(np.mean(found <= k)) for k in (1, 5, 10)}
    return {**shares, "MdR": float(np.median(found)), "MnR": float(np.mean(found))}


def _best(
    queries: np.ndarray, gallery: np.ndarray, order: np.ndarray, first: np.ndarray, last: np.ndarray, block: int
) -> np.ndarray:
    """The greatest score of each query with its right rows, which are `order[first:last]`."""
    best = np.full(len(queries), -np.inf, np.float32)
    for step in range(int((last - first).max(initial=0))):
        asked = np.flatnonzero(first + step < last)
        for head in range(0, len(asked), block):
            some = asked[head : head + block]
            rows = gallery[order[first[some] + step]].astype(np.float64)
            scores = np.einsum("ij,ij->i", queries[some].astype(np.float64), rows).astype(np.float32)
            best[some] = np.maximum(best[some], scores)
    return best


def cuts(member: np.ndarray, most: int) -> list[tuple[int, int]]:
    """Ranges of about `most` rows of a sorted gallery that tear no group apart."""
    edges = np.append(np.flatnonzero(np.diff(member)) + 1, len(member))
    cuts, start = [], 0
    while start < len(member):
        next_, fitting = np.searchsorted(edges, [start, start + most], "right")
        stop = int(edges[max(next_, fitting - 1)])
        cuts.append((start, stop))
        start = stop
    return cuts
