"""From the pool to the database: keyword frequencies, the balanced choice, the rows, and the report on both."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from vidal.engine.schemas import TERMS
from vidal.engine.workspace import Workspace
from vidal.terms.balance import Choice, Keyworded, balanced, entropy, frequencies, gini
from vidal.terms.config import TermsConfig
from vidal.terms.pool import MODALITIES, pool_name

TOP = 50
"""Keywords named in the report."""


def choose(
    workspace: Workspace, folder: str, buckets: int, config: TermsConfig, seed: int, sources: Sequence[str]
) -> tuple[pa.Table, dict[str, Any]]:
    """The database, ordered by term, and the report on the choice."""
    terms, rows, vocabulary, occurrences = _load(workspace, folder, buckets)
    kept = occurrences >= config.min_keyword_count
    if config.max_keyword_count is not None:
        kept &= occurrences <= config.max_keyword_count
    terms, rows, wordless = _restricted(terms, rows, kept)
    choice = balanced(terms, config.limit or len(terms), seed)
    weights = _weights(terms, choice)
    known = {word for word, stays in zip(vocabulary, kept, strict=True) if stays}
    table = _table(workspace, folder, rows[choice.terms], weights, known, sources)
    before, after = frequencies(terms), frequencies(terms, choice.terms)
    report = {
        "terms": len(table),
        "cap": choice.cap,
        "covering": choice.covering,
        "keywords": {
            "covered": int((after > 0).sum()),
            "coverable": int((before > 0).sum()),
            "before": _histogram(before, vocabulary),
            "after": _histogram(after, vocabulary),
        },
        "chosen": dict(Counter(name for names in table["sources"].to_pylist() for name in names)),
        "left_out": {
            rule: count for rule, count in (("no_keyword", wordless), ("balance", len(terms) - len(table))) if count
        },
    }
    return table, report


def told(report: Mapping[str, Any]) -> tuple[str, ...]:
    """The report in lines for a person."""
    if not report["distinct"]:
        return ()
    words = report["keywords"]
    before, after = words["before"], words["after"]
    lines = [
        f"{report['terms']:,} terms from {report['distinct']:,} distinct texts; "
        f"{words['covered']:,} of {words['coverable']:,} keywords covered"
    ]
    if report["terms"] and "balance" in report["dropped"]:
        lines.append(
            f"keyword entropy {before['entropy']:.2f} → {after['entropy']:.2f} bits, "
            f"Gini {before['gini']:.2f} → {after['gini']:.2f}, cap {report['cap']:,}"
        )
    return tuple(lines)


def _load(workspace: Workspace, folder: str, buckets: int) -> tuple[Keyworded, np.ndarray, list[str], np.ndarray]:
    """The pool as keyword numbers, where each row lies (bucket << 32 | row), the keywords, and their occurrences."""
    numbers: dict[str, int] = {}
    hashes, lengths, keywords, rows = [], [], [], []
    occurrences = np.zeros(0, np.int64)
    for bucket in range(buckets):
        table = workspace.read_table(pool_name(folder, bucket), columns=["hash", "count", "keywords"])
        lists = table["keywords"].combine_chunks()
        words = lists.flatten().dictionary_encode()
        local = np.array([numbers.setdefault(word, len(numbers)) for word in words.dictionary.to_pylist()], np.int32)
        own = local[words.indices.to_numpy()] if len(words) else np.zeros(0, np.int32)
        each = np.diff(lists.offsets.to_numpy())
        hashes.append(table["hash"].to_numpy())
        lengths.append(each.astype(np.int32))
        keywords.append(own)
        rows.append((np.int64(bucket) << 32) + np.arange(len(table)))
        counted = np.bincount(own, np.repeat(table["count"].to_numpy(), each), len(numbers)).astype(np.int64)
        counted[: len(occurrences)] += occurrences
        occurrences = counted
    offsets = np.zeros(sum(map(len, lengths)) + 1, np.int64)
    np.cumsum(np.concatenate(lengths), out=offsets[1:])
    terms = Keyworded(np.concatenate(keywords), offsets, np.concatenate(hashes), len(numbers))
    return terms, np.concatenate(rows), list(numbers), occurrences


def _restricted(terms: Keyworded, rows: np.ndarray, kept: np.ndarray) -> tuple[Keyworded, np.ndarray, int]:
    """The terms with the kept keywords alone; those left without any go, and are counted."""
    stays = kept[terms.keywords]
    before = np.zeros(len(stays) + 1, np.int64)
    np.cumsum(stays, out=before[1:])
    offsets = before[terms.offsets]
    some = np.flatnonzero(np.diff(offsets))
    shorter = Keyworded(terms.keywords[stays], offsets, terms.hashes, terms.count)
    if len(some) == len(terms):
        return shorter, rows, 0
    return shorter.take(some), rows[some], len(terms) - len(some)


def _weights(terms: Keyworded, choice: Choice) -> np.ndarray:
    """For each chosen term the greatest of cap / frequency over its keywords, at most 1."""
    counts = frequencies(terms)
    chosen = terms.take(choice.terms)
    shares = np.minimum(1.0, choice.cap / counts[chosen.keywords])
    return np.maximum.reduceat(shares, chosen.offsets[:-1]) if len(chosen) else np.zeros(0)


def _table(
    workspace: Workspace,
    folder: str,
    rows: np.ndarray,
    weights: np.ndarray,
    keywords: set[str],
    sources: Sequence[str],
) -> pa.Table:
    names = {bits: name for name, bits in MODALITIES.items()}
    made = []
    for bucket in np.unique(rows >> 32):
        own = np.flatnonzero(rows >> 32 == bucket)
        table = workspace.read_table(pool_name(folder, int(bucket))).take(pa.array(rows[own] & 0xFFFFFFFF))
        for row, weight in zip(table.to_pylist(), weights[own], strict=True):
            made.append(
                {
                    "id": "t" + hashlib.sha256(row["text"].encode()).hexdigest()[:15],
                    "term": row["text"],
                    "kind": row["kind"],
                    "sources": [sources[number] for number in row["sources"]],
                    "count": row["count"],
                    "language": row["language"],
                    "modality": names[row["modality"]],
                    "keywords": [word for word in row["keywords"] if word in keywords],
                    "weight": round(float(weight), 6),
                }
            )
    return pa.Table.from_pylist(sorted(made, key=lambda row: row["term"]), schema=TERMS)


def _histogram(counts: np.ndarray, vocabulary: Sequence[str]) -> dict[str, Any]:
    """How the keywords are spread: their number, entropy, Gini coefficient, the top, and how many keywords have 1, 2 to
    3, 4 to 7 … terms."""
    used = counts[counts > 0]
    octaves = np.bincount(np.log2(used).astype(int)) if len(used) else np.zeros(0, int)
    first = sorted(range(len(counts)), key=lambda number: (-counts[number], vocabulary[number]))[:TOP]
    return {
        "keywords": len(used),
        "occurrences": int(used.sum()),
        "entropy": round(entropy(counts), 4),
        "gini": round(gini(used), 4),
        "octaves": octaves.tolist(),
        "top": [[vocabulary[number], int(counts[number])] for number in first if counts[number]],
    }
