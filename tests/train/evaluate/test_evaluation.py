"""Embedders measured: both directions, both kinds of ranking, sides that are joined, and a baseline beside."""

from __future__ import annotations

import numpy as np
import pytest

from tests.train.evaluate.given import Given, Hashed, written
from vidal.engine.errors import ConfigError
from vidal.train.evaluate.benchmark import benchmark
from vidal.train.evaluate.data import Captioned, Items, Labelled
from vidal.train.evaluate.evaluation import CHUNK, classification, evaluate, retrieval


def items(count: int, *modalities: str) -> Items:
    names = tuple("abcdefgh"[:count])
    return Items(names, {modality: names for modality in modalities})


def figures(measured, query, gallery, unnormalised=False):
    one = next(one for one in measured if (one.query, one.gallery) == (query, gallery))
    return one.unnormalised if unnormalised else one.figures


def test_both_directions_with_several_texts_for_an_item():
    """Text 2 of item a stands nearer to b; b's texts both are right, and nearer to a than a's second."""
    model = Given(
        {"a1": [1, 0], "a2": [0.4, 0.6], "b1": [0.2, 1], "b2": [0.6, 0.7]},
        {("video", "a"): [1, 0], ("video", "b"): [0, 1]},
    )
    data = Captioned(items(2, "video"), ("a1", "a2", "b1", "b2"), (0, 0, 1, 1))
    measured = retrieval(data, [("text", "video")], model)
    assert [(one.query, one.gallery, one.queries) for one in measured] == [("text", "video", 4), ("video", "text", 2)]
    assert figures(measured, "text", "video") == {"R@1": 75.0, "R@5": 100.0, "R@10": 100.0, "MdR": 1.0, "MnR": 1.25}
    assert figures(measured, "video", "text")["R@1"] == 100.0


def test_ranking_of_unit_vectors_and_of_vectors_as_they_come():
    """A long vector wins every unnormalised search, as it does in the published rankings."""
    model = Given({"a": [1, 0], "b": [0, 1]}, {("video", "a"): [1, 0], ("video", "b"): [20, 40]})
    measured = retrieval(Captioned(items(2, "video"), ("a", "b"), (0, 1)), [("text", "video")], model)
    assert figures(measured, "text", "video")["R@1"] == 100.0
    assert figures(measured, "text", "video", unnormalised=True) == {
        "R@1": 50.0, "R@5": 100.0, "R@10": 100.0, "MdR": 1.5, "MnR": 1.5,
    }  # fmt: skip


def test_modalities_find_each_other_without_texts():
    heard = {("audio", "a"): [2, 0], ("audio", "b"): [0, 1]}
    model = Given(of_media={("video", "a"): [1, 0], ("video", "b"): [1, 0.1], **heard})
    measured = retrieval(Captioned(items(2, "video", "audio")), [("video", "audio")], model)
    assert figures(measured, "video", "audio")["R@1"] == 50.0
    assert figures(measured, "audio", "video")["R@1"] == 100.0
    assert model.asked == [2, 2]


def test_joined_sides_are_the_sum_of_unit_vectors():
    """The video of b is long and points to a; as a unit vector it weighs no more than the sound."""
    model = Given(
        {"a": [1, 0.1], "b": [-0.2, 1]},
        {
            ("video", "a"): [1, 0], ("video", "b"): [90, 9],
            ("audio", "a"): [1, 0], ("audio", "b"): [-1, 1],
        },
    )  # fmt: skip
    measured = retrieval(
        Captioned(items(2, "video", "audio"), ("a", "b"), (0, 1)), [("text", "video"), ("text", "video+audio")], model
    )
    assert figures(measured, "video", "text")["R@1"] == 50.0
    assert figures(measured, "video+audio", "text")["R@1"] == 100.0
    assert model.asked == [2, 2, 2], "a side is embedded once"


LABELLED = Labelled(items(4, "depth", "image"), ("cat", "dog"), ((0,), (0,), (1,), (1,)))
SHOWN = Given(
    {"a cat": [1, 0], "a dog": [0, 1]},
    {
        ("depth", "a"): [1, 0.2], ("depth", "b"): [0.3, 1], ("depth", "c"): [0, 1], ("depth", "d"): [0.2, 1],
        ("image", "a"): [1, 0], ("image", "b"): [1, 0], ("image", "c"): [0, 1], ("image", "d"): [0.4, 1],
    },
)  # fmt: skip


