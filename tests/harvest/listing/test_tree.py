from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.errors import ConfigError
from vidal.harvest.listing import tree
from vidal.harvest.listing.tree import Tree, stem, suffix

MEDIA, BESIDE = frozenset({".mp4"}), frozenset({".txt"})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of 40 media in several folders, some with a text, cut into slices of about four."""
    monkeypatch.setattr(tree, "FILES", 4)
    for number in range(40):
        path = tmp_path / "clips" / f"f{number % 3}" / "a b" / f"clip-{number}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * number)
        if number % 2:
            path.with_suffix(".txt").write_text("text")
    (tmp_path / "clips" / "other.pdf").write_bytes(b"")
    return tmp_path


def opened(path, base=Path()):
    return Tree(str(path), base, MEDIA, BESIDE)


def listed(found):
    return {part.name: part.revision for part in found.slices()}


def test_every_file_is_in_one_slice_beside_what_shares_its_stem(folder):
    found = opened("clips", folder)
    found.check()
    names = [found.read(name) for name in listed(found)]
    sizes = {name: size for one in names for name, size in one.items()}
    assert sum(map(len, names)) == len(sizes) == 60
    assert sizes["f1/a b/clip-7.mp4"] == 7 and sizes["f1/a b/clip-7.txt"] == 4
    assert all(stem(name) + ".mp4" in one for one in names for name in one)
    assert len(names) > 8 and max(map(len, names)) < 20
    assert all(list(one) == sorted(one) for one in names)


@pytest.mark.parametrize("change", ["size", "time", "text", "new", "gone"])
def test_a_file_makes_only_its_own_slice_stale(folder, change):
    path = folder / "clips" / "f1" / "a b" / "clip-7.mp4"
    before = listed(opened("clips", folder))
    if change == "size":
        path.write_bytes(b"longer by far")
    elif change == "time":
        os.utime(path, ns=(1, 1))
    elif change == "text":
        path.with_suffix(".txt").write_text("other text")
    elif change == "new":
        (path.parent / "clip-100.mp4").write_bytes(b"")
    else:
        path.unlink()
    after = listed(opened("clips", folder))
    assert before.keys() - after.keys() == set() or change == "gone"
    assert len({*before.items()} ^ {*after.items()}) in (1, 2)


def test_files_that_are_none_are_left_out_and_links_to_folders_not_followed(folder):
    clips = folder / "clips"
    (clips / "broken.mp4").symlink_to(folder / "nothing")
    (clips / "around").symlink_to(clips, target_is_directory=True)
    (clips / "folder.mp4").mkdir()
    os.mkfifo(clips / "pipe.mp4")
    (clips / "linked.mp4").symlink_to(clips / "f0" / "a b" / "clip-3.mp4")
    names = {file.name for file in opened(clips).files()}
    assert len(names) == 61 and "linked.mp4" in names


def test_any_name_of_a_file_comes_back(tmp_path):
    names = [b"caf\xe9.mp4", "løb #1.MP4".encode(), b"new\nline.mp4", b" .mp4", b"-rf.mp4", "\N{SNOWMAN}.mp4".encode()]
    for name in names:
        with open(os.fsencode(tmp_path) + b"/" + name, "wb"):
            pass
    found = opened(tmp_path)
    assert {os.fsencode(name) for part in listed(found) for name in found.read(part)} == set(names)


@pytest.mark.parametrize(
    ("pattern", "count"),
    [("clips/f1/**/*.mp4", 13), ("clips/*/*/clip-1?.mp4", 10), ("clips/**/clip-[12].mp4", 2), ("clips/*.mp4", 0)],
)
def test_a_pattern_chooses_among_the_media(folder, pattern, count):
    found = opened(pattern, folder)
    if not count:
        with pytest.raises(ConfigError, match=r"no clips or sounds under .* that match"):
            found.check()
        return
    found.check()
    files = [name for part in listed(found) for name in found.read(part)]
    media = [name for name in files if found.is_media(name)]
    assert len(media) == count and all((Path(found.root) / name).is_file() for name in media)


def test_a_folder_whose_name_looks_like_a_pattern_is_a_folder(tmp_path):
    (tmp_path / "clips [2024]").mkdir()
    (tmp_path / "clips [2024]" / "a.mp4").write_bytes(b"")
    assert [file.name for file in opened("clips [2024]", tmp_path).files()] == ["a.mp4"]


def test_a_folder_at_a_url_is_listed_like_a_local_one(folder):
    remote = fsspec.filesystem("memory")
    remote.put(str(folder / "clips"), "/tree/clips", recursive=True)
    there, here = opened("memory://tree/clips"), opened("clips", folder)
    there.check()
    assert listed(there).keys() == listed(here).keys()
    assert [there.read(name) for name in listed(there)] == [here.read(name) for name in listed(here)]
    before = listed(there)
    remote.pipe("/tree/clips/f1/a b/clip-7.mp4", b"longer by far")
    assert len({*before.items()} ^ {*listed(opened("memory://tree/clips")).items()}) == 2
    assert len(list(opened("memory://tree/clips/f1/**/*.mp4").files())) == 13 + 7


def test_what_is_no_folder_or_has_no_media_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="none is not a folder; set its `path`"):
        opened("none", tmp_path).check()
    (tmp_path / "a.txt").write_text("")
    for found in (opened(tmp_path), opened("memory://no/such/folder")):
        with pytest.raises(ConfigError, match=r"set its `path`"):
            found.check()
    with pytest.raises(ConfigError, match="no clips or sounds under"):
        list(opened(tmp_path).slices())


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_that_is_closed_is_named(folder):
    (folder / "clips" / "closed").mkdir(mode=0o000)
    with pytest.raises(ConfigError, match="closed cannot be read"):
        list(opened("clips", folder).slices())


@given(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1).filter(lambda n: n != ".")
)
def test_suffixes_are_those_of_paths(name):
    assert suffix(f"a.b/{name}") == PurePosixPath(name).suffix.lower()
    assert stem(name) + name[len(stem(name)) :] == name and len(name) - len(stem(name)) == len(suffix(name))
