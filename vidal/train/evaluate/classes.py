"""Classes made of words or of examples, and how well items find theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vidal.train.evaluate.embedder import unit

SCALE = 100.0
"""What cosines are multiplied by before a softmax: the greatest factor that CLIP's training allows."""


def prompts(templates: Sequence[str], name: str) -> list[str]:
    """A class's name in each template, at its `{}`."""
    return [template.replace("{}", name) for template in templates]


def by_words(embed: Callable[[list[str]], np.ndarray], names: Sequence[str], templates: Sequence[str]) -> np.ndarray:
    """A classifier of class names, float32 [classes, width]: the mean of the unit vectors of a class's prompts, at
    length 1 again (CLIP, section 3.1.4)."""
    vectors = unit(embed([prompt for name in names for prompt in prompts(templates, name)]))
    return unit(vectors.reshape(len(names), len(templates), -1).mean(1))


def scores(media: np.ndarray, classifier: np.ndarray, views: int = 1) -> np.ndarray:
    """How much each item is of each class, float32 [items, classes]: cosines times 100, or with several views of an
    item, which stand next to each other, the mean of the softmax of these."""
    logits = (SCALE * (unit(media).astype(np.float64) @ classifier.astype(np.float64).T)).astype(np.float32)
    if views == 1:
        return logits
    shares = np.exp(logits - logits.max(1, keepdims=True), dtype=np.float64)
    shares /= shares.sum(1, keepdims=True)
    return shares.reshape(-1, views, shares.shape[1]).mean(1).astype(np.float32)


def by_examples(media: np.ndarray, examples: np.ndarray, labels: Sequence[int], classes: int) -> np.ndarray:
    """How much each item is of each class where a class is the mean of the unit vectors of its items in another
    modality, float32 [items, classes], cosines times 100. `examples[i]` is the item of `media[i]` in that modality: it
    is left out where item i itself is judged. A class needs two items."""
    units, shown, of = unit(media).astype(np.float64), unit(examples).astype(np.float64), np.asarray(labels)
    sums = np.zeros((classes, shown.shape[1]))
    np.add.at(sums, of, shown)
    logits = units @ unit(sums).astype(np.float64).T
    logits[np.arange(len(of)), of] = np.einsum("ij,ij->i", units, unit(sums[of] - shown).astype(np.float64))
    return (SCALE * logits).astype(np.float32)


def accuracies(found: np.ndarray, labels: Sequence[int]) -> dict[str, float]:
    """top-1 and top-5 in per cent of scores [items, classes]. Ties count against the right class, as in `ranks`."""
    own = found[np.arange(len(found)), np.asarray(labels)]
    ranked = np.count_nonzero(found >= own[:, None], axis=1)
    return {f"top-{k}": 100 * float(np.mean(ranked <= k)) for k in (1, 5)}


def mean_average_precision(found: np.ndarray, labels: Sequence[Sequence[int]]) -> dict[str, float]:
    """mAP in per cent, as AudioSet has it: the mean over the classes that occur of their average precision."""
    right = np.zeros(found.shape, bool)
    for item, places in enumerate(labels):
        right[item, list(places)] = True
    occurring = np.flatnonzero(right.any(0))
    return {"mAP": 100 * float(np.mean([average_precision(found[:, one], right[:, one]) for one in occurring]))}


def average_precision(found: np.ndarray, right: np.ndarray) -> float:
    """The sum, over falling thresholds of the score, of the precision at each times the recall gained by it; items of
    one score fall together. `right` has at least one item."""
    order = np.argsort(-found, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(found[order])), len(order) - 1)
    hits = np.cumsum(right[order])[ends]
    return float(np.sum(np.diff(hits, prepend=0) * hits / (ends + 1)) / hits[-1])
