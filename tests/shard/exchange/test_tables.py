from __future__ import annotations

import builtins
import json

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.shard.dataset import CLIPS, MUTE, SOUNDS, TARS
from vidal.engine.errors import ConfigError
from vidal.engine.tar import pack
from vidal.shard.exchange import tables
from vidal.shard.exchange.tables import export_lance, export_parquet
from vidal.shard.read import Shards


def same(rows: list[dict], shards: Shards) -> bool:
    """Whether rows hold every sample of the shards, in order, each member as it is there."""
    contents = [(s.key, s.shard, shards.content(path, s)) for path in shards.paths for s in shards.samples(path)]
    assert [row["key"] for row in rows] == [key for key, _, _ in contents]
    for row, (_, shard, content) in zip(rows, contents, strict=True):
        told = {
            name: value for name, value in row.items() if name not in ("key", "kind", "shard") and value is not None
        }
        members = {name.replace(".", "_"): data for name, data in content.items()}
        assert row["shard"] == shard and row["kind"] == ("video" if "mp4" in content else "audio")
        assert {n: v.encode() if isinstance(v, str) else v for n, v in told.items()} == members
    return True


def test_parquet_holds_every_member(shards, tmp_path):
    assert export_parquet(shards, tmp_path / "out").samples == CLIPS + SOUNDS
    paths = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in paths] == [name.replace(".tar", ".parquet") for name in TARS]
    assert same([row for path in paths for row in pq.read_table(path).to_pylist()], shards)


def test_parquet_is_read_by_duckdb_and_datasets(shards, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    export_parquet(shards, tmp_path / "out")
    files = str(tmp_path / "out" / "*.parquet")
    mute = duckdb.sql(f"SELECT json->>'$.origin.url' FROM '{files}' WHERE mp4 IS NOT NULL AND flac IS NULL").fetchall()
    assert mute == [(f"clip-{MUTE}.mp4",)]
    rows = list(load_dataset("parquet", data_files=files, split="train", streaming=True))
    assert len(rows) == CLIPS + SOUNDS and {json.loads(row["json"])["key"] for row in rows} == {r["key"] for r in rows}


def test_rows_come_in_groups_of_bounded_size(shards, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "GROUP_BYTES", 1)
    export_parquet(shards, tmp_path / "out")
    assert pq.ParquetFile(tmp_path / "out" / "vidal-000000.parquet").num_row_groups == 3


def test_lance_holds_every_member(shards, tmp_path):
    lance = pytest.importorskip("lance")
    assert export_lance(shards, tmp_path / "out").samples == CLIPS + SOUNDS
    dataset = lance.dataset(str(tmp_path / "out"))
    assert same(dataset.to_table().to_pylist(), shards)
    [row] = dataset.to_table(columns=["key"], filter=f"key = '{dataset.take([3])['key'][0]}'").to_pylist()
    assert row["key"] == dataset.take([3])["key"][0].as_py()


def test_without_lance_it_is_said_how_to_get_it(shards, tmp_path, monkeypatch):
    real = builtins.__import__

    def absent(name, *rest, **named):
        if name == "lance":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ConfigError, match=r"pip install 'vidal\[lance\]'"):
        export_lance(shards, tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("names", "column"), [(("a.b", "a_b"), "a_b"), (("key",), "key")])
def test_members_that_would_share_a_column_are_refused(tmp_path, names, column):
    (tmp_path / "x.tar").write_bytes(pack([(f"0.{name}", b"x") for name in names])[0])
    with pytest.raises(ConfigError, match=f"would be the column {column}"):
        export_parquet(Shards(str(tmp_path / "x.tar")), tmp_path / "out")
    assert not (tmp_path / "out").exists()