def test_classes_by_words_by_examples_and_of_joined_sides():
    compare = [("depth", "text"), ("depth+image", "text"), ("depth", "image")]
    named, joined, shown = classification(LABELLED, compare, SHOWN, ["a {}"])
    assert (named.query, named.gallery, named.queries) == ("depth", "text", 4)
    assert named.figures == {"top-1": 75.0, "top-5": 100.0} and named.unnormalised is None
    assert joined.figures["top-1"] == 100.0
    assert shown.figures["top-1"] == 75.0


def test_several_classes_of_an_item_are_measured_by_their_precision():
    """Cat is right for the first and last of three, dog for the second of them."""
    data = Labelled(items(3, "depth"), ("cat", "dog"), ((0,), (1,), (0,)))
    (found,) = classification(data, [("depth", "text")], SHOWN, ["a {}"], several=True)
    assert found.figures == {"mAP": pytest.approx(100 * ((1 + 2 / 3) / 2 + 1 / 2) / 2)}


def test_a_class_with_one_item_cannot_be_shown():
    data = Labelled(items(3, "depth", "image"), ("cat", "dog"), ((0,), (0,), (1,)))
    with pytest.raises(ConfigError, match="class 'dog' has 1 items"):
        classification(data, [("depth", "image")], SHOWN, ["a {}"])


def test_what_is_not_finite_is_refused():
    model = Given({"a": [1, 0], "b": [np.nan, 1]}, {("video", "a"): [1, 0], ("video", "b"): [0, 1]})
    with pytest.raises(ConfigError, match="embedding of text 'b' is not finite"):
        retrieval(Captioned(items(2, "video"), ("a", "b"), (0, 1)), [("text", "video")], model)


def test_vectors_of_two_spaces_are_refused():
    model = Given({"a": [1, 0, 0]}, {("video", "a"): [1, 0]})
    with pytest.raises(ConfigError, match="vectors of text have 3 numbers, those of video 2"):
        retrieval(Captioned(items(1, "video"), ("a",), (0,)), [("text", "video")], model)


def test_an_embedder_is_asked_for_so_many_at_once_and_progress_is_told():
    count, seen = CHUNK + 5, []
    data = Captioned(Items(tuple(map(str, range(count))), {"video": range(count)}), ("x",) * count, tuple(range(count)))
    model = Given({"x": [1, 0]}, {("video", n): [1, 0] for n in range(count)})
    retrieval(data, [("text", "video")], model, told=lambda *what: seen.append(what))
    assert model.asked == [CHUNK, 5, CHUNK, 5]
    assert seen == [("text", CHUNK, count), ("text", count, count), ("video", CHUNK, count), ("video", count, count)]


def test_a_benchmark_from_its_files_with_a_baseline(tmp_path):
    rows = "".join(f"ret{n},msr{n},video{n},sentence {n}\n" for n in range(3))
    root = written(tmp_path, {
        "MSRVTT_JSFUSION_test.csv": f"key,vid_key,video_id,sentence\n{rows}",
        **{f"videos/video{n}.mp4": "" for n in range(3)},
    })  # fmt: skip
    unit = np.eye(3).tolist()
    texts = {f"sentence {n}": unit[n] for n in range(3)}
    good = Given(texts, {("video", f"video{n}.mp4"): unit[n] for n in range(3)})
    bad = Given(texts, {("video", f"video{n}.mp4"): unit[(n + 1) % 3] for n in range(3)})
    found = evaluate(benchmark("msr-vtt-1k-a"), root, good, bad)
    assert (found.items, found.texts, found.missing, found.stated_items) == (3, 3, 0, 1000)
    assert [figures(side, "text", "video")["R@1"] for side in (found.measured, found.baseline)] == [100.0, 0.0]


def test_results_are_the_same_bytes_again(tmp_path):
    files = {f"val/{name}/{n}.mp4": "" for name in ("abseiling", "air_drumming") for n in range(4)}
    root = written(tmp_path, files)
    first, second = (evaluate(benchmark("kinetics-400"), root, Hashed()) for _ in range(2))
    assert first == second and first.items == 8
