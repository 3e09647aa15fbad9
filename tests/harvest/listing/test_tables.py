from __future__ import annotations

import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.errors import ConfigError
from vidal.harvest.listing import parquet, tables, text
from vidal.harvest.listing.tables import open_table

ROWS = [
    {"url": f"https://x.example/{n}", "title": f'A "dog", {n}\nbarks \N{SNOWMAN}', "tags": "", "n": str(n)}
    for n in range(23)
]
HEADER = ["url", "title", "tags", "n"]
FORMATS = ["t.csv", "t.tsv", "t.jsonl", "t.ndjson", "t.CSV", "t.csv.gz", "t.jsonl.gz", "t.parquet"]


@pytest.fixture(autouse=True)
def small_slices(monkeypatch):
    for module in (tables, text, parquet):
        monkeypatch.setattr(module, "ROWS", 5)


def content(name, rows=ROWS):
    """The rows in the format that a name tells."""
    stem = name.removesuffix(".gz").lower()
    if stem.endswith("parquet"):
        stream = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), stream, row_group_size=12)
        return stream.getvalue()
    if stem.endswith(("csv", "tsv")):
        stream = io.StringIO(newline="")
        table = csv.DictWriter(stream, HEADER, delimiter="\t" if stem.endswith("tsv") else ",")
        table.writeheader()
        table.writerows(rows)
        made = stream.getvalue().encode()
    else:
        made = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    return gzip.compress(made) if name.endswith(".gz") else made


def table_of(tmp_path, name, made):
    (tmp_path / name).write_bytes(made)
    return open_table(name, tmp_path)


def listed(table):
    """Every row, slice by slice, read in no order."""
    parts = list(table.slices())
    assert [part.name for part in parts] == sorted({part.name for part in parts})
    found = {part.name: list(table.rows(part.name)) for part in reversed(parts)}
    return [row for part in parts for row in found[part.name]]


@pytest.mark.parametrize("name", FORMATS)
def test_every_row_of_every_format_is_in_one_slice(tmp_path, name):
    table = table_of(tmp_path, name, content(name))
    table.check("url", "title")
    rows = listed(table)
    assert [row.problem for row in rows] == [None] * len(ROWS)
    assert [row.values for row in rows] == [{k: v for k, v in row.items() if v} for row in ROWS]
    assert len(list(table.slices())) == (6 if "parquet" in name else 5)
    assert all(len(list(table.rows(part.name))) <= 5 for part in table.slices())


@pytest.mark.parametrize("name", FORMATS)
def test_a_changed_row_changes_the_revision_of_its_slice(tmp_path, name):
    def revisions(rows):
        return [part.revision for part in table_of(tmp_path, name, content(name, rows)).slices()]

    before = revisions(ROWS)
    assert before == revisions(ROWS)
    after = revisions([{**row, "n": "x7"[: len(row["n"])] if row["n"] == "7" else row["n"]} for row in ROWS])
    changed = [a != b for a, b in zip(before, after, strict=True)]
    assert changed == ([True] * 3 + [False] * 3 if "parquet" in name else [False, True, False, False, False])
    longer = revisions([*ROWS, ROWS[0]])
    assert longer[:3] == before[:3] and longer != before


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_another_name_of_a_column_changes_every_revision(tmp_path, name):
    before = [part.revision for part in table_of(tmp_path, name, content(name)).slices()]
    made = content(name).replace(b"title", b"tilte")
    assert all(a != b.revision for a, b in zip(before, table_of(tmp_path, name, made).slices(), strict=True))


@given(st.lists(st.lists(st.text(max_size=6), min_size=2, max_size=2), min_size=1, max_size=30), st.booleans())
def test_any_cells_are_read_as_the_csv_module_wrote_them(tmp_path_factory, rows, mark):
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([["a", "b"], *rows])
    made = stream.getvalue().encode("utf-8", "replace")
    table = table_of(tmp_path_factory.mktemp("csv"), "t.csv", b"\xef\xbb\xbf" * mark + made)
    wanted = [row for row in csv.reader(io.StringIO(made.decode(), newline=""), strict=True) if row][1:]
    found = [[row.values.get("a", ""), row.values.get("b", "")] for row in listed(table)]
    assert found == [[cell if cell.strip() else "" for cell in row] for row in wanted]


