from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.shard.dataset import scene_of
from vidal.demo.render import render
from vidal.demo.sound import waveform
from vidal.engine.tar import pack
from vidal.media.images import encode_jpeg
from vidal.media.sound import encode_flac
from vidal.media.write import write_clip
from vidal.shard.read import Shards
from vidal.shard.verify import processes, verify

BESIDE = ("index.parquet", "sizes.json", "stats.json")
Content = dict[str, bytes]


def load(path: Path) -> dict[str, Content]:
    shards = Shards(str(path))
    return {s.key: shards.content(str(path), s) for s in shards.samples(str(path))}


def store(path: Path, contents: dict[str, Content]) -> None:
    path.write_bytes(pack([(f"{key}.{n}", data) for key, found in contents.items() for n, data in found.items()])[0])


def problems(shards: Path) -> list[tuple[str, str, str, str]]:
    found = verify(Shards(str(shards)))
    return [(p.shard, p.key, p.member, p.message) for p in found.problems]


@pytest.fixture
def alone(shards) -> Path:
    """The tars without anything beside them, as somebody else's shards may come."""
    for name in BESIDE:
        (shards / name).unlink()
    return shards


@pytest.fixture
def clip(shards) -> tuple[Path, str]:
    """A shard and the key of a clip with sound in it."""
    path = shards / "vidal-000001.tar"
    return path, next(key for key, content in load(path).items() if "mp4" in content and "flac" in content)


def change(path: Path, key: str, edit: Callable[[Content], None]) -> None:
    contents = load(path)
    edit(contents[key])
    store(path, contents)


def test_nothing_is_wrong_with_what_was_written(built, shards):
    index = built.workspace.read_table("shards/index.parquet").to_pylist()
    found = verify(Shards(str(shards)))
    assert found.problems == ()
    assert (found.shards, found.samples) == (3, 8)
    assert found.members == sum(len(row["members"]) for row in index)
    assert found.bytes == sum(member["size"] for row in index for member in row["members"])


def test_nothing_is_wrong_with_one_shard_of_a_set(shards):
    assert problems(shards / "vidal-000001.tar") == []


def test_nothing_is_wrong_with_shards_alone(alone):
    assert problems(alone) == []


def test_long_clips_and_sounds_are_no_damage(alone, tmp_path):
    """A pipeline file may allow more seconds than the default; what it let in is whole."""
    frames = [render(scene_of("1"), 0.0).rgb] * 30
    mp4 = write_clip(tmp_path / "long.mp4", frames, 1).read_bytes()
    picture = {"frm0.jpg": encode_jpeg(frames[0]), "json": b"{}", "txt": b""}
    store(alone / "long.tar", {"c": {"mp4": mp4, **picture}})
    assert problems(alone / "long.tar") == []


def eight_bits(data: bytes) -> bytes:
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.full((64, 84), 7, np.uint8)).save(out, "PNG")
    return out.getvalue()


