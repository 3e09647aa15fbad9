from __future__ import annotations

from collections import Counter

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.shard.dataset import SHARDS, files
from vidal.engine import forgotten
from vidal.engine.forgotten import Forgotten, Held
from vidal.engine.ordering import place
from vidal.shard import record, rewrite
from vidal.shard.config import ShardConfig
from vidal.shard.read import Shards
from vidal.shard.split import TRAIN, VALIDATION, split_of
from vidal.shard.verify import verify

HELD_OUT = ShardConfig(samples=3, validation=0.4)
SHARES = st.floats(0, 1, exclude_max=True)


@given(st.text(max_size=9), SHARES, SHARES)
def test_a_greater_share_holds_out_no_sample_fewer(key, one, other):
    less, more = sorted((one, other))
    assert split_of(place(key), 0) == TRAIN
    assert split_of(place(key), more) == VALIDATION or split_of(place(key), less) == TRAIN


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_share_is_kept_in_every_stretch_of_the_order_of_parts(share):
    keys = sorted((f"key-{number}" for number in range(20_000)), key=place)
    for stretch in (keys[:10_000], keys[10_000:]):
        counts = Counter(split_of(place(key), share) for key in stretch)
        assert counts[VALIDATION] / len(stretch) == pytest.approx(share, abs=0.01)


def test_a_split_is_the_same_on_every_machine():
    """Pinned: no sample may change sides when the code is edited."""
    assert [key for key in map(str, range(40)) if split_of(place(key), 0.1) == VALIDATION] == [
        "7",
        "11",
        "12",
        "13",
        "18",
        "25",
        "30",
        "39",
    ]


def test_a_take_down_moves_no_shard_of_either_split(built, copy):
    """Even of the sample that comes first of all: it keeps its place in its own split, and has none in the other."""
    single = HELD_OUT.model_copy(update={"samples": 1})
    built.write(copy, single)
    before = keys(copy)
    rows = [row for _, file in record.files(copy) for row in copy.read_table(file).to_pylist()]
    gone = min((row for row in rows if row["kind"] == "video"), key=lambda row: place(row["key"]))
    forgotten.write(copy, Forgotten().adding([gone["key"]]).placing({gone["key"]: Held("video", gone["weight"])}))
    assert built.write(copy, single).done == 0
    assert keys(copy) == {name: found for name, found in before.items() if found != [gone["key"]]}


def keys(workspace) -> dict[str, list[str]]:
    shards = Shards(workspace.path("shards"))
    return {path.rpartition("/")[2]: [sample.key for sample in shards.samples(path)] for path in shards.paths}


@pytest.fixture
def split(built, copy):
    """The dataset with two fifths held out."""
    built.write(copy, HELD_OUT)
    return copy


def test_each_split_has_shards_of_its_own_and_nothing_else_changes(built, split):
    index = split.read_table("shards/index.parquet").to_pylist()
    for row in index:
        assert row["split"] == split_of(place(row["key"]), 0.4)
        assert row["shard"].startswith("vidal-audio-" if row["kind"] == "audio" else "vidal-")
        assert ("validation-" in row["shard"]) is (row["split"] == VALIDATION)
    assert {row["split"] for row in index if row["kind"] == "video"} == {TRAIN, VALIDATION}
    assert sorted(row["key"] for row in index) == sorted(
        key for shard in keys(built.workspace).values() for key in shard
    )
    whole = built.workspace.read_table("shards/index.parquet").to_pylist()
    sums = {row["key"]: [member["sha256"] for member in row["members"]] for row in whole}
    assert {row["key"]: [member["sha256"] for member in row["members"]] for row in index} == sums
    assert [row["key"] for row in index] == [key for shard in keys(split).values() for key in shard]
    assert verify(Shards(split.path("shards"))).problems == ()


def test_the_card_names_the_shards_of_each_split(split):
    head = yaml.safe_load(split.read_bytes("shards/README.md").decode().split("---\n")[1])
    stats = split.read_json("shards/stats.json")
    told = {
        (part["config_name"], file["split"]): file["path"] for part in head["configs"] for file in part["data_files"]
    }
    assert told["default", "train"] == "vidal-[0-9]*.tar"
    assert told["default", "validation"] == "vidal-validation-[0-9]*.tar"
    assert sum(stats["splits"].values()) == 8 and set(stats["splits"]) == {TRAIN, VALIDATION}


def test_going_back_leaves_no_shard_of_a_split(built, split):
    built.write(split, SHARDS)
    assert files(split) == files(built.workspace)


def test_what_is_forgotten_leaves_the_other_split_alone(built, split):
    """By a build that leaves it out, and by a take-down, to the same bytes."""
    before = keys(split)
    shard = next(name for name in before if name.startswith("vidal-validation"))
    gone = before[shard][0]
    held = {row["key"]: row for _, file in record.files(split) for row in split.read_table(file).to_pylist()}
    listed = Forgotten().adding([gone]).placing({gone: Held("video", held[gone]["weight"])})
    forgotten.write(split, listed)
    left = before | {shard: before[shard][1:]}
    for name in rewrite.holding(split, listed):
        rewrite.rewrite(split, name, listed)
    rewrite.republish(split, "vidal", listed)
    taken_down = files(split)
    assert keys(split) == {name: found for name, found in left.items() if found}
    summary = built.write(split, HELD_OUT)
    assert summary.done == 0 and files(split) == taken_down
