from __future__ import annotations

import json
import os

import fsspec
import pytest

from vidal.engine.errors import ConfigError, SampleError, TransientError
from vidal.harvest.listing import tree
from vidal.harvest.sources import Order, open_source
from vidal.harvest.sources.local import LocalConfig


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "clips"
    (path / "deep er").mkdir(parents=True)
    (path / "a_dog.mp4").write_bytes(b"clip")
    (path / "deep er" / "b.MP4").write_bytes(b"another")
    (path / "c.ogg").write_bytes(b"sound")
    (path / "notes.pdf").write_bytes(b"")
    return tmp_path


def source(base, path="clips", **given):
    return open_source(LocalConfig(type="local", name="own", path=path, **given), base)


def found(local):
    """Every candidate of every slice, by its url."""
    local.check()
    candidates = [candidate for part in local.listed() for candidate in local.search(part.name)]
    by_url = {candidate.url: candidate for candidate in candidates}
    assert len(by_url) == len(candidates)
    return by_url


def fetched(local, url, tmp_path, max_bytes=1000):
    (tmp_path / "scratch").mkdir(exist_ok=True)
    return local.fetch(Order(url, "video", tmp_path / "scratch", max_bytes)).path


def test_a_file_without_texts_is_named_by_its_own_name(folder):
    candidates = found(source(folder))
    assert {url: (one.title, one.kind, one.revision) for url, one in candidates.items()} == {
        "a_dog.mp4": ("a dog", "video", "4"),
        "deep er/b.MP4": ("b", "video", "7"),
        "c.ogg": ("c", "audio", "5"),
    }
    assert len({one.id for one in candidates.values()}) == 3


def test_texts_come_from_beside_a_file(folder):
    told = {"title": "A dog #barks", "hashtags": ["#pets", "barks"], "captions": ["c1", "c2"], "licence": "CC0-1.0"}
    (folder / "clips" / "a_dog.json").write_text(json.dumps({**told, "uploader": "me", "other": 1}), "utf-8-sig")
    (folder / "clips" / "a_dog.txt").write_text("not this")
    (folder / "clips" / "c.txt").write_text("\ufeffA  bell\nrings #løb", encoding="utf-8")
    candidates = found(source(folder))
    dog, bell = candidates["a_dog.mp4"], candidates["c.ogg"]
    assert (dog.title, dog.hashtags, dog.captions) == ("A dog", ("barks", "pets"), ("c1", "c2"))
    assert (dog.licence, dog.uploader) == ("CC0-1.0", "me")
    assert (bell.title, bell.hashtags) == ("A bell rings", ("løb",))


@pytest.mark.parametrize(
    ("name", "content"),
    [("a_dog.json", b"{"), ("a_dog.json", b"[]"), ("a_dog.json", b'{"captions": [{}]}'), ("a_dog.txt", b"\xff")],
)
def test_a_sidecar_that_cannot_be_read_is_named(folder, name, content):
    (folder / "clips" / name).write_bytes(content)
    with pytest.raises(ConfigError, match=f"clips/{name}: not a readable sidecar"):
        found(source(folder))


def test_a_listing_is_made_once_for_all_slices(folder, monkeypatch):
    monkeypatch.setattr(tree, "FILES", 1)
    local = source(folder)
    names = [part.name for part in local.listed()]
    assert len(names) > 1
    scanned = []
    scan = os.scandir
    monkeypatch.setattr(tree.os, "scandir", lambda path: scanned.append(path) or scan(path))
    assert sum(len(list(local.search(name))) for name in names) == 3
    assert len(scanned) == 2


def test_fetching_a_local_file_is_naming_it(folder, tmp_path):
    assert fetched(source(folder), "deep er/b.MP4", tmp_path, max_bytes=1) == folder / "clips" / "deep er" / "b.MP4"


@pytest.mark.parametrize(
    "url", ["../secret.mp4", "/etc/passwd", "none.mp4", "deep er", "out.mp4", "a\0b.mp4", "x" * 5000, "", "loop.mp4"]
)
def test_nothing_outside_the_folder_is_fetched(folder, tmp_path, url):
    (folder / "secret.mp4").write_bytes(b"secret")
    (folder / "clips" / "out.mp4").symlink_to(folder / "secret.mp4")
    (folder / "clips" / "loop.mp4").symlink_to(folder / "clips" / "loop.mp4")
    with pytest.raises(SampleError) as caught:
        fetched(source(folder), url, tmp_path)
    assert caught.value.error_class == "NotFound" and "under the source's folder" in str(caught.value)


def test_a_name_that_is_no_text_is_listed_and_fails_by_itself(folder, tmp_path):
    with open(os.fsencode(folder / "clips") + b"/caf\xe9.mp4", "wb"):
        pass
    local = source(folder)
    strange = next(one for one in found(local).values() if one.title.startswith("caf"))
    with pytest.raises(SampleError, match="not a file"):
        fetched(local, strange.to_row()["url"], tmp_path)


