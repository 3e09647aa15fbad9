from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import webdataset

from tests.shard.dataset import SHARDS, TARS, files
from tests.stopping import Stopped, Stopping
from vidal.engine import forgotten
from vidal.engine.forgotten import Forgotten
from vidal.engine.tar import pack
from vidal.engine.workspace import Workspace
from vidal.shard import record
from vidal.shard.read import Shards
from vidal.shard.rewrite import LOST, REMOVED, REWRITTEN, holding, places, republish, rewrite
from vidal.shard.verify import verify

FIRST, SECOND, SOUNDS = (name.removesuffix(".tar") for name in TARS)


@pytest.fixture
def written(built, copy) -> Workspace:
    """A copy of the workspace with its shards written."""
    built.write(copy, SHARDS)
    return copy


def keys(workspace: Workspace, shard: str) -> list[str]:
    path = workspace.path(f"shards/{shard}.tar")
    return [sample.key for sample in Shards(path).samples(path)]


def content(workspace: Workspace) -> dict[str, bytes]:
    """All of `shards/` and the records."""
    return {**files(workspace), **{file: workspace.read_bytes(file) for _, file in record.files(workspace)}}


def times(workspace: Workspace, *shards: str) -> list[int]:
    return [Path(workspace.path(f"shards/{shard}.tar")).stat().st_mtime_ns for shard in shards]


def listed(workspace: Workspace, *ids: str) -> Forgotten:
    """The list as a take-down writes it."""
    gone = forgotten.read(workspace).adding(ids)
    gone = gone.placing(places(workspace, gone, holding(workspace, gone)))
    forgotten.write(workspace, gone)
    return gone


def take_out(workspace: Workspace, gone: Forgotten) -> dict[str, str]:
    found = {shard: rewrite(workspace, shard, gone) for shard in holding(workspace, gone)}
    republish(workspace, "vidal", gone)
    return found


@pytest.mark.parametrize("position", range(3))
def test_a_shard_without_a_sample_is_the_shard_a_build_would_write(built, written, tmp_path, position):
    """Byte for byte, the record that says so included; and then there is nothing to write."""
    again = Workspace(str(shutil.copytree(written.root, tmp_path / "again")))
    gone = listed(written, keys(written, FIRST)[position])
    before = times(written, SECOND, SOUNDS)
    assert take_out(written, gone) == {FIRST: REWRITTEN}
    assert times(written, SECOND, SOUNDS) == before
    listed(again, keys(again, FIRST)[position])
    built.write(again, SHARDS)
    assert content(written) == content(again)
    after = times(written, FIRST)
    assert built.write(written, SHARDS).done == 0 and times(written, FIRST) == after
    assert verify(Shards(written.path("shards"))).problems == ()


def test_two_at_once_and_one_after_the_other_end_in_the_same(written, tmp_path):
    again = Workspace(str(shutil.copytree(written.root, tmp_path / "again")))
    first, second = keys(written, FIRST)[:2]
    take_out(written, listed(written, first, second, keys(written, SOUNDS)[1]))
    for id_ in (second, keys(again, SOUNDS)[1], first):
        take_out(again, listed(again, id_))
    assert content(written) == content(again) and forgotten.read(written) == forgotten.read(again)


def test_a_shard_of_which_nothing_is_left_goes(built, written):
    before = times(written, FIRST, SECOND)
    assert take_out(written, listed(written, *keys(written, SOUNDS))) == {SOUNDS: REMOVED}
    assert built.write(written, SHARDS).done == 0
    assert [name for name in files(written) if name.endswith(".tar")] == list(TARS[:2])
    assert times(written, FIRST, SECOND) == before and SOUNDS not in dict(record.files(written))
    assert written.read_json("shards/stats.json")["samples"] == {"video": 5}
    paths = [written.path(f"shards/{name}") for name in written.read_json("shards/sizes.json")]
    read = [sample["__key__"] for sample in webdataset.WebDataset(paths, shardshuffle=False)]
    assert read == [*keys(written, FIRST), *keys(written, SECOND)]
    assert verify(Shards(written.path("shards"))).problems == ()


