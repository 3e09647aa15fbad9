from __future__ import annotations

import errno
import json
import tarfile
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.shard.dataset import CLIPS, MUTE, SHARDS, SOUNDS, TARS, Depth, files, scene_of
from vidal.demo.render import render
from vidal.engine import forgotten
from vidal.engine.commits import Piece, Store, all_pieces
from vidal.engine.forgotten import Forgotten, Held
from vidal.engine.nodes import fingerprint_of
from vidal.engine.pending import Inputs
from vidal.engine.runners import WorkError
from vidal.engine.runners.local import LocalRunner
from vidal.engine.step import Read, Result, Step
from vidal.engine.tar import TarWriter
from vidal.engine.workspace import Workspace
from vidal.media.depth_png import decode_depth
from vidal.media.images import decode_image
from vidal.media.sound import decode_audio
from vidal.shard import record
from vidal.shard.plan import plan
from vidal.shard.read import Shards
from vidal.shard.verify import verify

SERIES = [f"{name}{number}.{suffix}" for name, suffix in (("dep", "png"), ("frm", "jpg")) for number in range(8)]
SEEN = [*SERIES, *(f"tml{number}.jpg" for number in range(8)), "mp4"]
TOLD = ["mplug.txt", *(f"ofa{number}.txt" for number in range(8)), "polish_mplug.txt", "sound_mplug.txt"]
PLAIN = ["json", "raw.txt", "txt"]


def entries(workspace: Workspace) -> list[tarfile.TarInfo]:
    found = []
    for path in Path(workspace.root, "shards").glob("*.tar"):
        with tarfile.open(path) as tar:
            found += tar.getmembers()
    return found


def samples(workspace: Workspace) -> dict[str, dict[str, bytes]]:
    """Members by the name of the file a sample was made from, in the order they lie in."""
    shards = Shards(workspace.path("shards"))
    contents = [shards.content(path, sample) for path in shards.paths for sample in shards.samples(path)]
    return {json.loads(content["json"])["origin"]["url"]: content for content in contents}


def uploaded(workspace: Workspace) -> Workspace:
    """A copy of a workspace in an object store."""
    store = Workspace(f"memory://{uuid.uuid4().hex}")
    for path in Path(workspace.root).rglob("*"):
        if path.is_file():
            store.write_bytes(str(path.relative_to(workspace.root)), path.read_bytes())
    return store


def split(store: Store, piece: Piece, step: Step) -> None:
    """Commit the rows of a piece again as two pieces, every second row in each."""
    rows = store.rows([piece], ["kind", "status", "inputs", "members", *step.columns])
    contents = list(store.members(list(rows.values()), Read(step.name, members=("*",))))
    inputs = {id_: row["inputs"] for id_, row in rows.items()}
    results = [
        Result(id_, row["kind"], row["status"], {name: row[name] for name in step.columns}, content)
        for (id_, row), content in zip(rows.items(), contents, strict=True)
    ]
    for suffix in ("parquet", "tar"):
        store.workspace.remove(f"{step.name}/{piece.stem}.{suffix}")
    for number, half in enumerate((results[1::2], results[::2])):
        store.write(replace(piece, number=number), half, inputs, step.columns)


def test_the_kept_samples_are_there_and_no_others(built):
    assert set(samples(built.workspace)) == built.kept
    assert len(built.kept) == CLIPS + SOUNDS


def test_a_sample_has_its_members_in_order(built):
    for url, content in samples(built.workspace).items():
        wanted = {"sound": ["flac", *PLAIN], "clip-": [*SEEN, *TOLD, *PLAIN, "flac"]}[url[:5]]
        if url == f"clip-{MUTE}.mp4":
            wanted.remove("flac")
        assert list(content) == sorted(wanted)


def test_members_hold_what_the_steps_made(built):
    for url, content in samples(built.workspace).items():
        truth = scene_of(url)
        if "flac" in content:
            wave, rate = decode_audio(content["flac"])
            assert rate == 16000 and abs(len(wave) / rate - truth.seconds) < 0.1
        if url.startswith("clip"):
            depth = decode_depth(content["dep3.png"])
            assert (
                depth.shape
                == decode_image(content["frm3.jpg"]).shape[:2]
                == decode_image(content["tml3.jpg"]).shape[:2]
            )
            assert np.array_equal(decode_depth(content["dep0.png"]), render(truth, 0.0).depth_mm)


