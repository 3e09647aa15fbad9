"""Random access: what is read is what lies there, and nothing else is read."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import webdataset
from PIL import Image

import vidal
from tests.shard.ranges_server import serving
from vidal.engine.errors import ConfigError, MissingError
from vidal.media.depth_png import decode_depth
from vidal.media.sound import decode_audio
from vidal.shard.access import DamagedMember, Sample, Unknown, open_set
from vidal.shard.read import ShardError


@pytest.fixture
def stock(shards: Path) -> dict[str, dict[str, bytes]]:
    """The samples as webdataset reads them, in its order."""
    urls = [str(path) for path in sorted(shards.glob("*.tar"))]
    found = webdataset.WebDataset(urls, shardshuffle=False)
    return {s["__key__"]: {name: data for name, data in s.items() if not name.startswith("__")} for s in found}


def in_memory(shards: Path, name: str) -> str:
    for path in shards.iterdir():
        fsspec.filesystem("memory").pipe(f"/{name}/{path.name}", path.read_bytes())
    return f"memory://{name}"


def same(found: vidal.ShardSet, stock: dict[str, dict[str, bytes]]) -> None:
    assert list(found) == list(stock) and len(found) == len(stock)
    for key, content in stock.items():
        assert dict(found[key]) == found[key].read() == content


def test_every_sample_is_what_stock_tools_read(shards, stock):
    same(vidal.open(str(shards)), stock)
    same(vidal.open(in_memory(shards, "access")), stock)


def test_an_index_makes_headers_needless(shards, stock):
    """Every byte of the tars that is no content is destroyed, and all is read as before."""
    rows = pq.read_table(shards / "index.parquet").to_pylist()
    for path in shards.glob("*.tar"):
        data, kept = bytearray(b"\xff" * path.stat().st_size), path.read_bytes()
        for row in rows:
            for member in row["members"] if row["shard"] == path.name else ():
                span = slice(member["offset"], member["offset"] + member["size"])
                data[span] = kept[span]
        path.write_bytes(data)
    found = vidal.open(str(shards))
    assert found.scanned == ()
    same(found, stock)


def test_shards_without_an_index_are_scanned_and_named(shards, stock):
    (shards / "index.parquet").unlink()
    with pytest.warns(UserWarning, match=r"no index speaks of vidal-000000\.tar and 2 others; their headers were read"):
        found = vidal.open(str(shards))
    assert found.scanned == tuple(sorted(path.name for path in shards.glob("*.tar")))
    same(found, stock)


def test_a_shard_that_the_index_does_not_know_is_scanned(shards, stock):
    index = pq.read_table(shards / "index.parquet")
    pq.write_table(index.filter(pa.compute.not_equal(index["shard"], "vidal-000001.tar")), shards / "index.parquet")
    with pytest.warns(UserWarning, match=r"no index speaks of vidal-000001\.tar; its headers were read"):
        found = vidal.open(f"{shards}/*.tar")
    assert found.scanned == ("vidal-000001.tar",)
    same(found, stock)


def test_one_shard_of_a_set(shards, stock):
    path = shards / "vidal-audio-000000.tar"
    found = vidal.open(str(path))
    assert found.scanned == () and len(found) == 3
    same(found, {key: content for key, content in stock.items() if "mp4" not in content})


def test_positions_slices_and_membership(shards, stock):
    found, keys = vidal.open(str(shards)), list(stock)
    assert [sample.key for sample in found[2:7:2]] == keys[2:7:2] and found[5:5] == []
    assert found[0].key == keys[0] and found[-1].key == keys[-1]
    assert keys[3] in found and "nobody" not in found and 3 not in found
    assert found.get("nobody") is None
    with pytest.raises(IndexError):
        found[len(keys)]
    with pytest.raises(KeyError) as error:
        found["nobody"]
    assert isinstance(error.value, Unknown)
    assert str(error.value) == f"{shards}: no sample 'nobody'; the first keys are {', '.join(keys[:3])}"


def test_members_are_decoded_as_what_they_are(shards, stock):
    found = vidal.open(str(shards))
    key = next(key for key, content in stock.items() if "mp4" in content and "flac" in content)
    sample, content = found[key], stock[key]
    picture = Image.open(io.BytesIO(content["frm0.jpg"])).convert("RGB")
    assert np.array_equal(np.asarray(sample.image("frm0.jpg")), np.asarray(picture))
    depth = sample.depth(3)
    assert depth.dtype == np.float32 and depth.shape == picture.size[::-1]
    np.testing.assert_allclose(depth, decode_depth(content["dep3.png"]) / 1000, rtol=1e-6)
    wave, rate = sample.audio()
    expected, expected_rate = decode_audio(content["flac"])
    assert rate == expected_rate == 16000 and np.array_equal(wave, expected)
    assert sample.text() == content["txt"].decode() and sample.text("ofa7") == content["ofa7.txt"].decode()
    assert sample.record["key"] == key and sample.facts["seconds"] == 2.0
    assert sample.sizes == {name: len(data) for name, data in content.items()}
    with pytest.raises(Unknown, match=f"{key} has no dep8.png; it has dep0.png"):
        sample.depth(8)


def test_a_sound_has_no_depth(shards):
    sample = next(s for s in vidal.open(str(shards)).values() if s.kind == "audio")
    with pytest.raises(Unknown, match=r"has no dep0\.png"):
        sample.depth()


def test_a_changed_byte_is_an_error_that_names_it(shards):
    sample = vidal.open(str(shards))[1]
    place = sample.place("txt")
    data = bytearray((shards / sample.shard).read_bytes())
    data[place.offset] ^= 1
    (shards / sample.shard).write_bytes(data)
    said = f"{sample.shard}: {sample.key}: txt differs from its checksum"
    for damaged in (lambda: sample["txt"], sample.text, sample.read):
        with pytest.raises(DamagedMember, match=said):
            damaged()
    assert sample["json"]


def test_a_shard_that_ends_early_or_is_gone_is_named(shards):
    sample = vidal.open(str(shards))[0]
    path = shards / sample.shard
    path.write_bytes(path.read_bytes()[: sample.place("txt").offset - 1])
    with pytest.raises(DamagedMember, match=f"{sample.shard} {sample.key} txt: .* ends at byte"):
        sample["txt"]
    path.unlink()
    with pytest.raises(MissingError, match="is not there, though what tells of it is"):
        vidal.open(str(shards))[0]["txt"]


def test_a_shard_that_is_replaced_is_read_as_it_was(shards, stock):
    """What the index speaks of, not what lies there now."""
    found, key = vidal.open(str(shards)), next(iter(stock))
    assert found[key]["txt"] == stock[key]["txt"]
    path = shards / found[key].shard
    (shards / "new").write_bytes(bytes(path.stat().st_size))
    (shards / "new").replace(path)
    assert found[key].read() == stock[key]
    with pytest.raises(DamagedMember):
        vidal.open(str(shards))[key]["txt"]


def test_an_index_of_an_older_schema_is_read(shards, stock):
    rows = pq.read_table(shards / "index.parquet").select(["key", "shard", "offset", "members"])
    pq.write_table(rows, shards / "index.parquet")
    found = vidal.open(str(shards))
    same(found, stock)
    assert found[0].facts["text"] is None and found.where("score_brightness >= 0").table.num_rows == 5


def test_the_table_is_what_was_written(shards):
    written = pq.read_table(shards / "index.parquet")
    assert vidal.open(str(shards)).table.equals(written)
    order = [5, 0, 5]
    assert vidal.open(str(shards)).index.where(order).table.equals(written.take(order))
    (shards / "index.parquet").unlink()
    with pytest.warns(UserWarning):
        scanned = vidal.open(str(shards)).table
    told = [[{**member, "sha256": None} for member in row] for row in written["members"].to_pylist()]
    assert scanned["members"].to_pylist() == told
    places = ["key", "kind", "shard", "offset", "size"]
    assert scanned.select(places).equals(written.select(places))


def test_guarded_links_lead_nowhere(shards, tmp_path):
    """An index or a shard outside of the folder is no part of a set that is shown to others."""
    inside = shards / "again"
    inside.mkdir()
    for path in (*shards.glob("*.tar"), shards / "index.parquet"):
        (inside / path.name).symlink_to(path)
    assert len(open_set(str(inside))) == 8
    with pytest.raises(ConfigError, match="every shard is a link that leads out"):
        open_set(str(inside), guarded=True)
    (inside / "vidal-000000.tar").unlink()
    (inside / "vidal-000000.tar").write_bytes((shards / "vidal-000000.tar").read_bytes())
    found = open_set(str(inside), guarded=True)
    assert found.scanned == ("vidal-000000.tar",) and {one.shard for one in found.values()} == {"vidal-000000.tar"}
    (inside / "index.parquet").unlink()
    (inside / "index.parquet").write_bytes((shards / "index.parquet").read_bytes())
    told = open_set(str(inside), guarded=True)
    assert list(told) == list(found) and told.scanned == ()


def test_a_damaged_tail_costs_its_own_samples_where_guarded(tar, tmp_path):
    path = tar([("a.txt", b"one"), ("b.txt", b"two"), ("c.txt", b"three")])
    path.write_bytes(path.read_bytes()[:2560])
    with pytest.raises(ShardError):
        open_set(str(path))
    assert list(open_set(str(path), guarded=True)) == ["a", "b"]


def test_a_set_can_be_pickled(shards, stock):
    same(pickle.loads(pickle.dumps(vidal.open(str(shards)))), stock)


def test_of_a_remote_set_no_more_than_the_index_and_what_is_asked_for_is_read(shards, stock):
    with serving(shards) as sent:
        found = vidal.open(sent.url)
        assert list(found) == list(stock) and sent.of(".tar") == []
        assert sum(sent.of("index.parquet")) == (shards / "index.parquet").stat().st_size
        key = list(stock)[4]
        assert found[key]["frm2.jpg"] == stock[key]["frm2.jpg"]
        assert sent.of(".tar") == [len(stock[key]["frm2.jpg"])]
        sent.answers.clear()
        assert found[key].read() == stock[key]
        [size] = sent.of(".tar")
        assert sum(map(len, stock[key].values())) <= size <= found.table["size"][4].as_py()


def test_a_server_without_ranges_is_named(shards):
    with serving(shards, ranges=False) as sent:
        sample = vidal.open(sent.url)[0]
        with pytest.raises(DamagedMember, match=r"asked for \d+ bytes, the server sent \d+; it cannot serve"):
            sample["txt"]


HOSTILE = [
    ("shard", "../secret.tar", "no name of a shard"),
    ("shard", "%2e%2e%2fsecret.tar", "no name of a shard"),
    ("shard", "secret.txt", "no name of a shard"),
    ("shard", "a\0.tar", "no name of a shard"),
    ("offset", -512, "is said to be"),
    ("size", 1 << 40, "is said to be"),
    ("sha256", "f" * 63, "index.parquet: .*another make"),
]


@pytest.mark.parametrize(("field", "value", "said"), HOSTILE)
def test_an_index_that_points_elsewhere_is_refused(shards, field, value, said):
    rows = pq.read_table(shards / "index.parquet")
    told = rows.to_pylist()
    (told[0] if field == "shard" else told[0]["members"][0])[field] = value
    pq.write_table(pa.Table.from_pylist(told, schema=rows.schema), shards / "index.parquet")
    with pytest.raises(ConfigError, match=said):
        vidal.open(str(shards))


@pytest.mark.parametrize("content", [b"", b"PAR1 no more"])
def test_an_index_that_cannot_be_read_is_named(shards, content):
    (shards / "index.parquet").write_bytes(content)
    with pytest.raises(ConfigError, match=r"index\.parquet: .*without it the tars are read"):
        vidal.open(str(shards))


def test_nothing_there_is_an_error_that_says_so(tmp_path):
    with pytest.raises(MissingError, match=r"no \.tar shards there"):
        vidal.open(str(tmp_path))
    with pytest.raises(ConfigError, match="installed filesystem"):
        vidal.open("nowhere://x")


def test_what_others_wrote_is_opened_by_its_headers(tar):
    path = tar([("a.jpg", b"jpg"), ("a.txt", b"one"), ("b.txt", b"\xff")])
    with pytest.warns(UserWarning, match="no index"):
        found = vidal.open(str(path))
    assert dict(found["a"]) == {"jpg": b"jpg", "txt": b"one"} and found["a"].record == {}
    with pytest.raises(DamagedMember, match=r"foreign-000000\.tar: b: txt does not decode"):
        found["b"].text()
    assert isinstance(found["a"], Sample) and repr(found["a"]) == "<Sample 'a' of foreign-000000.tar: jpg, txt>"


def test_a_card_shows_a_sample_and_takes_no_text_for_markup(tar, shards):
    whole = next(s for s in vidal.open(str(shards)).values() if s.kind == "video" and "flac" in s)
    shown = whole._repr_html_()
    assert shown.count("data:image/jpeg;base64,") == 4 and whole.key in shown and whole.text("raw") in shown
    text = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    path = tar([("a<b>.frm0.jpg", b"no picture"), ("a<b>.txt", text.encode()), ("a<b>.x<i>", b"")])
    with pytest.warns(UserWarning):
        hostile = vidal.open(str(path))[0]._repr_html_()
    assert "<script" not in hostile and "<img" not in hostile and "<b>.txt" not in hostile and "<i>" not in hostile
    assert "&lt;script&gt;alert(1)" in hostile and "no JPEG" in hostile


def test_a_condition_chooses_samples_by_index_and_scores(shards, stock):
    found = vidal.open(str(shards))
    assert {sample.kind for sample in found.where("kind = 'audio'").values()} == {"audio"}
    bright = {key: found[key].record["scores"]["brightness"] for key in found if found[key].kind == "video"}
    middle = sorted(bright.values())[2]
    chosen = found.where(f"score_brightness > {middle} AND seconds > 1")
    assert list(chosen) == [key for key, value in bright.items() if value > middle] and len(chosen) == 2
    assert chosen[0].read() == stock[chosen[0].key]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("brightnes > 1", "the columns are: .*score_brightness"),
        ("read_text('/etc/passwd') = ''", "read_text"),
        ("seconds", "not a condition"),
        ("seconds >", "syntax error"),
        ("(SELECT true)", "a subquery"),
    ],
)
def test_a_condition_that_cannot_be_used_says_why(shards, expression, said):
    with pytest.raises(ConfigError, match=f"(?s)^--where .*{said}"):
        vidal.open(str(shards)).where(expression)
