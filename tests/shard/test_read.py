from __future__ import annotations

import io
import tarfile

import fsspec
import pytest
import webdataset
from hypothesis import given
from hypothesis import strategies as st

from tests.shard.dataset import TARS
from vidal.engine.errors import MissingError
from vidal.harvest.listing.archive import entries
from vidal.shard.load import load
from vidal.shard.read import MEMBER_BYTES, ShardError, Shards, contents
from vidal.train.data.tars import samples

PAIRS = [("a.jpg", b"jpg"), ("a.txt", b"one"), ("b.jpg", b"gpj"), ("b.cls.txt", b"two")]


def read(location) -> dict[str, dict[str, bytes]]:
    shards = Shards(str(location))
    return {s.key: shards.content(path, s) for path in shards.paths for s in shards.samples(path)}


def test_what_is_read_is_what_stock_tools_read(shards):
    urls = [str(path) for path in sorted(shards.glob("*.tar"))]
    stock = list(webdataset.WebDataset(urls, shardshuffle=False))
    ours = read(shards)
    assert len(ours) == 8 and list(ours) == [sample["__key__"] for sample in stock]
    for sample in stock:
        assert ours[sample["__key__"]] == {name: data for name, data in sample.items() if not name.startswith("__")}


def test_a_folder_a_shard_a_glob_and_a_url_can_be_named(shards):
    names = list(TARS)
    memory = fsspec.filesystem("memory")
    for name in names:
        memory.pipe(f"/read-test/{name}", (shards / name).read_bytes())
    for location, found in (
        (shards, names),
        (f"{shards}/", names),
        (shards / names[1], names[1:2]),
        (f"{shards}/*-000000.tar", [names[0], names[2]]),
        ("memory://read-test", names),
    ):
        assert [path.rpartition("/")[2] for path in Shards(str(location)).paths] == found
    assert len(read("memory://read-test")) == 8


def test_a_folder_without_shards_is_an_error_that_says_so(tmp_path):
    for location in (tmp_path, tmp_path / "absent", f"{tmp_path}/*.tar"):
        with pytest.raises(MissingError, match=r"no \.tar shards there"):
            Shards(str(location))


def test_what_a_write_in_progress_leaves_is_no_shard(shards):
    (shards / ".tmp-1a2b3c4d-vidal-000003.tar").write_bytes(b"half a tar")
    assert len(Shards(str(shards)).paths) == 3
    assert len(Shards(f"{shards}/*.tar").paths) == 3


def test_a_folder_named_like_a_pattern_is_read(shards, tmp_path):
    odd = shards.rename(tmp_path / "take [2]")
    assert len(read(odd)) == 8
    assert len(read(odd / "vidal-000000.tar")) == 3


def test_folders_in_a_tar_are_part_of_the_key(tar):
    """As webdataset has it: two samples of the same name in two folders are two samples."""
    path = tar([("x/a.jpg", b"1"), ("x/a.txt", b"2"), ("y.z/a.jpg", b"3")])
    assert read(path) == {"x/a": {"jpg": b"1", "txt": b"2"}, "y.z/a": {"jpg": b"3"}}
    assert list(read(path)) == [sample["__key__"] for sample in webdataset.WebDataset(str(path), shardshuffle=False)]


