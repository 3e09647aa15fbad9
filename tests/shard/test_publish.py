from __future__ import annotations

import errno
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.shard.dataset import RULES, SHARDS, TARS, files
from vidal.engine.schemas import INDEX
from vidal.engine.tar import BLOCK
from vidal.engine.workspace import GROUP, Workspace
from vidal.filter.config import RuleConfig
from vidal.shard import record
from vidal.shard.config import ShardConfig
from vidal.shard.publish import Rows, describe, publish
from vidal.shard.read import Shards
from vidal.shard.verify import verify

PAIRS = ShardConfig(samples=2)
BEFORE = ("key", "kind", "shard", "offset", "size", "seconds", "text", "members")
BESIDE = {"README.md", "SHA256SUMS", "__len__", "croissant.json", "index.parquet", "sizes.json", "stats.json"}


class Full(Workspace):
    """A workspace on a disk that fills up when `last` is to be written."""

    def __init__(self, url: str, last: str) -> None:
        super().__init__(url)
        self.last = last

    def create(self, name: str):
        if name == self.last:
            raise OSError(errno.ENOSPC, "no space left on device")
        return super().create(name)


def records(workspace: Workspace) -> list[tuple[str, str]]:
    """Each shard written, with its record."""
    names = [name for name in workspace.list("shard/write") if name.endswith(".parquet")]
    return [(name.rpartition("-")[0], f"shard/write/{name}") for name in names]