def test_tar_entries_have_fixed_metadata_and_plain_names(built):
    found = entries(built.workspace)
    assert {(i.mtime, i.mode, i.uid, i.gid, i.uname, i.gname, i.type) for i in found} == {
        (0, 0o644, 0, 0, "", "", tarfile.REGTYPE)
    }
    assert all(set(i.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-.") for i in found)


def test_shards_hold_what_was_planned_in_its_order(built):
    index = built.workspace.read_table("shards/index.parquet").to_pylist()
    shards = Shards(built.workspace.path("shards"))
    found = [tuple(sample.key for sample in shards.samples(path)) for path in shards.paths]
    seed = built.nodes(SHARDS)[-1].seed
    kinds = [{row["key"]: row["size"] for row in index if row["kind"] == kind} for kind in ("video", "audio")]
    assert found == [shard for sizes in kinds for shard in plan(sizes, SHARDS, seed)]
    assert [row["shard"] for row in index if row["kind"] == "audio"] == [TARS[2]] * SOUNDS
    assert [row["key"] for row in index] == [key for shard in found for key in shard]


def test_a_second_write_changes_no_byte(built, copy):
    built.write(copy, SHARDS)
    assert files(copy) == files(built.workspace)


def test_a_write_that_finds_all_done_touches_nothing(built, copy):
    built.write(copy, SHARDS)
    before = {path: path.stat().st_mtime_ns for path in Path(copy.root, "shards").iterdir()}
    summary = built.write(copy, SHARDS)
    assert (summary.wanted, summary.already, summary.done) == (8, 8, 0)
    assert {path: path.stat().st_mtime_ns for path in Path(copy.root, "shards").iterdir()} == before


@pytest.mark.parametrize("kept", [None, -512])
def test_only_the_shard_that_is_lost_or_cut_is_written_again(built, copy, kept):
    built.write(copy, SHARDS)
    before = files(copy)
    path = Path(copy.root, "shards", "vidal-000001.tar")
    untouched = {other: other.stat().st_mtime_ns for other in path.parent.glob("*.tar") if other != path}
    data = path.read_bytes()
    path.unlink()
    if kept:
        path.write_bytes(data[:kept])
    assert built.write(copy, SHARDS).done == 2
    assert files(copy) == before
    assert {other: other.stat().st_mtime_ns for other in untouched} == untouched


def test_what_is_forgotten_is_left_out_and_only_its_shard_is_another(built, copy):
    """Even where the steps hold it still, as after an interrupted take-down."""
    built.write(copy, SHARDS)
    before = files(copy)
    keys = {sample.key: sample for path in (copy.path(f"shards/{TARS[0]}"),) for sample in Shards(path).samples(path)}
    size = {row["key"]: row["weight"] for _, name in record.files(copy) for row in copy.read_table(name).to_pylist()}
    gone = sorted(keys)[0]
    forgotten.write(copy, Forgotten().adding([gone]).placing({gone: Held("video", size[gone])}))
    summary = built.write(copy, SHARDS)
    assert (summary.wanted, summary.done) == (7, 2)
    after = files(copy)
    assert {name for name in TARS if after[name] != before[name]} == {TARS[0]}
    path = copy.path(f"shards/{TARS[0]}")
    assert [sample.key for sample in Shards(path).samples(path)] == [key for key in keys if key != gone]
    assert built.write(copy, SHARDS).done == 0


def test_a_shard_of_which_all_is_forgotten_is_not_there_and_its_number_is_unused(built, copy):
    built.write(copy, SHARDS)
    rows = [row for _, name in record.files(copy) for row in copy.read_table(name).to_pylist()]
    gone = {row["key"]: Held(row["kind"], row["weight"]) for row in rows if row["shard"] == TARS[0]}
    forgotten.write(copy, Forgotten().adding(gone).placing(gone))
    assert built.write(copy, SHARDS).done == 0
    assert [name for name in files(copy) if name.endswith(".tar")] == list(TARS[1:])
    assert verify(Shards(copy.path("shards"))).problems == ()


def test_processes_write_the_same_bytes_as_this_one(built, copy):
    runner = LocalRunner(2)
    try:
        built.write(copy, SHARDS, runner)
    finally:
        runner.close()
    assert files(copy) == files(built.workspace)


def test_how_the_parts_are_cut_into_pieces_changes_no_byte(built, copy):
    """Rows and members committed in other pieces and another order, as after interruptions."""
    for step in (node for node in built.nodes(SHARDS) if node.name in ("harvest/media", "generate/depth")):
        store = Store(copy, step.name, fingerprint_of(step))
        for (piece,) in store.pieces().values():
            split(store, piece, step)
    built.write(copy, SHARDS)
    assert files(copy) == files(built.workspace)


def test_a_changed_step_of_one_kind_is_named_in_the_samples_it_made(built, copy):
    built.write(copy, SHARDS)
    before = samples(copy)
    step = Depth("other")
    for piece in all_pieces(copy, step.name):
        for suffix in ("parquet", "tar"):
            path = Path(copy.path(f"{step.name}/{piece.stem}.{suffix}"))
            if path.exists():
                path.rename(path.with_stem(replace(piece, fingerprint=fingerprint_of(step)).stem))
    built.write(copy, SHARDS, checkpoint="other")
    for url, content in samples(copy).items():
        changed = {name for name in content if content[name] != before[url][name]}
        made = json.loads(content["json"])["provenance"].get("generate/depth")
        assert changed == ({"json"} if url.startswith("clip") else set())
        assert (made and made["checkpoint"]) == ("other" if url.startswith("clip") else None)


def test_an_object_store_gets_the_same_bytes(built, copy):
    store = uploaded(copy)
    built.write(store, SHARDS)
    assert files(store) == files(built.workspace)


def test_a_shard_cut_short_never_appears_in_an_object_store(built, copy, monkeypatch):
    """An upload is of a whole file: a disk that fills up while it is made leaves nothing there."""
    store = uploaded(copy)
    add, added = TarWriter.add, []

    def full(self, name, content):
        added.append(name)
        if len(added) > 100:
            raise OSError(errno.ENOSPC, "no space left on device")
        return add(self, name, content)

    monkeypatch.setattr(TarWriter, "add", full)
    with pytest.raises(WorkError, match="no space left"):
        built.write(store, SHARDS)
    assert len(added) == 101 and store.list("shards") == []
    monkeypatch.undo()
    built.write(store, SHARDS)
    assert files(store) == files(built.workspace)


def test_a_member_damaged_where_its_step_put_it_is_told_by_verification(built, copy):
    """Its digest is that of when it was made."""
    [piece] = all_pieces(copy, "generate/infrared")[:1]
    path = Path(copy.path(f"generate/infrared/{piece.stem}.tar"))
    data = bytearray(path.read_bytes())
    [row] = copy.read_table(f"generate/infrared/{piece.stem}.parquet").to_pylist()[:1]
    data[row["members"][2]["offset"] + row["members"][2]["size"] // 2] ^= 1
    path.write_bytes(bytes(data))
    built.write(copy, SHARDS)
    problems = verify(Shards(copy.path("shards"))).problems
    assert {(one.key, one.member) for one in problems} == {(row["id"], row["members"][2]["name"])}


def test_where_nothing_has_changed_no_row_is_read(built, copy, monkeypatch):
    """And where a tar, a record or what stands beside them is gone, or a tar too many is there, all is made right."""
    first, now = built.write(copy, SHARDS), files(copy)
    with monkeypatch.context() as patch:
        patch.setattr(Inputs, "rows", lambda *_: pytest.fail("rows were read"))
        again = built.write(copy, SHARDS)
        assert (again.wanted, again.already, again.done) == (first.wanted, first.wanted, 0) and again.wanted
    (kept, *_) = record.files(copy)
    for name in (f"shards/{TARS[0]}", "shards/stats.json", kept[1]):
        copy.remove(name)
        built.write(copy, SHARDS)
        assert files(copy) == now
    copy.write_bytes("shards/vidal-000099.tar", b"")
    assert built.write(copy, SHARDS).done == 0 and files(copy) == now