def test_an_absent_folder_and_an_empty_one_are_named(folder):
    with pytest.raises(ConfigError, match=r"^harvest source own: .*nowhere is not a folder; set its `path`$"):
        source(folder, "nowhere").check()
    (folder / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"^harvest source own: no clips or sounds under .*empty; set its `path`$"):
        source(folder, "empty").check()


def test_the_servers_of_a_network_are_no_folder(folder):
    with pytest.raises(ConfigError, match="type `urls`"):
        source(folder, "http://127.0.0.1/clips")


class TestAtAUrl:
    @pytest.fixture
    def local(self, folder):
        (folder / "clips" / "c.txt").write_text("A bell rings")
        fsspec.filesystem("memory").put(str(folder / "clips"), "/remote", recursive=True)
        return source(folder, "memory://remote")

    def test_it_is_listed_with_its_sidecars(self, local):
        candidates = found(local)
        assert {url: one.revision for url, one in candidates.items()} == {
            "a_dog.mp4": "4", "deep er/b.MP4": "7", "c.ogg": "5",
        }  # fmt: skip
        assert candidates["c.ogg"].title == "A bell rings"

    def test_a_file_is_copied_within_the_limit(self, local, tmp_path):
        path = fetched(local, "deep er/b.MP4", tmp_path, max_bytes=7)
        assert path.parent == tmp_path / "scratch" and path.read_bytes() == b"another"
        with pytest.raises(SampleError) as caught:
            fetched(local, "deep er/b.MP4", tmp_path, max_bytes=6)
        assert caught.value.error_class == "TooLarge"

    @pytest.mark.parametrize("url", ["none.mp4", "../secret.mp4", "deep er/../../secret.mp4", "/secret.mp4"])
    def test_nothing_else_is_copied(self, local, tmp_path, url):
        """Stores keep `..` in names; here such a name leads to a file."""
        local.tree.fs.pipe(f"/remote/{url}" if ".." in url else "/remote//secret.mp4", b"secret")
        with pytest.raises(SampleError) as caught:
            fetched(local, url, tmp_path)
        assert caught.value.error_class == "NotFound"

    def test_a_store_that_fails_is_asked_again(self, local, tmp_path, monkeypatch):
        def broken(*args, **options):
            raise ConnectionResetError("reset by peer")

        monkeypatch.setattr(local.tree.fs, "open", broken)
        with pytest.raises(TransientError) as caught:
            fetched(local, "a_dog.mp4", tmp_path)
        assert caught.value.error_class == "Unavailable"


class TestCaptions:
    CSV = (
        "path,caption,title,tags\n"
        "a_dog.mp4,A dog barks,,#pets #dog\n"
        './deep er/b.MP4,"[""one"", ""two""]",The title,\n'
        "none.mp4,Nothing,,\n"
        ",No file,,\n"
        "../secret.mp4,A secret,,\n"
    )

    @pytest.fixture
    def local(self, folder):
        (folder / "captions.csv").write_text(self.CSV)
        columns = {"file": "path", "captions": "caption", "hashtags": "tags"}
        return source(folder, captions="captions.csv", columns=columns)

    def test_the_rows_are_the_samples(self, local):
        candidates = found(local)
        assert len(candidates) == 5 and "c.ogg" not in candidates
        dog, other = candidates["a_dog.mp4"], candidates["deep er/b.MP4"]
        assert (dog.title, dog.captions, dog.hashtags) == ("A dog barks", ("A dog barks",), ("pets", "dog"))
        assert (other.title, other.captions, other.revision) == ("The title", ("one", "two"), "7")
        assert candidates["none.mp4"].revision is candidates["../secret.mp4"].revision is None

    @pytest.mark.parametrize("place", [2, 3, 4])
    def test_a_row_that_names_no_file_fails_with_its_line(self, local, folder, tmp_path, place):
        (folder / "secret.mp4").write_bytes(b"secret")
        url = list(found(local))[place]
        with pytest.raises(SampleError) as caught:
            fetched(local, url, tmp_path)
        assert caught.value.error_class == "NotFound"
        assert place != 3 or str(caught.value).startswith("captions.csv:5: file: Field required")

    def test_a_changed_clip_is_listed_again(self, local, folder):
        before = [part.revision for part in local.listed()]
        assert before == [part.revision for part in local.listed()]
        (folder / "clips" / "a_dog.mp4").write_bytes(b"longer by far")
        assert before != [part.revision for part in local.listed()]
        assert found(local)["a_dog.mp4"].revision == "13"

    def test_a_table_without_the_column_is_refused(self, folder):
        (folder / "captions.csv").write_text(self.CSV)
        with pytest.raises(ConfigError, match=r"harvest source own: .*captions\.csv has no column 'file'"):
            source(folder, captions="captions.csv").check()
