from __future__ import annotations

import io
import json
import os
import tarfile

import pyarrow as pa
import pytest

import vidal
from tests.shard.dataset import TARS
from tests.shard.ranges_server import serving
from vidal.engine.errors import ConfigError, MissingError
from vidal.engine.tar import pack
from vidal.shard.index import Index
from vidal.shard.inspect import content_of, described, export, held, overview, positions
from vidal.shard.load import load, part
from vidal.shard.read import Shards


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def counted(location):
    found = held(str(location))
    return overview(found.index, found.sizes)


@pytest.mark.parametrize("beside", [True, False], ids=["index", "headers"])
def test_an_overview_counts_what_the_statistics_count(shards, beside):
    stats = json.loads((shards / "stats.json").read_text())
    if not beside:
        (shards / "index.parquet").unlink()
    found = counted(shards)
    assert found.kinds == stats["samples"] == {"audio": 3, "video": 5}
    assert found.shards == {n: {"samples": s["samples"], "bytes": s["bytes"]} for n, s in stats["shards"].items()}
    assert found.members == {n: {"samples": m["count"], "bytes": m["bytes"]} for n, m in stats["members"].items()}


def test_a_clip_is_known_by_its_clip_or_its_frames(tar):
    path = tar([("a.mp4", b"1"), ("b.frm0.jpg", b"22"), ("c.flac", b"333"), ("d.flac", b"4444")])
    found = counted(path)
    assert found.kinds == {"audio": 2, "video": 2} and found.members["flac"] == {"samples": 2, "bytes": 7}


def test_no_tar_is_opened_that_an_index_speaks_of(shards, monkeypatch):
    read = []
    samples = Shards.samples
    monkeypatch.setattr(Shards, "samples", lambda self, path: read.append(path) or samples(self, path))
    (shards / "z.tar").write_bytes(pack([("a.txt", b"1")])[0])
    found = held(str(shards))
    assert read == [str(shards / "z.tar")] and found.index.scanned == ("z.tar",) and len(found.index) == 9
    assert overview(found.index, found.sizes).shards["z.tar"] == {"samples": 1, "bytes": 10240}


def test_a_shard_that_is_not_there_is_not_counted(shards):
    (shards / TARS[0]).unlink()
    found = held(str(shards))
    assert found.absent == TARS[:1] and set(found.sizes) == set(TARS[1:]) and len(found.index) == 5
    assert set(overview(found.index, found.sizes).shards) == set(TARS[1:])
    for name in TARS[1:]:
        (shards / name).unlink()
    with pytest.raises(MissingError, match="none of the shards that its index speaks of is there"):
        held(str(shards))


def test_a_site_that_cannot_be_listed_is_counted_by_its_index(shards):
    with serving(shards) as sent:
        assert counted(sent.url) == counted(shards)


def test_a_sample_in_full(built, shards):
    index = load(str(shards))
    for position, row in enumerate(index.table.to_pylist()):
        told = described(content_of(index, position))
        assert (told["key"], told["shard"]) == (row["key"], row["shard"])
        assert told["members"] == {member["name"]: member["size"] for member in row["members"]}
        assert told["texts"]["txt"] == row["text"] and "raw.txt" in told["texts"]
        assert told["record"]["key"] == row["key"] and told["damage"] == {}
        assert json.loads(json.dumps(told)) == told


def test_an_unknown_key_is_answered_with_keys_that_exist(shards):
    keys = [sample.key for sample in Shards(str(shards)).samples(str(shards / "vidal-000000.tar"))]
    with pytest.raises(ConfigError, match=f"no sample 'nobody'; the first keys are {', '.join(keys)}"):
        positions(load(str(shards)), [keys[0], "nobody"])


def test_a_key_is_chosen_once(shards):
    index = load(str(shards))
    [first, second, *_] = index.keys.to_pylist()
    assert positions(index, [second, first, second]) == [1, 0]


def test_a_sample_of_others_has_texts_and_no_record(tar):
    told = described(content_of(load(str(tar([("a.jpg", b"?"), ("a.txt", b"\xff\xfe")]))), 0))
    assert told["texts"] == {"txt": "��"} and told["record"] == {} and told["damage"] == {}


