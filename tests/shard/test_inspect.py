from __future__ import annotations

import io
import json
import tarfile

import pytest

from vidal.engine.errors import ConfigError
from vidal.shard.inspect import described, export, overview, sample_of
from vidal.shard.read import Shards


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_an_overview_counts_what_the_statistics_count(built, shards):
    found, stats = overview(Shards(str(shards))), json.loads((shards / "stats.json").read_text())
    assert found.kinds == stats["samples"] == {"audio": 3, "video": 5}
    assert found.shards == {n: {"samples": s["samples"], "bytes": s["bytes"]} for n, s in stats["shards"].items()}
    assert found.members == {n: {"samples": m["count"], "bytes": m["bytes"]} for n, m in stats["members"].items()}


def test_a_clip_is_known_by_its_clip_or_its_frames(tar):
    path = tar([("a.mp4", b"1"), ("b.frm0.jpg", b"22"), ("c.flac", b"333"), ("d.flac", b"4444")])
    found = overview(Shards(str(path)))
    assert found.kinds == {"audio": 2, "video": 2} and found.members["flac"] == {"samples": 2, "bytes": 7}


def test_a_sample_in_full(built, shards):
    for row in built.workspace.read_table("shards/index.parquet").to_pylist():
        shard, content = sample_of(Shards(str(shards)), row["key"])
        told = described(shard, row["key"], content)
        assert (told["key"], told["shard"]) == (row["key"], row["shard"])
        assert told["members"] == {member["name"]: member["size"] for member in row["members"]}
        assert told["texts"]["txt"] == row["text"] and "raw.txt" in told["texts"]
        assert told["record"]["key"] == row["key"]
        assert json.loads(json.dumps(told)) == told


def test_an_unknown_key_is_answered_with_keys_that_exist(shards):
    keys = [sample.key for sample in Shards(str(shards)).samples(str(shards / "vidal-000000.tar"))]
    with pytest.raises(ConfigError, match=f"no sample 'nobody'; the first keys are {', '.join(keys)}"):
        sample_of(Shards(str(shards)), "nobody")


def test_a_sample_of_others_has_texts_and_no_record(tar):
    shard, content = sample_of(Shards(str(tar([("a.jpg", b"?"), ("a.txt", b"\xff\xfe")]))), "a")
    told = described(shard, "a", content)
    assert told["texts"] == {"txt": "��"} and told["record"] == {}


def test_a_record_that_is_no_json_is_named(tar):
    shard, content = sample_of(Shards(str(tar([("a.json", b"{'a': 1}")]))), "a")
    with pytest.raises(ConfigError, match=r"foreign-000000\.tar: a\.json is no JSON"):
        described(shard, "a", content)


def test_an_export_is_the_members_as_files(shards, tmp_path):
    key = next(Shards(str(shards)).samples(str(shards / "vidal-000000.tar"))).key
    _, content = sample_of(Shards(str(shards)), key)
    written = export(key, content, tmp_path / "out" / "here")
    assert {path.name: path.read_bytes() for path in written} == {f"{key}.{n}": data for n, data in content.items()}
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
