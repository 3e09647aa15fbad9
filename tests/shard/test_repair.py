"""Damaged shards written anew without what is damaged."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem

import vidal
from vidal.engine.errors import ConfigError
from vidal.shard import repair as repairing
from vidal.shard.read import Shards
from vidal.shard.repair import LEDGER, repair
from vidal.shard.verify import verify

LAST = "vidal-audio-000000.tar"


def rows_of(shards, name=LAST):
    return [row for row in pq.read_table(shards / "index.parquet").to_pylist() if row["shard"] == name]


def test_a_last_shard_cut_off_loses_its_own_damaged_samples_alone(shards, tmp_path):
    whole = {key: sample.read() for key, sample in vidal.open(str(shards)).items()}
    first, second, third = rows_of(shards)
    path = shards / LAST
    path.write_bytes(path.read_bytes()[: second["offset"] + second["size"] // 2])
    found = repair(str(shards), str(tmp_path / "out"))
    assert set(found.dropped) == {second["key"], third["key"]}
    assert found.rewritten == (LAST,) and len(found.copied) == 2 and found.removed == ()
    for name in found.copied:
        assert (tmp_path / "out" / name).read_bytes() == (shards / name).read_bytes()
    left = vidal.open(str(tmp_path / "out"))
    assert {key: sample.read() for key, sample in left.items()} == {
        key: content for key, content in whole.items() if key not in found.dropped
    }
    assert first["key"] in left and verify(Shards(str(tmp_path / "out"))).problems == ()
    ledger = [json.loads(line) for line in (tmp_path / "out" / LEDGER).read_text().splitlines()]
    assert {line["key"] for line in ledger if line["key"]} == set(found.dropped)


@pytest.mark.parametrize("distance", [-300, 0], ids=["header", "content"])
def test_a_damaged_member_costs_its_sample_and_none_behind_it(shards, tmp_path, distance):
    damaged = rows_of(shards)[1]
    path = shards / LAST
    data = bytearray(path.read_bytes())
    data[damaged["members"][1]["offset"] + distance] ^= 4
    path.write_bytes(data)
    found = repair(str(shards), str(tmp_path / "out"))
    assert found.dropped == (damaged["key"],) and found.samples == 7
    assert verify(Shards(str(tmp_path / "out"))).problems == ()


def test_nothing_damaged_is_the_same_set(shards, tmp_path):
    found = repair(str(shards), str(tmp_path / "out"))
    assert found.dropped == () and found.rewritten == () and len(found.copied) == 3
    for path in shards.glob("*.tar"):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
    assert pq.read_table(tmp_path / "out" / "index.parquet").equals(pq.read_table(shards / "index.parquet"))
    assert (tmp_path / "out" / "stats.json").read_text() == (shards / "stats.json").read_text()


def test_a_shard_without_an_index_keeps_what_stands_before_the_damage(shards, tmp_path):
    second = rows_of(shards)[1]
    for name in ("index.parquet", "sizes.json", "stats.json"):
        (shards / name).unlink()
    path = shards / LAST
    path.write_bytes(path.read_bytes()[: second["offset"] + 700])
    found = repair(str(shards), str(tmp_path / "out"))
    assert found.samples == 6 and found.rewritten == (LAST,)
    assert verify(Shards(str(tmp_path / "out"))).problems == ()


def test_a_folder_that_holds_something_is_left_alone(shards):
    with pytest.raises(ConfigError, match="there is something already"):
        repair(str(shards), str(shards))


@pytest.mark.parametrize("damaged", [False, True], ids=["copied", "rewritten"])
def test_a_shard_that_changes_after_its_check_is_not_written_as_sound(shards, tmp_path, monkeypatch, damaged):
    """A text is changed, so that it decodes as before, when all is checked and nothing is copied yet."""
    path = shards / LAST
    first, _, third = rows_of(shards)
    [text] = [member for member in third["members"] if member["name"] == "txt"]
    if damaged:
        flip(path, first["members"][0]["offset"])
    check = repairing.check

    def then_changed(*words, **named):
        found = check(*words, **named)
        flip(path, text["offset"])
        return found

    monkeypatch.setattr(repairing, "check", then_changed)
    with pytest.raises(ConfigError, match=f"{LAST}.* was changed after it was checked"):
        repair(str(shards), str(tmp_path / "out"))
    assert not (tmp_path / "out" / LAST).exists() and not (tmp_path / "out" / "index.parquet").exists()


def test_a_shard_is_read_to_be_checked_and_to_be_copied_and_no_more(shards, tmp_path, monkeypatch):
    opened = []
    opening = LocalFileSystem.open
    monkeypatch.setattr(
        LocalFileSystem,
        "open",
        lambda self, path, *words, **named: opened.append(path) or opening(self, path, *words, **named),
    )
    flip(shards / LAST, rows_of(shards)[1]["members"][0]["offset"])
    repair(str(shards), str(tmp_path / "out"))
    assert [opened.count(str(path)) for path in sorted(shards.glob("*.tar"))] == [2, 2, 2]


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