@pytest.mark.parametrize("content", [b"{'a': 1}", b"[1]", b"\xff", b""])
def test_a_record_that_is_none_is_said(tar, content):
    told = described(content_of(load(str(tar([("a.json", content)]))), 0))
    assert told["record"] == {} and told["damage"]["json"].startswith("holds no record: ")


def test_members_that_lie_far_apart_are_read_each_for_itself(shards, monkeypatch):
    """As an index that is wrong, or a hostile one, may have it."""
    index = load(str(shards))
    [row] = index.table.slice(0, 1).to_pylist()
    row["members"][-1]["offset"] = 1 << 50
    sizes = []
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda handle, size, start: sizes.append(size) or pread(handle, size, start))
    found = content_of(Index(index.fs, index.folder, *part(pa.Table.from_pylist([row], index.table.schema))), 0)
    assert found.damage == {row["members"][-1]["name"]: "the shard ends before it does"}
    assert sizes == [member["size"] for member in row["members"]]


def test_an_export_is_the_members_as_files(shards, tmp_path):
    sample = vidal.open(str(shards))[0]
    written = export(sample.key, content_of(load(str(shards)), 0).members, tmp_path / "out" / "here")
    members = {f"{sample.key}.{name}": data for name, data in sample.read().items()}
    assert {path.name: path.read_bytes() for path in written} == members
    assert sorted(path.name for path in written) == tree(tmp_path / "out" / "here")


HOSTILE = ["../x.jpg", "/tmp/x.jpg", "../../../../etc/x.jpg", "a/../../x.jpg", "./.x.jpg", "..", "a/..", ".", "x", ""]
HOSTILE += ["..\\x.jpg", "C:\\x.jpg", "x\n.jpg", "x.\0../y", "x./../../y", "..../x.jpg", "x." + "é" * 3 + ".jpg"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_writes_inside_the_folder_or_nothing(tmp_path, name):
    """Names as a tar can hold them, through the reader and straight into the export."""
    out = tmp_path / "deep" / "er" / "out"
    info = tarfile.TarInfo("a.txt")
    info.size, info.pax_headers = 4, {"path": name} if name else {}
    (tmp_path / "shards").mkdir()
    with tarfile.open(tmp_path / "shards" / "x.tar", "w", format=tarfile.PAX_FORMAT) as made:
        made.addfile(info, io.BytesIO(b"evil"))
    shards = Shards(str(tmp_path / "shards"))
    (sample,) = shards.samples(shards.paths[0])
    contents = [(sample.key, shards.content(shards.paths[0], sample)), ("a", {name: b"evil"}), (name, {"jpg": b"evil"})]
    for key, content in contents:
        try:
            written = export(key, content, out)
        except ConfigError as error:
            assert "not a plain file name" in str(error)
            continue
        for path in written:
            assert path.resolve().parent == out.resolve() and path.read_bytes() == b"evil"
    outside = [path for path in tree(tmp_path) if not path.startswith(("deep/er/out/", "shards"))]
    assert [path for path in outside if path not in ("deep", "deep/er", "deep/er/out")] == []


@pytest.mark.parametrize("name", ["x\\y", "x\ny", "x\0y", "x\udc80y", "x\u202ey", "\x1b[2Jx"])
def test_names_that_are_not_plain_everywhere_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="not a plain file name") as caught:
        export("a", {name: b"evil"}, tmp_path / "out")
    assert str(caught.value).isprintable() and tree(tmp_path) == []


def test_the_folders_of_a_key_are_left_out(tmp_path):
    written = export("train/x/a", {"txt": b"text"}, tmp_path / "out")
    assert written == [tmp_path / "out" / "a.txt"] and written[0].read_bytes() == b"text"


def test_nothing_is_exported_where_one_name_is_hostile(tmp_path):
    with pytest.raises(ConfigError, match="nothing exported"):
        export("a", {"jpg": b"fine", "x/../../y": b"evil"}, tmp_path / "out")
    assert tree(tmp_path) == []


def test_an_export_follows_no_link(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / "out" / "a.txt").symlink_to(tmp_path / "precious")
    with pytest.raises(ConfigError, match="not a plain file name"):
        export("a", {"txt": b"evil"}, tmp_path / "out")
    assert (tmp_path / "precious").read_bytes() == b"mine"
