"""Classifiers of words and of examples, accuracies, average precision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.train.evaluate.given import Given
from vidal.train.evaluate.classes import (
    accuracies,
    average_precision,
    by_examples,
    by_words,
    mean_average_precision,
    prompts,
    scores,
)


def drawn(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_a_name_stands_in_every_template():
    assert prompts(["a photo of a {}.", "the {}"], "{ox}") == ["a photo of a {ox}.", "the {ox}"]


def test_a_class_is_the_mean_of_the_unit_vectors_of_its_prompts():
    vectors = {"a cat": [3, 0], "the cat": [0, 7], "a dog": [0, -2], "the dog": [0, -1]}
    made = by_words(Given(vectors).texts, ["cat", "dog"], ["a {}", "the {}"])
    assert made == pytest.approx(np.array([[0.5**0.5, 0.5**0.5], [0, -1]]))


def test_scores_are_cosines_times_100_and_views_are_averaged_after_the_softmax():
    media = np.array([[2, 0], [0, 3], [0.01, 0], [3, 4]], np.float32)
    classifier = np.array([[1, 0], [0, 1]], np.float32)
    assert scores(media, classifier) == pytest.approx(np.array([[100, 0], [0, 100], [100, 0], [60, 80]]), abs=1e-4)
    soft = 1 / (1 + np.exp(20))
    expected = np.array([[0.5, 0.5], [(1 + soft) / 2, (1 - soft) / 2]])
    assert scores(media, classifier, views=2) == pytest.approx(expected, rel=1e-5)


def test_examples_leave_the_item_that_is_judged_out():
    media, examples, labels = drawn(0, 30, 6), drawn(1, 30, 6), [place % 4 for place in range(30)]
    units = examples / np.linalg.norm(examples, axis=1, keepdims=True)
    for item, row in enumerate(by_examples(media, examples, labels, 4)):
        for one in range(4):
            shown = sum(units[other] for other in range(30) if labels[other] == one and other != item)
            cosine = shown @ media[item] / np.linalg.norm(shown) / np.linalg.norm(media[item])
            assert row[one] == pytest.approx(100 * cosine, abs=1e-3)


def test_a_tie_is_a_miss():
    found = np.array([[1, 1, 0], [2, 1, 0], [0, 1, 2]], np.float32)
    assert accuracies(found, [0, 0, 0]) == {"top-1": pytest.approx(100 / 3), "top-5": 100.0}
    assert accuracies(np.ones((4, 6), np.float32), [0, 1, 2, 3]) == {"top-1": 0.0, "top-5": 0.0}


def precision_of_thresholds(found, right):
    """Average precision from its definition, threshold by threshold."""
    total, gained = 0.0, 0
    for threshold in sorted(set(found), reverse=True):
        taken = [bool(one) for score, one in zip(found, right, strict=True) if score >= threshold]
        total += (sum(taken) - gained) / sum(right) * sum(taken) / len(taken)
        gained = sum(taken)
    return total


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=40).filter(
    lambda pairs: any(right for _, right in pairs)
))  # fmt: skip
def test_average_precision_is_that_of_its_definition(pairs):
    found, right = np.array([p[0] for p in pairs], np.float32), np.array([p[1] for p in pairs])
    assert average_precision(found, right) == pytest.approx(precision_of_thresholds(found.tolist(), right.tolist()))


def test_the_mean_is_over_the_classes_that_occur():
    found = np.array([[0.9, 0.1, 0.5], [0.8, 0.7, 0.5], [0.1, 0.3, 0.5]], np.float32)
    # Class 0 is right for the second of three: 1/2. Class 1 for the first two of its order: 1. Class 2 never occurs.
    assert mean_average_precision(found, [(1,), (0, 1), ()]) == {
        "mAP": pytest.approx(100 * (1 / 2 + (1 + 2 / 3) / 2) / 2)
    }