def flipped(data: bytes) -> bytes:
    """A sound with a bit changed in the middle: its frame's checksum fails."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :]


BROKEN = {
    "truncated JPEG": ("frm3.jpg", lambda data: data[: len(data) // 2], "truncated"),
    "truncated infrared": ("tml0.jpg", lambda data: data[:-40], "truncated"),
    "no picture": ("frm0.jpg", lambda data: b"<html></html>", "no JPEG"),
    "empty picture": ("frm7.jpg", lambda data: b"", "no JPEG"),
    "8-bit depth": ("dep2.png", eight_bits, "mode L instead of 16-bit grey"),
    "JPEG as depth": ("dep2.png", lambda data: encode_jpeg(np.zeros((8, 8, 3), np.uint8)), "no PNG"),
    "truncated depth": ("dep7.png", lambda data: data[: len(data) // 2], "does not decode"),
    "truncated FLAC": ("flac", lambda data: data[:-300], "FLAC"),
    "no FLAC": ("flac", lambda data: b"RIFF" + data[4:], "no FLAC"),
    "truncated clip": ("mp4", lambda data: data[: len(data) // 2], "reaches byte"),
    "clip without index": ("mp4", lambda data: data.replace(b"moov", b"wide", 1), "moov"),
    "no clip": ("mp4", lambda data: b"\0" * len(data), "no known media container"),
    "broken JSON": ("json", lambda data: data[:-1], "delimiter"),
    "no JSON": ("json", lambda data: b"", "Expecting value"),
    "not a number": ("json", lambda data: b'{"a":NaN}', "NaN"),
    "text in another encoding": ("txt", lambda data: "é".encode("latin-1"), "utf-8"),
    "text of a view": ("ofa5.txt", lambda data: b"\xff", "utf-8"),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_member_that_does_not_decode_is_named(alone, clip, damage):
    path, key = clip
    member, broken, said = BROKEN[damage]
    change(path, key, lambda content: content.update({member: broken(content[member])}))
    (found,) = problems(alone)
    assert found[:3] == (path.name, key, member)
    assert found[3].startswith("does not decode: ") and said in found[3] and "\n" not in found[3]


@pytest.mark.parametrize(
    "member", ["mp4", "json", "txt", "frm0.jpg", "frm3.jpg", "frm7.jpg", "dep0.png", "dep7.png", "tml4.jpg", "ofa7.txt"]
)
def test_a_member_that_is_missing_is_named(alone, clip, member):
    path, key = clip
    change(path, key, lambda content: content.pop(member))
    assert problems(alone) == [(path.name, key, member, "missing")]


def test_a_frame_missing_among_frames_alone_is_named(alone, clip):
    path, key = clip
    series = [f"{name}{number}" for name in ("dep", "tml", "ofa", "frm") for number in range(8)]
    gone = {f"{name}.{suffix}" for name in [*series[:24], "frm3"] for suffix in ("png", "jpg", "txt")}
    change(path, key, lambda content: [content.pop(name) for name in gone & set(content)])
    assert problems(alone) == [(path.name, key, "frm3.jpg", "missing")]


def test_a_sound_without_its_flac_is_named(alone):
    path = alone / "vidal-audio-000000.tar"
    key = next(key for key, content in load(path).items() if "mp4" not in content)
    change(path, key, lambda content: content.pop("flac"))
    assert problems(alone) == [(path.name, key, "flac", "missing")]


def test_a_series_a_clip_does_not_have_is_not_missed(alone, clip):
    path, key = clip
    change(path, key, lambda content: [content.pop(f"tml{number}.jpg") for number in range(8)])
    assert problems(alone) == []


def test_a_member_that_stands_twice_is_named(alone, clip):
    path, key = clip
    entries = [(f"{k}.{n}", data) for k, content in load(path).items() for n, data in content.items()]
    place = next(i for i, (name, _) in enumerate(entries) if name == f"{key}.txt")
    path.write_bytes(pack([*entries[: place + 1], entries[place], *entries[place + 1 :]])[0])
    assert problems(alone) == [(path.name, key, "txt", "stands twice in the sample")]


@pytest.mark.parametrize("home", ["vidal-000000.tar", "vidal-audio-000000.tar"])
def test_a_key_that_stands_twice_is_named_with_both_shards(alone, clip, home):
    path, key = clip
    store(alone / home, {**load(alone / home), key: load(path)[key]})
    first, second = sorted([home, path.name])
    assert problems(alone) == [(second, key, "", f"the key stands in {first} too")]


@pytest.mark.parametrize("blocks", [1, 40, 200])
def test_a_tar_that_ends_early_is_named(alone, clip, blocks):
    path, _ = clip
    path.write_bytes(path.read_bytes()[: 512 * blocks])
    (found,) = problems(alone)
    assert found[:3] == (path.name, "", "")


def test_a_tar_that_ends_early_names_the_samples_that_are_lost_and_no_others(shards, clip):
    path, _ = clip
    keys = list(load(path))
    second = pq.read_table(shards / "index.parquet").to_pylist()
    start = next(row["offset"] for row in second if row["key"] == keys[1])
    path.write_bytes(path.read_bytes()[:start])
    found = problems(shards)
    said = f"{path.name}: cut off or damaged at byte {start}"
    assert [problem for problem in found if not problem[1]] == [(path.name, "", "", said)]
    assert {problem[3] for problem in found if problem[1]} == {f"the shard ends at byte {start}, before it does"}
    assert {key for shard, key, _, _ in found if key} == {keys[1]}
    assert {shard for shard, *_ in found} == {path.name}


def test_a_link_in_a_tar_is_named(alone):
    import tarfile

    info = tarfile.TarInfo("a.jpg")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(alone / "zz.tar", "w") as out:
        out.addfile(info)
    assert problems(alone) == [("zz.tar", "", "", "zz.tar: 'a.jpg' is not a plain file")]


def test_one_changed_byte_differs_from_its_checksum(shards, clip):
    """A text that still decodes: the index alone can tell."""
    path, key = clip
    row = next(row for row in pq.read_table(shards / "index.parquet").to_pylist() if row["key"] == key)
    place = next(member["offset"] for member in row["members"] if member["name"] == "txt")
    data = bytearray(path.read_bytes())
    data[place] = ord("X")
    path.write_bytes(data)
    assert problems(shards) == [(path.name, key, "txt", "differs from its checksum in the index")]


def test_a_member_more_or_less_than_the_index_has_is_named(shards):
    """At the end of the last shard, so that nothing else moves."""
    path = shards / "vidal-audio-000000.tar"
    contents = load(path)
    key = list(contents)[-1]
    whole = contents[key]
    store(path, {**contents, key: {**whole, "zzz": b"more"}})
    assert problems(shards) == [(path.name, key, "zzz", "in the shard, not in the index")]
    store(path, {**contents, key: {name: data for name, data in whole.items() if name != "txt"}})
    assert sorted(problems(shards)) == [
        (path.name, key, "txt", "in the index, not in the shard"),
        (path.name, key, "txt", "missing"),
    ]


def test_a_sample_that_is_lost_is_named_and_so_is_the_count(shards):
    path = shards / "vidal-audio-000000.tar"
    contents = load(path)
    *kept, lost = contents
    store(path, {key: contents[key] for key in kept})
    assert sorted(problems(shards)) == [
        (path.name, "", "", f"{len(kept)} samples; sizes.json says {len(contents)}"),
        (path.name, lost, "", "in the index, in no shard"),
    ]


def test_a_sample_the_index_does_not_know_is_named(shards):
    path = shards / "vidal-audio-000000.tar"
    contents = load(path)
    store(path, {**contents, "stranger": {"flac": contents_of_a_sound(), "json": b"{}", "txt": b"hm"}})
    assert sorted(problems(shards)) == [
        (path.name, "", "", f"{len(contents) + 1} samples; sizes.json says {len(contents)}"),
        (path.name, "stranger", "", "not in the index"),
    ]


def contents_of_a_sound() -> bytes:
    return encode_flac(waveform(scene_of("6")), 16000)


def test_samples_that_lie_elsewhere_than_the_index_says_are_named(shards):
    """The same bytes in another order: each range the index gives would be of something else."""
    path = shards / "vidal-000001.tar"
    contents = load(path)
    store(path, dict(reversed(contents.items())))
    found = problems(shards)
    assert {problem[:3] for problem in found} <= {(path.name, key, "") for key in contents} and len(found) >= 2
    assert {problem[3] for problem in found} == {"does not lie where the index says"}


def test_a_sample_that_moved_to_another_shard_is_named(shards):
    paths = [shards / f"vidal-00000{number}.tar" for number in (0, 1)]
    first, second = load(paths[0]), load(paths[1])
    moved = list(first)[-1]
    store(paths[1], {**second, moved: first.pop(moved)})
    store(paths[0], first)
    found = problems(shards)
    assert (paths[1].name, moved, "", f"the index says {paths[0].name}") in found


def test_a_shard_that_is_lost_is_named_with_its_samples(shards, clip):
    path, _ = clip
    keys = list(load(path))
    path.unlink()
    found = problems(shards)
    assert sorted(found) == [
        (path.name, "", "", f"no such shard; sizes.json says {len(keys)} samples"),
        *((path.name, key, "", "in the index, in no shard") for key in sorted(keys)),
    ]


def test_a_count_that_differs_is_named(shards, clip):
    path, _ = clip
    sizes = json.loads((shards / "sizes.json").read_text())
    count = len(load(path))
    (shards / "sizes.json").write_text(json.dumps({**sizes, path.name: 7}))
    assert problems(shards) == [(path.name, "", "", f"{count} samples; sizes.json says 7")]
    assert problems(path) == [(path.name, "", "", f"{count} samples; sizes.json says 7")]
    [other] = [name for name in ("vidal-000000.tar", "vidal-000001.tar") if name != path.name]
    assert problems(shards / other) == []


@pytest.mark.parametrize("name", ["index.parquet", "sizes.json"])
@pytest.mark.parametrize("content", [b"", b"PAR1 no more", b"[1]"])
def test_a_file_beside_the_shards_that_cannot_be_read_is_named(shards, name, content):
    (shards / name).write_bytes(content)
    ((where, key, member, said),) = problems(shards)
    assert (where, key, member) == (name, "", "") and said.startswith("cannot be read: ")


def test_every_damage_is_found_in_one_go(alone):
    """One member broken in each sample of each shard."""
    expected = []
    for path in sorted(alone.glob("*.tar")):
        contents = load(path)
        for key, content in contents.items():
            member = "frm1.jpg" if "frm1.jpg" in content else "flac"
            content[member] = content[member][:100]
            expected.append((path.name, key, member))
        store(path, contents)
    assert [problem[:3] for problem in problems(alone)] == expected and len(expected) == 8


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@example(where=0.0, bit=0)
@example(where=0.9999, bit=3)
def test_a_bit_flipped_anywhere_is_found_and_named_by_its_member(shards, where, bit):
    """Header, content, padding or the blocks at the end: the member at that place or, behind one, the one before."""
    path = shards / "vidal-audio-000000.tar"
    whole = path.read_bytes()
    position = int(where * len(whole))
    rows = [row for row in pq.read_table(shards / "index.parquet").to_pylist() if row["shard"] == path.name]
    starts = sorted((m["offset"] - 512, row["key"], m["name"]) for row in rows for m in row["members"])
    _, key, member = [start for start in starts if start[0] <= position][-1]
    data = bytearray(whole)
    data[position] ^= 1 << bit
    path.write_bytes(data)
    try:
        found = problems(path)
    finally:
        path.write_bytes(whole)
    assert (path.name, key, member) in {problem[:3] for problem in found}
    assert {problem[1:3] for problem in found if problem[1]} == {(key, member)}


def test_a_changed_shard_without_an_index_differs_from_its_checksum(shards):
    (shards / "index.parquet").unlink()
    path = shards / "vidal-audio-000000.tar"
    data = bytearray(path.read_bytes())
    data[-1] = 1
    path.write_bytes(data)
    assert problems(shards) == [(path.name, "", "", "differs from its SHA-256 in stats.json")]


def test_what_is_found_does_not_depend_on_the_processes(shards, clip):
    path, _ = clip
    path.write_bytes(path.read_bytes()[: 512 * 40])
    found = verify(Shards(str(shards)))
    assert found.problems and verify(Shards(str(shards)), workers=2) == found


def test_a_shard_is_read_once(shards, monkeypatch):
    opened = []
    opening = LocalFileSystem.open
    monkeypatch.setattr(
        LocalFileSystem,
        "open",
        lambda self, path, *words, **named: opened.append(path) or opening(self, path, *words, **named),
    )
    assert verify(Shards(str(shards))).problems == ()
    assert sorted(path for path in opened if path.endswith(".tar")) == sorted(map(str, shards.glob("*.tar")))


MB = 1_000_000


@pytest.mark.parametrize(
    ("sizes", "cores", "found"),
    [
        ([], 8, 0),
        ([500 * MB], 8, 0),
        ([10 * MB] * 3, 8, 0),
        ([50 * MB] * 2, 8, 2),
        ([50 * MB] * 16, 8, 8),
        ([51 * MB, 7 * MB, 1 * MB], 8, 0),
        ([50 * MB, 50 * MB, 40 * MB], 8, 3),
        ([50 * MB] * 16, 1, 0),
    ],
)
def test_processes_are_as_many_as_have_work_to_do(sizes, cores, found):
    assert processes(sizes, cores) == found
