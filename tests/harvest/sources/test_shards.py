from __future__ import annotations

import io
import json
import tarfile

import fsspec
import pytest
import webdataset
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.errors import ConfigError, SampleError
from vidal.engine.tar import pack
from vidal.harvest.listing.archive import ArchiveError, entries
from vidal.harvest.screening.addresses import address
from vidal.harvest.sources import Order, open_source
from vidal.harvest.sources.shards import ShardsConfig

URL = "https://clips.example/a.mp4?q=1#t=3"
CAPTION = {"url": URL, "caption": "a dog runs", "key": "000000000", "status": "success", "title": "Dog #run"}
FAILED = {"url": "https://clips.example/b.mp4", "status": "failed_to_download", "error_message": "404: not found"}
SAMPLES = [
    ("000000000.json", json.dumps(CAPTION).encode()),
    ("000000000.mp4", b"first clip"),
    ("000000000.txt", b"a dog runs\nfast"),
    ("000000001.json", json.dumps(FAILED).encode()),
    ("000000001.txt", b"never there"),
    ("000000002.flac", b"a sound"),
    ("000000002.txt", b"ein Hund #bellt"),
    ("000000003.MP4", b"last clip"),
    ("000000003.wav", b"its sound"),
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "00000.tar").write_bytes(pack(SAMPLES)[0])
    return tmp_path


def source(base, path="data"):
    return open_source(ShardsConfig(type="shards", name="others", path=path), base)


def found(shards):
    shards.check()
    return [candidate for part in shards.listed() for candidate in shards.search(part.name)]