def consistent(workspace: Workspace) -> bool:
    """Whether everything beside the tars says what the tars hold."""
    folder = Path(workspace.path("shards"))
    index = workspace.read_table("shards/index.parquet").to_pylist()
    stats = workspace.read_json("shards/stats.json")
    held = {path.name: path.read_bytes() for path in sorted(folder.glob("*.tar"))}
    counted = {name: sum(row["shard"] == name for row in index) for name in held}
    return (
        [row["key"] for row in index] == [s.key for n in held for s in Shards(f"{folder}/{n}").samples(f"{folder}/{n}")]
        and workspace.read_json("shards/sizes.json") == counted
        and int(workspace.read_bytes("shards/__len__")) == len(index) == sum(stats["samples"].values())
        and stats["shards"]
        == {
            name: {"samples": counted[name], "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in held.items()
        }
    )


def test_index_sizes_and_statistics_say_what_the_tars_hold(built):
    assert set(files(built.workspace)) == BESIDE | set(TARS)
    assert consistent(built.workspace)


def test_one_range_of_a_tar_is_a_whole_sample(built):
    """As the format's page promises: the bytes at `offset` are the sample's entries, each member where it says."""
    for row in built.workspace.read_table("shards/index.parquet").to_pylist():
        data = built.workspace.read_bytes(f"shards/{row['shard']}")
        piece = data[row["offset"] : row["offset"] + row["size"]]
        names = [data[m["offset"] - BLOCK :].partition(b"\0")[0].decode() for m in row["members"]]
        assert names == [f"{row['key']}.{m['name']}" for m in row["members"]]
        assert piece.startswith(names[0].encode() + b"\0")
        for member in row["members"]:
            content = data[member["offset"] : member["offset"] + member["size"]]
            assert hashlib.sha256(content).hexdigest() == member["sha256"]
        assert row["members"][-1]["offset"] + row["members"][-1]["size"] == row["offset"] + row["size"]


def test_statistics_add_up(built):
    stats = built.workspace.read_json("shards/stats.json")
    index = built.workspace.read_table("shards/index.parquet").to_pylist()
    assert stats["samples"] == {"audio": 3, "video": 5}
    assert sum(found["count"] for found in stats["members"].values()) == sum(len(row["members"]) for row in index)
    for kind, hours in stats["hours"].items():
        assert hours == pytest.approx(sum(row["seconds"] for row in index if row["kind"] == kind) / 3600, abs=1e-6)
    sizes = [member["size"] for row in index for member in row["members"] if member["name"] == "mp4"]
    assert stats["members"]["mp4"] == {"count": 5, "bytes": sum(sizes)}


def test_checksums_are_those_of_sha256sum(built):
    told = built.workspace.read_bytes("shards/SHA256SUMS").decode()
    content = files(built.workspace)
    named = (*TARS, "index.parquet")
    assert told == "".join(f"{hashlib.sha256(content[name]).hexdigest()}  {name}\n" for name in named)


def test_the_index_has_the_scores_and_facts_of_each_sample(built):
    """As its JSON tells them; columns of their own, by names that need no quotes in SQL."""
    index = built.workspace.read_table("shards/index.parquet")
    rows = {row["key"]: row for row in index.to_pylist()}
    shards = Shards(built.workspace.path("shards"))
    for path in shards.paths:
        for sample in shards.samples(path):
            record = json.loads(shards.content(path, sample)["json"])
            row = rows[sample.key]
            assert record["scores"] and all(row[f"score_{k}"] == pytest.approx(v) for k, v in record["scores"].items())
            assert (row["source"], row["licence"]) == (record["origin"]["source"], record["origin"]["licence"])
    assert {rows[key]["score_motion"] is None for key in rows if rows[key]["kind"] == "audio"} == {True}
    told = duckdb.from_arrow(index).filter("score_motion > 0 AND licence = 'CC0-1.0'").select("key").fetchall()
    assert sorted(key for (key,) in told) == sorted(key for key in rows if rows[key]["kind"] == "video")
    frame = index.to_pandas()
    assert set(frame[frame.score_motion > 0].key) == {key for (key,) in told}


def test_records_of_before_the_scores_are_described_and_written_anew(built, copy):
    """A workspace of an earlier version: a take-down there describes the shards as they are, a build writes them."""
    built.write(copy, SHARDS)
    now = files(copy)
    for name, file in records(copy):
        old = copy.read_table(file)
        left = [column for column in old.column_names if column in (*BEFORE, "inputs", "weight")]
        copy.write_table(f"shard/write/{name}-{'0' * 12}.parquet", old.select(left), copy.table_metadata(file))
        copy.remove(file)
    copy.remove("shards/stats.json")
    describe(copy, "vidal", records(copy))
    index = copy.read_table("shards/index.parquet")
    assert index["split"].null_count == len(index) == 8 and consistent(copy)
    assert copy.read_json("shards/stats.json")["licences"] == {"unknown": 8}
    assert built.write(copy, SHARDS).done == 8
    assert files(copy) == now


def test_records_of_different_scores_make_one_index(tmp_path):
    workspace = Workspace(str(tmp_path))
    for name, types in (("old", {"b": pa.float32()}), ("new", {"a": pa.int32(), "b": pa.int16()})):
        row = {"key": name, "kind": "video", "members": [], **dict.fromkeys((f"score_{one}" for one in types), 3)}
        workspace.write_table(name, pa.Table.from_pylist([row], record.schema(types)))
    rows = Rows(workspace, ["old", "new"])
    assert rows.schema.names == [*INDEX.names[:-1], "score_a", "score_b", "members"]
    table = pa.concat_tables(rows)
    assert table.schema == rows.schema and table.to_pydict()["score_a"] == [None, 3]
    assert table["score_b"].to_pylist() == [3.0, 3.0]


@pytest.mark.parametrize("sizes", [(), (0,), (1, 0, 2), (GROUP, 1), (GROUP - 1, 1, GROUP, GROUP, 5)])
def test_an_index_of_many_tables_is_one_of_few_groups_of_rows(tmp_path, sizes):
    workspace, schema = Workspace(str(tmp_path)), pa.schema([("n", pa.int64())])
    workspace.write_tables("t.parquet", schema, (pa.table({"n": range(size)}, schema) for size in sizes))
    found = pq.ParquetFile(tmp_path / "t.parquet")
    assert found.read()["n"].to_pylist() == [number for size in sizes for number in range(size)]
    groups = [found.metadata.row_group(number).num_rows for number in range(found.num_row_groups)]
    assert all(group >= GROUP for group in groups[:-1])


def test_publishing_again_touches_nothing(built, copy):
    built.write(copy, SHARDS)
    before = {path: path.stat().st_mtime_ns for path in Path(copy.path("shards")).iterdir()}
    assert publish(copy, "vidal", records(copy)) == ()
    assert {path: path.stat().st_mtime_ns for path in Path(copy.path("shards")).iterdir()} == before


def test_describing_some_shards_leaves_the_others_alone(built, copy):
    built.write(copy, SHARDS)
    describe(copy, "vidal", [(name, file) for name, file in records(copy) if f"{name}.tar" != TARS[1]])
    assert set(TARS) <= set(files(copy))
    assert list(copy.read_json("shards/sizes.json")) == [TARS[0], TARS[2]]
    assert {row["shard"] for row in copy.read_table("shards/index.parquet").to_pylist()} == {TARS[0], TARS[2]}


def test_a_shrunk_dataset_keeps_no_old_shard(built, copy):
    built.write(copy, PAIRS)
    assert len(Shards(copy.path("shards")).paths) == 5
    built.write(copy, SHARDS)
    assert files(copy) == files(built.workspace)
    built.write(copy, PAIRS)
    assert consistent(copy) and len(Shards(copy.path("shards")).paths) == 5
    assert verify(Shards(copy.path("shards"))).problems == ()


def test_a_renamed_dataset_keeps_no_old_shard(built, copy):
    built.write(copy, SHARDS)
    built.write(copy, ShardConfig(samples=3, prefix="other"))
    assert {name for name in files(copy) if name.endswith(".tar")} == {name.replace("vidal", "other") for name in TARS}
    assert consistent(copy)


def test_a_dataset_of_nothing_says_so(built, tmp_path):
    workspace = Workspace(str(tmp_path / "w"))
    (note,) = publish(workspace, "vidal", [])
    assert "no sample was kept" in note
    assert workspace.read_table("shards/index.parquet").num_rows == 0
    assert workspace.read_bytes("shards/__len__") == b"0" and workspace.read_json("shards/stats.json")["shards"] == {}


@pytest.mark.parametrize("target", [SHARDS, PAIRS], ids=["on", "back"])
@pytest.mark.parametrize("last", ["index.parquet", "sizes.json", "stats.json"])
def test_an_interrupted_publication_is_finished_by_the_next(built, copy, last, target):
    """Wherever it stops, going on and going back both end in what an uninterrupted write leaves."""
    built.write(copy, PAIRS)
    before = files(copy)
    with pytest.raises(OSError, match="no space left"):
        built.write(Full(copy.url, f"shards/{last}"), SHARDS)
    built.write(copy, target)
    assert files(copy) == (files(built.workspace) if target is SHARDS else before)


def test_a_rule_more_removes_samples_and_a_rule_less_brings_them_back(built, copy):
    rules = RULES
    dataset = replace(built, workspace=copy)
    dataset.build(SHARDS, rules=(*rules, RuleConfig(name="silent", where="kind = 'audio'")))
    assert copy.read_json("shards/stats.json")["samples"] == {"video": 5}
    assert consistent(copy) and len(Shards(copy.path("shards")).paths) == 2
    dataset.build(SHARDS, rules=rules)
    assert files(copy) == files(built.workspace)