def test_entries_of_folders_are_passed_over(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.txt").write_bytes(b"text")
    with tarfile.open(tmp_path / "foreign.tar", "w") as out:
        out.add(tmp_path / "x", "x")
    assert read(tmp_path) == {"x/a": {"txt": b"text"}}


def test_a_member_that_stands_twice_is_noted(tar):
    shards = Shards(str(tar([("a.txt", b"1"), ("a.txt", b"2"), ("b.txt", b"3")])))
    assert [(s.key, s.repeated) for s in shards.samples(shards.paths[0])] == [("a", ["txt"]), ("b", [])]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    info = tarfile.TarInfo("a.jpg")
    info.type, info.linkname = kind, "/etc/passwd"
    with tarfile.open(tmp_path / "hostile.tar", "w") as out:
        out.addfile(info)
    with pytest.raises(ShardError, match=r"hostile\.tar: 'a\.jpg' is not a plain file"):
        read(tmp_path)


@pytest.mark.parametrize("size", [MEMBER_BYTES + 1, -512])
def test_a_member_of_an_impossible_size_is_refused_before_it_is_read(tmp_path, size):
    info = tarfile.TarInfo("a.jpg")
    info.size = size
    (tmp_path / "hostile.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    with pytest.raises(ShardError, match=f"claims {size} bytes"):
        read(tmp_path)


@pytest.mark.parametrize("headers", [{"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}, {"GNU.sparse.map": "a,b"}])
def test_extended_headers_that_make_no_sense_are_refused(tmp_path, headers):
    with tarfile.open(tmp_path / "hostile.tar", "w", format=tarfile.PAX_FORMAT) as out:
        info = tarfile.TarInfo("a.jpg")
        info.size, info.pax_headers = 4, headers
        out.addfile(info, io.BytesIO(b"text"))
    with pytest.raises(ShardError, match=r"hostile\.tar: "):
        read(tmp_path)


@pytest.mark.parametrize("kept", [511, 512, 700, 1023, 1024, 1300, 2048, 4096])
def test_a_tar_that_ends_early_is_never_taken_for_whole(tar, kept):
    path = tar(PAIRS)
    assert len(read(path)) == 2
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ShardError, match=r"foreign-000000\.tar: "):
        read(path)


def test_an_entry_whose_header_is_damaged_ends_nothing_quietly(tar):
    path = tar(PAIRS)
    data = bytearray(path.read_bytes())
    data[2 * 1024 + 150] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ShardError, match="byte 2048"):
        read(path)


@given(st.lists(st.tuples(st.integers(0, 4095), st.binary(min_size=1, max_size=40)), min_size=1, max_size=4))
def test_no_bytes_raise_anything_else(patches):
    """A tar with extended headers, damaged anywhere, is read or refused."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as made:
        for name in ("é" * 60 + ".txt", "b.txt"):
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = 4, {"comment": "x"}
            made.addfile(info, io.BytesIO(b"text"))
    data = bytearray(out.getvalue())
    for position, patch in patches:
        data[position : position + len(patch)] = patch
    memory = fsspec.filesystem("memory")
    memory.pipe("/fuzz/x.tar", bytes(data))
    try:
        read("memory://fuzz/x.tar")
    except ShardError as error:
        assert str(error).startswith("x.tar: ")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>" * 100, bytes(range(256)) * 8])
def test_what_is_no_tar_is_an_error(tmp_path, content):
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(ShardError, match=r"x\.tar: "):
        read(tmp_path)


def test_an_empty_tar_holds_nothing(tmp_path):
    with tarfile.open(fileobj=io.BytesIO(), mode="w") as out:
        out.close()
        (tmp_path / "x.tar").write_bytes(out.fileobj.getvalue())
    assert read(tmp_path) == {}


def test_one_pass_reads_what_two_read(shards, tar):
    for location in (shards, tar([("a.txt", b"1"), ("x/a.txt", b""), ("a.txt", b"2"), ("a.txt", b"3")])):
        found = Shards(str(location))
        for path in found.paths:
            with open(path, "rb") as stream:
                passed = list(contents(stream, path.rpartition("/")[2]))
            apart = list(found.samples(path))
            assert passed == [(sample, found.content(path, sample)) for sample in apart]


def test_names_that_are_no_utf_8_are_spelled_out(tmp_path):
    """As tars of old systems have them: they can be counted, chosen, written into an index and told."""
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.USTAR_FORMAT, encoding="latin-1") as tar:
        for name in ("café.jpg", "café.txt", "a.txt"):
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
    found = load(str(tmp_path))
    assert found.keys.to_pylist() == ["caf\\xe9", "a"]
    assert found.read(0, found.row(0)["members"]["txt"].offset, 3) == b"abc"
    assert [sample.key for sample in samples(str(tmp_path / "x.tar"), lambda name: True)] == ["caf\\xe9", "a"]
    with (tmp_path / "x.tar").open("rb") as stream:
        assert [entry.key for entry in entries(stream)] == ["caf\\xe9", "a"]
