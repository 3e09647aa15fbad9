"""Test sets from real files: what is found, and what is said of files that are wrong."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.errors import ConfigError
from vidal.filter.duplicates.config import EvaluationConfig
from vidal.filter.duplicates.evaluation import check, embeddings, folded, near, titles


def vectors(path, rows, kind=pa.list_(pa.float32()), column="embedding"):
    pq.write_table(pa.table({column: pa.array(rows, kind)}), path)


@pytest.mark.parametrize(
    ("title", "other"),
    [
        ("A cat, on a mat!", "a CAT on a mat"),
        ("Straße — Zürich", "STRASSE Zu\u0308rich"),
        ("it&#39;s", "it’s"),
        ("ｆｕｌｌ width", "full width"),
        ("一只猫。", "一只猫"),
        ("قطة!", "قطة"),
        ("cat 😺", "cat"),
    ],
)
def test_case_and_punctuation_do_not_matter(title, other):
    assert folded(title) == folded(other) != ""


@pytest.mark.parametrize(("title", "other"), [("की", "का"), ("cat", "cats"), ("a b", "ab"), ("9", "6")])
def test_letters_marks_and_spaces_do(title, other):
    assert folded(title) != folded(other)


@given(st.text())
def test_folding_twice_is_folding_once(text):
    assert folded(folded(text)) == folded(text)


def test_titles_come_from_texts_tables_and_json(tmp_path):
    expected = frozenset({"a cat", "two dogs"})
    (tmp_path / "a.txt").write_text("A cat.\n# a comment\n\nTwo dogs\n😺\n")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"a cat\ntwo dogs\n"))
    (tmp_path / "c.csv").write_text("id,caption\n1,A cat\n2,Two dogs\n")
    (tmp_path / "d.json").write_text(json.dumps({"sentences": [{"caption": "a cat"}, {"caption": "two dogs"}]}))
    pq.write_table(pa.table({"caption": ["a cat", "two dogs"]}), tmp_path / "e.parquet")
    fields = {"a.txt": None, "b.txt.gz": None, "c.csv": "caption", "d.json": "sentences.item.caption"}
    for name, field in {**fields, "e.parquet": "caption"}.items():
        one = EvaluationConfig(name="test", titles=name, field=field)
        check([one], tmp_path)
        assert titles(one, tmp_path) == expected


@pytest.mark.parametrize(
    ("name", "content", "field", "says"),
    [
        ("absent.txt", None, None, "absent.txt: not found"),
        ("empty.txt", b"", None, "holds no text"),
        ("emoji.txt", "😺\n".encode(), None, "holds no text"),
        ("c.csv", b"id,caption\n1,a cat\n", None, "needs `field`"),
        ("c.csv", b"id,caption\n1,a cat\n", "title", "title"),
        ("latin.txt", b"caf\xe9\n", None, "not UTF-8"),
        ("what.bin", b"a cat", None, "tells no format"),
    ],
)
def test_a_wrong_file_of_titles_is_one_error_with_file_and_key(tmp_path, name, content, field, says):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=r"filter\.duplicates\.against test, titles") as told:
        check([EvaluationConfig(name="test", titles=name, field=field)], tmp_path)
    assert says in str(told.value) and name in str(told.value) and "\n" not in str(told.value)


@pytest.mark.parametrize("kind", [pa.list_(pa.float16()), pa.large_list(pa.float64()), pa.list_(pa.float32(), 2)])
def test_embeddings_of_any_precision_are_brought_to_unit_length(tmp_path, kind):
    vectors(tmp_path / "e.parquet", np.array([[3.0, 4.0], [0.0, 2.0]], np.float16).tolist(), kind)
    one = EvaluationConfig(name="test", embeddings="e.parquet")
    check([one], tmp_path)
    assert embeddings(one, tmp_path, 2) == pytest.approx(np.array([[0.6, 0.8], [0.0, 1.0]]), abs=1e-6)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda path: None, "not found"),
        (lambda path: path.write_bytes(b""), "no readable Parquet"),
        (lambda path: path.write_bytes(b"PAR1 nonsense"), "no readable Parquet"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: vectors(path, [[1.0]], column="vector"), "no column `embedding`; it has vector"),
        (lambda path: vectors(path, [1.0], pa.float32()), "not lists of floating-point numbers"),
        (lambda path: vectors(path, [["a"]], pa.list_(pa.string())), "not lists of floating-point numbers"),
        (lambda path: vectors(path, []), "holds no rows"),
        (
            lambda path: vectors(path, [[1.0, 2.0], [1.0]]),
            "embeddings of 1, 2 numbers, and filter/clip makes some of 2",
        ),
        (lambda path: vectors(path, [[1.0, 2.0, 3.0]]), "embeddings of 3 numbers, and filter/clip makes some of 2"),
        (lambda path: vectors(path, [[1.0, 2.0], None]), "embeddings of 2 numbers"),
        (lambda path: vectors(path, [[1.0, None]]), "embeddings of 2 numbers"),
        (lambda path: vectors(path, [[1.0, 0.0], [0.0, 0.0]]), "an embedding of zeros"),
        (lambda path: vectors(path, [[1.0, float("nan")]]), "an embedding of zeros or of what is no number"),
    ],
)
def test_a_wrong_file_of_embeddings_is_one_error_with_file_and_key(tmp_path, write, says):
    write(tmp_path / "e.parquet")
    one = EvaluationConfig(name="test", embeddings="e.parquet")
    with pytest.raises(ConfigError, match=r"filter\.duplicates\.against test, embeddings") as told:
        check([one], tmp_path)
        embeddings(one, tmp_path, 2)
    assert says in str(told.value) and "e.parquet" in str(told.value) and "\n" not in str(told.value)


def test_near_ones_are_found_block_by_block(monkeypatch):
    monkeypatch.setattr("vidal.filter.duplicates.evaluation.BLOCK", 3)
    rng = np.random.default_rng(0)
    test = rng.standard_normal((7, 32)).astype(np.float32)
    test /= np.linalg.norm(test, axis=1, keepdims=True)
    samples = np.concatenate([rng.standard_normal((5, 32)), test[:1] * 4, test[6:], np.zeros((1, 32)), -test[:1]])
    assert near(test, samples.astype(np.float16), 0.95).tolist() == [False] * 5 + [True, True, False, False]


def test_a_test_set_of_nothing_is_refused():
    with pytest.raises(ValueError, match="needs `titles`, `embeddings` or both"):
        EvaluationConfig(name="test")