def files(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


def fetched(shards, url, tmp_path, most=1000):
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    return shards.fetch(Order(url, "video", scratch, most)).path.read_bytes()


def test_every_sample_is_a_candidate_with_its_texts(folder):
    dog, lost, sound, last = found(source(folder))
    assert [one.id for one in (dog, lost, sound, last)] == [f"others_00000000{number}" for number in range(4)]
    assert (dog.title, dog.hashtags, dog.captions) == ("Dog", ("run",), ("a dog runs fast", "a dog runs"))
    assert (sound.kind, sound.title, sound.hashtags) == ("audio", "ein Hund", ("bellt",))
    assert (last.kind, last.title) == ("video", "000000003")
    assert dog.url.startswith(f"{URL}#00000.tar@") and address(dog.url) == address(URL)
    assert last.url.startswith("00000.tar/000000003.mp4#") and address(last.url) != address(sound.url)


def test_media_are_the_bytes_of_the_member(folder, tmp_path):
    shards = source(folder)
    dog, lost, sound, last = found(shards)
    contents = [fetched(shards, one.url, tmp_path) for one in (dog, sound, last)]
    assert contents == [b"first clip", b"a sound", b"last clip"]
    with pytest.raises(SampleError, match="404: not found") as error:
        fetched(shards, lost.url, tmp_path)
    assert error.value.error_class == "NoMedia"
    with pytest.raises(SampleError, match="larger than 3 bytes"):
        fetched(shards, dog.url, tmp_path, 3)


def test_what_webdatasets_writer_writes_is_read(tmp_path):
    (tmp_path / "data").mkdir()
    with webdataset.TarWriter(str(tmp_path / "data" / "00007.tar")) as writer:
        for number in range(3):
            writer.write({"__key__": f"00007000{number}", "mp4": b"clip%d" % number, "txt": "t", "json": {"a": 1}})
    shards = source(tmp_path)
    assert [fetched(shards, one.url, tmp_path) for one in found(shards)] == [b"clip0", b"clip1", b"clip2"]


def test_keys_that_every_tar_has_are_told_apart_by_the_tar(tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("one", "two"):
        (tmp_path / "data" / f"{name}.tar").write_bytes(pack([("0.mp4", name.encode())])[0])
    shards = source(tmp_path)
    first, second = found(shards)
    assert first.id != second.id and fetched(shards, second.url, tmp_path) == b"two"


@pytest.mark.parametrize("cut", [1, 511, 700, 2000, 3000, 5000])
def test_a_tar_that_is_cut_off_costs_its_own_samples(folder, tmp_path, cut):
    path = folder / "data" / "00000.tar"
    whole = {one.id: one for one in found(source(folder))}
    (folder / "data" / "00001.tar").write_bytes(pack([("000010000.mp4", b"other")])[0])
    path.write_bytes(pack(SAMPLES)[0][:cut])
    shards = source(folder)
    *left, bad, other = found(shards)
    assert all(one.url == whole[one.id].url for one in left) and len(left) < 4
    assert fetched(shards, other.url, tmp_path) == b"other"
    with pytest.raises(SampleError, match=r"00000\.tar: ") as error:
        fetched(shards, bad.url, tmp_path)
    assert error.value.error_class == "BadTar"
    for one in left:
        if "@" in one.url:
            assert fetched(shards, one.url, tmp_path)


def test_names_in_a_tar_are_never_paths(folder, tmp_path):
    members = [("../../evil.mp4", b"up"), ("/abs.mp4", b"root"), ("000001.mp4", b"good")]
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        link = tarfile.TarInfo("000000.mp4")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    (folder / "data" / "00000.tar").write_bytes(stream.getvalue())
    before = files(tmp_path)
    shards = source(folder)
    contents = sorted(fetched(shards, one.url, tmp_path) for one in found(shards))
    assert contents == [b"good", b"root", b"up"]
    assert files(tmp_path) == {*before, tmp_path / "scratch" / "media"}


OUTSIDE = ("x#../00000.tar@0+5", "x#/etc/passwd@0+5", "x", "x#00000.tar@-1+5", "x#%2e%2e/a.tar@0+1")
STRANGE = (b"[1]", b"{", b'{"caption": 7, "hashtags": "x", "url": ["a"], "title": null}', b"\xff")


@pytest.mark.parametrize("url", OUTSIDE)
def test_addresses_reach_nothing_else(folder, tmp_path, url):
    for outside in (folder / "00000.tar", folder / "a.tar"):
        outside.write_bytes(b"secret")
    with pytest.raises(SampleError) as error:
        fetched(source(folder), url, tmp_path)
    assert error.value.error_class == "NotFound"


@pytest.mark.parametrize("told", STRANGE)
def test_strange_json_costs_its_texts_alone(folder, told):
    (folder / "data" / "00000.tar").write_bytes(pack([("000001.json", told), ("000001.mp4", b"clip")])[0])
    (one,) = found(source(folder))
    assert (one.title, one.captions, one.hashtags) == ("000001", (), ())


def test_a_slice_is_a_tar_and_changes_with_it(folder):
    (folder / "data" / "00001.tar").write_bytes(pack([("000010000.mp4", b"other")])[0])
    before = {part.name: part.revision for part in source(folder).listed()}
    (folder / "data" / "00001.tar").write_bytes(pack([("000010000.mp4", b"another one" * 9999)])[0])
    after = {part.name: part.revision for part in source(folder).listed()}
    assert list(before) == ["00000.tar", "00001.tar"]
    assert [name for name in before if before[name] != after[name]] == ["00001.tar"]


def test_shards_at_a_url(tmp_path):
    with fsspec.open("memory://others/set/00000.tar", "wb") as stream:
        stream.write(pack(SAMPLES)[0])
    shards = source(tmp_path, "memory://others/set")
    assert fetched(shards, found(shards)[0].url, tmp_path) == b"first clip"


def test_what_holds_no_clips_is_said_before_any_work(tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(ConfigError, match=r"others: no \.tar shards under .*data; set its `path`"):
        source(tmp_path).check()
    (tmp_path / "data" / "00000.tar").write_bytes(pack([("0.jpg", b"a picture")])[0])
    with pytest.raises(ConfigError, match=r"others: .*00000\.tar holds none of mp4, "):
        source(tmp_path).check()


@given(st.binary(max_size=3000), st.integers(0, 9000))
def test_damage_never_gives_a_sample_that_is_not_there(noise, at):
    """Whatever is in a tar, members lie inside it, or it is an ArchiveError."""
    content = bytearray(pack(SAMPLES)[0])
    content[at : at + len(noise)] = noise
    try:
        spans = [span for entry in entries(io.BytesIO(bytes(content))) for span in entry.members.values()]
    except ArchiveError:
        return
    assert all(span.offset >= 0 and span.offset + span.size <= len(content) for span in spans)
