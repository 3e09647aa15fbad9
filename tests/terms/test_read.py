from __future__ import annotations

import csv
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.errors import ConfigError
from vidal.terms import read
from vidal.terms.read import Slice, slices, texts

TEXTS = ["Ein Hund läuft", 'a "quoted", listed cat', "two\u2028lines? no", "犬"]


def written(path, format_):
    """A file of the format that holds TEXTS, and the field they are in."""
    if format_ == "txt":
        path.write_text("# comment\n\n" + "\n".join(TEXTS), encoding="utf-8")
        return None
    if format_ == "jsonl":
        rows = [json.dumps({"a": {"b": [{"c": text}]}}, ensure_ascii=False) for text in TEXTS]
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return "a.b.item.c"
    if format_ == "json":
        path.write_text(json.dumps({"info": 1, "annotations": [{"caption": text} for text in TEXTS]}))
        return "annotations.item.caption"
    if format_ == "parquet":
        pq.write_table(pa.table({"text": [*TEXTS, None]}), path)
        return "text"
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        rows = csv.writer(stream, delimiter="\t" if format_ == "tsv" else ",")
        rows.writerows([["id", "name"], *([str(n), text] for n, text in enumerate(TEXTS))])
    return "name"


@pytest.mark.parametrize("format_", ["txt", "csv", "tsv", "json", "jsonl", "parquet"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_format_gives_its_texts(tmp_path, format_, packed):
    path = tmp_path / f"x.{format_}"
    field = written(path, format_)
    if packed and format_ != "parquet":
        path.with_suffix(f".{format_}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path = path.with_suffix(f".{format_}.gz")
    assert list(texts(Slice(path, format_, field))) == TEXTS


def test_a_column_by_number_needs_no_names(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text("n1\tcat\nn2\tdog, hound\n")
    assert list(texts(Slice(path, "tsv", "1"))) == ["cat", "dog, hound"]


@given(st.lists(st.text("ab é\U0001f525#", max_size=9), max_size=30), st.integers(1, 40), st.booleans())
def test_slices_give_every_line_once_and_in_order(tmp_path_factory, lines, size, ends):
    path = tmp_path_factory.mktemp("slices") / "x.txt"
    path.write_text("\n".join(lines) + "\n" * ends, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read, "SLICE_BYTES", size)
        parts = slices(path, "txt", None)
    assert len(parts) == max(1, -(-path.stat().st_size // size))
    expected = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    assert [text for part in parts for text in texts(part)] == expected


def test_only_plain_lines_are_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(read, "SLICE_BYTES", 10)
    for name, format_ in (("x.csv", "csv"), ("x.txt.gz", "txt")):
        (tmp_path / name).write_bytes(b"0" * 100)
        assert len(slices(tmp_path / name, format_, None)) == 1


@pytest.mark.parametrize(
    ("format_", "content", "field", "says"),
    [
        ("txt", "caf\xe9\n".encode("latin-1"), None, "not UTF-8 text"),
        ("txt", "cat\n".encode("utf-16"), None, "not UTF-8 text"),
        ("txt", b"x" * (read.LINE_BYTES + 2), None, "a line of more than"),
        ("csv", b"id,name\n1,cat\n", "title", "no column 'title', only id, name"),
        ("csv", b"id,name\n1\n", "name", "no column name"),
        ("csv", b'name\n"cat\n', "name", "not a csv file"),
        ("jsonl", b"cat\n", "name", "is no JSON"),
        ("jsonl", b'{"a": 1}\n', "b", "nothing at 'b'"),
        ("jsonl", b'{"a": {"b": 1}}\n', "a", "is no text"),
        ("json", b"<html>", "a", "not valid JSON"),
        ("json", b'{"a": ["x"', "a.item", "not valid JSON"),
        ("json", b'{"a": ["x"]}', "b.item", "nothing at 'b.item'"),
        ("json", b'{"a": [{"b": 1}]}', "a.item", "is no text"),
        ("parquet", b"PAR0", "text", "not a readable parquet file"),
    ],
)
def test_what_is_wrong_is_said_with_the_files_name(tmp_path, format_, content, field, says):
    path = tmp_path / f"x.{format_}"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=says) as raised:
        list(texts(Slice(path, format_, field)))
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_a_parquet_file_without_the_column(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "x.parquet")
    with pytest.raises(ConfigError, match="no column 'b', only a"):
        list(texts(Slice(tmp_path / "x.parquet", "parquet", "b")))


def test_a_packed_file_cut_short(tmp_path):
    (tmp_path / "x.txt.gz").write_bytes(gzip.compress(b"cat\n" * 1000)[:-20])
    with pytest.raises(ConfigError, match=r"x\.txt\.gz cannot be read"):
        list(texts(Slice(tmp_path / "x.txt.gz", "txt", None)))