def test_interrupted_anywhere_the_same_call_ends_the_work(written, tmp_path):
    ids = [keys(written, FIRST)[1], *keys(written, SOUNDS)]
    gone = listed(written, *ids)
    whole = Path(shutil.copytree(written.root, tmp_path / "whole"))
    take_out(Workspace(str(whole)), gone)
    expected, stops = content(Workspace(str(whole))), 0
    while True:
        url = str(shutil.copytree(written.root, tmp_path / f"stopped-{stops}"))
        try:
            take_out(Stopping(url, stops), gone)
        except Stopped:
            take_out(Workspace(url), gone)
            assert content(Workspace(url)) == expected, f"stopped at change {stops}"
            shutil.rmtree(url)
            stops += 1
        else:
            break
    assert stops > 8


def test_another_take_down_ends_the_work_of_an_interrupted_one(built, written):
    """The tar lacks the first already, its record does not: the headers of the tar decide."""
    first, second = keys(written, FIRST)[:2]
    with pytest.raises(Stopped):
        take_out(Stopping(written.url, 1), listed(written, first))
    assert keys(written, FIRST)[0] == second
    take_out(written, listed(written, second))
    assert built.write(written, SHARDS).done == 0 and len(keys(written, FIRST)) == 1
    assert verify(Shards(written.path("shards"))).problems == ()


def without_record(workspace: Workspace) -> None:
    workspace.remove(dict(record.files(workspace))[FIRST])


def with_an_older_record(workspace: Workspace) -> None:
    """One that does not say how its shard was made."""
    file = dict(record.files(workspace))[FIRST]
    facts = workspace.table_metadata(file)
    workspace.write_table(file, workspace.read_table(file), {name: facts[name] for name in facts if name != "made"})


def with_another_tar(workspace: Workspace) -> None:
    members = [(f"{key}.txt", b"other") for key in keys(workspace, FIRST)]
    workspace.write_bytes(f"shards/{FIRST}.tar", pack(members)[0])


def with_half_a_tar(workspace: Workspace) -> None:
    path = Path(workspace.path(f"shards/{FIRST}.tar"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [without_record, with_an_older_record, with_another_tar, with_half_a_tar])
def test_a_shard_that_no_record_tells_of_goes_and_is_written_by_the_next_build(built, written, damage):
    id_ = keys(written, FIRST)[0]
    gone = listed(written, id_)
    before = times(written, SECOND, SOUNDS)
    damage(written)
    assert take_out(written, gone) == {FIRST: LOST}
    assert f"{FIRST}.tar" not in files(written) and FIRST not in dict(record.files(written))
    assert built.write(written, SHARDS).done == 2 and id_ not in keys(written, FIRST)
    assert times(written, SECOND, SOUNDS) == before


def test_a_tar_without_a_record_that_holds_nothing_forgotten_is_left_alone(written):
    gone = listed(written, keys(written, FIRST)[0])
    written.remove(dict(record.files(written))[SECOND])
    assert take_out(written, gone) == {FIRST: REWRITTEN} and f"{SECOND}.tar" in files(written)


def test_a_record_whose_shard_is_gone_goes(written):
    gone = listed(written, keys(written, FIRST)[0])
    written.remove(f"shards/{FIRST}.tar")
    assert take_out(written, gone) == {FIRST: REMOVED}
    assert FIRST not in dict(record.files(written)) and f"{FIRST}.tar" not in json.dumps(
        written.read_json("shards/sizes.json")
    )


def test_where_nothing_is_published_nothing_is(written):
    gone = listed(written, keys(written, FIRST)[0])
    for name in ("index.parquet", "stats.json", "sizes.json", "__len__", "README.md", "croissant.json", "SHA256SUMS"):
        written.remove(f"shards/{name}")
    take_out(written, gone)
    assert set(files(written)) == set(TARS)


def test_where_nothing_is_forgotten_nothing_is_touched(written):
    before = {path: path.stat().st_mtime_ns for path in Path(written.path("shards")).iterdir()}
    assert take_out(written, Forgotten().adding(["nobody"])) == {}
    assert {path: path.stat().st_mtime_ns for path in Path(written.path("shards")).iterdir()} == before