def test_a_row_that_is_wrong_is_a_row_and_costs_no_other(tmp_path):
    lines = [
        b"url,title",
        b"https://x.example/1,one",
        b"https://x.example/2,two,three",
        b"https://x.example/3,caf\xe9",
        b'https://x.example/4,"a"b',
        b"",
        b"https://x.example/5",
        b"https://x.example/6,six",
    ]
    rows = listed(table_of(tmp_path, "t.csv", b"\n".join(lines)))
    assert [(row.place, row.problem) for row in rows] == [
        ("t.csv:2", None),
        ("t.csv:3", "3 cells under 2 columns"),
        ("t.csv:4", "not UTF-8 text"),
        ("t.csv:5", "not a row of cells: ',' expected after '\"'"),
        ("t.csv:7", None),
        ("t.csv:8", None),
    ]
    assert rows[-1].values == {"url": "https://x.example/6", "title": "six"}


def test_a_line_that_is_no_object_is_a_row_and_costs_no_other(tmp_path):
    lines = [b'{"url": "u", "title": null}', b"{", b"[1]", b"\xff", b"", b"[" * 100_000, b'{"url": "v"}']
    rows = listed(table_of(tmp_path, "t.jsonl", b"\n".join(lines)))
    assert [(row.place, row.problem) for row in rows] == [
        ("t.jsonl:1", None),
        ("t.jsonl:2", "not JSON"),
        ("t.jsonl:3", "not a JSON object"),
        ("t.jsonl:4", "not UTF-8 text"),
        ("t.jsonl:6", "not JSON"),
        ("t.jsonl:7", None),
    ]
    assert rows[0].values == {"url": "u"} and rows[-1].values == {"url": "v"}


def test_rows_of_parquet_are_numbered_and_texts_that_are_none_are_told(tmp_path):
    wrong = pa.array([b"ok", b"\xff"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"url": ["a", "b"], "title": wrong}), tmp_path / "t.parquet", row_group_size=1)
    rows = listed(open_table("t.parquet", tmp_path))
    assert [(row.place, row.problem) for row in rows] == [("t.parquet:1", None), ("t.parquet:2", "not UTF-8 text")]


def test_a_slice_of_long_rows_ends_by_its_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "SLICE_BYTES", 60)
    table = table_of(tmp_path, "t.jsonl", b'{"url": "0123456789012345678901234567890123456789"}\n' * 4)
    assert len(list(table.slices())) == 2 and len(listed(table)) == 4


def test_a_line_without_an_end_is_damage(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "LINE_BYTES", 1000)
    with pytest.raises(ConfigError, match=r"t\.jsonl: a line of more than 1,000 bytes"):
        list(table_of(tmp_path, "t.jsonl", b"x" * 2000).slices())


@pytest.mark.parametrize(
    ("name", "made", "says"),
    [
        ("t.csv", b"link,title\na,b\n", r"t\.csv has no column 'url', only link, title; set `columns`"),
        ("t.csv", b"", "no column 'url'"),
        ("t.csv", b"url\n", r"t\.csv holds no rows"),
        ("t.csv", b"ur\xffl\nx\n", r"t\.csv:1: not a header in UTF-8"),
        ("t.jsonl", b"\n\n", r"t\.jsonl holds no rows"),
        ("t.parquet", b"PAR1 nonsense", r"t\.parquet: not a readable Parquet file"),
        ("t.txt", b"x", r"t\.txt: the name tells no format"),
        ("t.parquet.gz", b"x", r"t\.parquet\.gz: the name tells no format"),
    ],
)
def test_a_table_that_cannot_be_listed_is_refused_before_a_build(tmp_path, name, made, says):
    with pytest.raises(ConfigError, match=says):
        table_of(tmp_path, name, made).check("url")
