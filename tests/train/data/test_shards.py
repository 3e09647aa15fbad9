"""Shards that are damaged, unreachable, remote or others' own: what is read of them and what is counted."""

from __future__ import annotations

import functools
import http.server
import io
import json
import tarfile
import threading
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import webdataset

from tests.train.data.world import clip, folder, key, loader, pair, write
from vidal.engine.errors import ConfigError, MissingError
from vidal.train.data import pieces, text_policy
from vidal.train.data.datasets import Dataset, Shard, shards
from vidal.train.data.pieces import PieceReader
from vidal.train.data.plan import Piece
from vidal.train.data.tars import ShardError, samples
from vidal.train.modalities import modality


def everything(member):
    return True


def keys(batches):
    return [name for batch in batches for name in batch.keys]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(pieces, "FIRST_WAIT_S", 0.0)


def test_samples_from_any_on_without_reading_the_others(tmp_path):
    path = str(write(tmp_path / "a.tar", range(5)))
    found = list(samples(path, lambda member: member == "txt", 2))
    assert [sample.key for sample in found] == ["s0002", "s0003", "s0004"]
    assert found[0].members == {"txt": b"picture 2"} and found[0].names == {"jpg", "txt"}


def test_samples_are_those_of_webdataset(tmp_path):
    path = tmp_path / "a.tar"
    with webdataset.TarWriter(str(path)) as sink:
        for number in range(3):
            sink.write({"__key__": f"folder/k{number}", "JPG": b"x", "seg.png": b"y", "cls": number})
    theirs = list(webdataset.WebDataset(str(path), shardshuffle=False))
    ours = list(samples(str(path), everything))
    assert [sample.key for sample in ours] == [sample["__key__"] for sample in theirs]
    assert [set(sample.members) for sample in ours] == [{n for n in s if not n.startswith("__")} for s in theirs]


def test_members_twice_or_too_large_are_faults_of_their_sample(tmp_path, monkeypatch):
    monkeypatch.setattr("vidal.train.data.tars.MEMBER_BYTES", 100)
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        for name, size in (("a.txt", 1), ("a.txt", 2), ("b.txt", 101), ("c.txt", 100)):
            info = tarfile.TarInfo(name)
            info.size = size
            tar.addfile(info, io.BytesIO(bytes(size)))
        link = tarfile.TarInfo("d.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    found = {
        sample.key: (sample.fault, len(sample.members.get("txt", b""))) for sample in samples(str(path), everything)
    }
    assert found == {"a": ("txt stands there twice", 1), "b": ("txt has 101 bytes", 0), "c": (None, 100)}


@pytest.mark.parametrize("share", [0.3, 0.55, 0.9])
def test_a_shard_that_is_cut_off_gives_what_is_before_the_cut(tmp_path, share):
    path = write(tmp_path / "a.tar", range(8))
    content = path.read_bytes().rstrip(b"\0")
    path.write_bytes(content[: int(len(content) * share)])
    found = []
    with pytest.raises(ShardError, match=r"cut off|unexpected end|truncated"):
        for sample in samples(str(path), everything):
            found.append(sample.key)
    assert found == [key(number) for number in range(len(found))] and 0 < len(found) < 8
    place = tmp_path / "sized"
    folder(place, (8, 4))
    (place / "s-000000.tar").write_bytes(path.read_bytes())
    lines = []
    load = loader(place, train=False, say=lines.append)
    assert keys(load) == [*found, *(key(number) for number in range(8, 12))]
    assert load.skipped == {"ShardLost": 8 - len(found)} and len(lines) == 1
    assert f"given up from sample {len(found)} on" in lines[0]
    again = loader(place, say=lines.append, workers=1)
    assert set(keys(islice(again, 3))) == {*found, *(key(number) for number in range(8, 12))}


def test_a_shard_that_fails_is_tried_again_from_where_it_failed(tmp_path, monkeypatch):
    path = str(write(tmp_path / "a.tar", range(6)))
    real, opened, waits = pieces.samples, [], []

    def flaky(url, wanted, first):
        opened.append(first)
        for number, sample in enumerate(real(url, wanted, first)):
            if number == 2 and len(opened) < 3:
                raise ConnectionError("reset")
            yield sample

    monkeypatch.setattr(pieces, "samples", flaky)
    monkeypatch.setattr(pieces, "FIRST_WAIT_S", 0.5)
    reader = PieceReader(everything, waits.append)
    found = list(reader.read(Piece(Shard(path, 6, 6), 0, 6)))
    assert [sample.key for sample in found] == [key(number) for number in range(6)]
    assert (opened, waits, reader.lines) == ([0, 2, 4], [0.5, 1.0], [])


def test_a_shard_that_goes_on_failing_is_given_up_once(tmp_path):
    gone = Shard(str(tmp_path / "gone.tar"), 9, 9)
    waits = []
    reader = PieceReader(everything, waits.append)
    assert list(reader.read(Piece(gone, 0, 4))) == [None] * 4
    assert list(reader.read(Piece(gone, 4, 9))) == [None] * 5
    assert len(waits) == 2 and len(reader.lines) == 1 and "gone.tar" in reader.lines[0]


def test_pieces_of_one_shard_are_read_in_one_go(tmp_path, monkeypatch):
    shard = Shard(str(write(tmp_path / "a.tar", range(9))), 9, 9)
    opened, real = [], pieces.samples
    monkeypatch.setattr(pieces, "samples", lambda *given: opened.append(given[2]) or real(*given))
    reader = PieceReader(everything)
    read = [[s.key for s in reader.read(Piece(shard, *span))] for span in ((1, 3), (3, 4), (6, 8), (2, 3))]
    assert read == [["s0001", "s0002"], ["s0003"], ["s0006", "s0007"], ["s0002"]] and opened == [1, 2]


def test_all_shards_bad_is_an_error_with_the_first_reason(tmp_path):
    place = folder(tmp_path, (3, 3))
    for tar in place.glob("*.tar"):
        tar.write_bytes(b"no tar at all" * 100)
    for train in (True, False):
        with pytest.raises(MissingError, match="no sample of the shards can be read"):
            next(iter(loader(place, train=train)))
    (place / "sizes.json").unlink()
    with pytest.raises(MissingError, match=r"no shard can be read; the first: .*s-000000.tar"):
        loader(place)


def found(location, name="image", say=lambda line: None):
    return [
        (shard.url.rpartition("/")[2], shard.samples, shard.usable)
        for shard in shards(Dataset(str(location)), modality(name), say)
    ]


def test_samples_are_counted_by_index_sizes_or_headers(tmp_path):
    place = folder(tmp_path, (3, 2), sized=False)
    write(place / "t-audio.tar", range(50, 54), lambda number: {"flac": b"", "txt": b""})
    write(place / ".hidden.tar", range(3))
    headers = [("s-000000.tar", 3, 3), ("s-000001.tar", 2, 2)]
    assert found(place) == headers
    (place / "sizes.json").write_text('{"s-000000.tar": 3, "t-audio.tar": 4}')
    assert found(place) == [*headers, ("t-audio.tar", 4, 4)]
    members = [{"name": name} for name in ("jpg", "txt")]
    rows = {
        "shard": ["s-000000.tar"] * 3 + ["s-000001.tar"] * 2 + ["t-audio.tar"] * 4,
        "members": [members] * 2 + [members[1:]] + [members] * 2 + [[{"name": "flac"}]] * 4,
    }
    pq.write_table(pa.table(rows), place / "index.parquet", row_group_size=2)
    assert found(place) == [("s-000000.tar", 3, 2), ("s-000001.tar", 2, 2)]
    assert found(place, "audio") == [("t-audio.tar", 4, 4)]
    assert found(place / "s-*1.tar") == found(str(place / "s-{000001..000001}.tar")) == headers[1:]


def test_an_unreadable_shard_is_said_and_left_out(tmp_path):
    place = folder(tmp_path, (3, 2), sized=False)
    (place / "s-000000.tar").write_bytes(b"")
    lines = []
    assert found(place, say=lines.append) == [("s-000001.tar", 2, 2)] and len(lines) == 1


@pytest.mark.parametrize("location", ["pipe:touch {}/x.tar", "zip://a.tar::{}/b.zip", "nothing://{}/a.tar", "{}/none"])
def test_what_is_no_place_of_shards_is_refused(tmp_path, location):
    with pytest.raises((ConfigError, MissingError), match=r"programs or chains|Protocol not known|no \.tar shards"):
        loader(location.format(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_bad_counts_beside_the_shards_are_refused(tmp_path):
    place = folder(tmp_path, (3,))
    (place / "sizes.json").write_text("[1]")
    with pytest.raises(ConfigError, match=r"sizes.json: .*; write it anew"):
        loader(place)
    (place / "index.parquet").write_bytes(b"PAR1")
    with pytest.raises(ConfigError, match=r"index.parquet: .*; write it anew"):
        loader(place)


@pytest.fixture
def site(tmp_path):
    """A web server over the test's folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("sized", [True, False])
def test_shards_behind_a_web_server(tmp_path, site, sized, workers):
    folder(tmp_path, (5, 6), sized=sized)
    local = loader(tmp_path, workers=workers)
    far = loader(site + "/s-{000000..000001}.tar", workers=workers)
    assert far.steps_per_epoch == 3
    assert keys(islice(far, 4)) == keys(islice(local, 4))


def test_a_plain_image_text_dataset(tmp_path):
    with webdataset.ShardWriter(str(tmp_path / "%05d.tar"), maxcount=4, verbose=0) as sink:
        for number in range(10):
            members = pair(number)
            sink.write({"__key__": f"{number:09d}", "jpg": members["jpg"], "txt": f"words {number}"})
    load = loader(tmp_path)
    batches = list(islice(load, 3))
    assert {name: text for batch in batches for name, text in zip(batch.keys, batch.texts, strict=True)} == {
        f"{number:09d}": f"words {number}" for number in range(10)
    }
    assert load.skipped == {}


def test_a_block_ends_where_it_has_too_many_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("vidal.train.data.batches.BLOCK_BYTES", 2000)
    place = folder(tmp_path, (6, 7))
    whole = loader(place, shuffle=100)
    batches = list(islice(whole, 8))
    assert set(keys(batches[:4])) == {key(number) for number in range(13)}
    begun = loader(place, shuffle=100)
    list(islice(begun, 2))
    assert all(numbers[2] < 6 for numbers in begun.position["taken"].values())
    assert keys(islice(loader(place, shuffle=100, position=begun.position), 6)) == keys(batches[2:])
    changed = loader(place, shuffle=3, position=begun.position)
    assert set(keys(islice(changed, 2))).isdisjoint(keys(batches[:2]))


def test_the_text_of_a_policy_and_what_stands_in(tmp_path):
    def make(number):
        members = clip(number)
        if number == 0:
            del members["mplug.txt"]
        return members

    place = folder(tmp_path, (4,), make)
    load = loader(place, "thermal", "mplug", train=False)
    assert keys(load) == [key(number) for number in (1, 2, 3)] and load.skipped == {"NoText": 1}
    load = loader(place, "thermal", text_policy("mplug", ["raw"]), train=False)
    batch = next(iter(load))
    assert batch.texts == ("Title 0, one", "a caption", "a caption", "a caption")
    assert load.skipped == {} and load.replaced == {"mplug": 1}


def test_positions_are_small(tmp_path):
    load = loader(folder(tmp_path, (4, 4)), workers=2)
    list(islice(load, 1))
    assert len(json.dumps(load.position)) < 400
