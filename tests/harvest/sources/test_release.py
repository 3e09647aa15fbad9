from __future__ import annotations

import gzip
import json

import pytest

from vidal.engine.errors import ConfigError, SampleError
from vidal.harvest.sources import Order, open_source
from vidal.harvest.sources.release import ReleaseConfig

ROW = {
    "id": "site_a-1",
    "kind": "video",
    "source": "site",
    "url": "a/clip.mp4",
    "licence": "CC0-1.0",
    "uploader": "someone",
    "captions": ["a caption"],
    "seconds": 2.5,
    "sha256": "0" * 64,
    "views": {"raw": "A dog #runs #fast", "mplug": "a dog", "ofa": ["dog"] * 8, "other": 1},
}


def source(base, *rows, name="release.jsonl", **given):
    text = "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows).encode()
    (base / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return open_source(ReleaseConfig(type="release", name="again", path=name, **given), base)


def found(release):
    release.check()
    return [candidate for part in release.listed() for candidate in release.search(part.name)]


@pytest.mark.parametrize("name", ["release.jsonl", "release.jsonl.gz"])
def test_a_row_is_the_sample_it_was(tmp_path, name):
    (one,) = found(source(tmp_path, ROW, name=name))
    assert (one.id, one.kind, one.source, one.url) == ("site_a-1", "video", "again", "a/clip.mp4")
    assert (one.title, one.hashtags, one.captions) == ("A dog", ("runs", "fast"), ("a caption",))
    assert (one.licence, one.uploader, one.seconds) == ("CC0-1.0", "someone", 2.5)
    assert one.views == {name: ROW["views"][name] for name in ("raw", "mplug", "ofa")}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"id": "../../x"}, "is no id of a sample"),
        ({"id": "A"}, "is no id of a sample"),
        ({"kind": "picture"}, "kind: "),
        ({"seconds": -1}, "seconds: "),
        ({"url": "x" * 9000}, "url: "),
    ],
)
def test_a_row_that_cannot_be_used_fails_by_its_line(tmp_path, change, problem):
    release = source(tmp_path, ROW, {**ROW, **change}, "{no json", media=".")
    (tmp_path / "c.mp4").write_bytes(b"clip")
    good, bad, none = found(release)
    assert good.id == "site_a-1" and bad.id.startswith("again_") and problem in bad.url
    for line, one in ((2, bad), (3, none)):
        with pytest.raises(SampleError, match=rf"^release\.jsonl:{line}: ") as error:
            release.fetch(Order(one.url, "video", tmp_path, 1000))
        assert error.value.error_class == "BadRow"


def test_files_lie_below_the_folder_of_media(tmp_path):
    (tmp_path / "media" / "a").mkdir(parents=True)
    (tmp_path / "media" / "a" / "clip.mp4").write_bytes(b"clip")
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    release = source(tmp_path, ROW, media="media")
    assert release.fetch(Order("a/clip.mp4", "video", tmp_path, 1000)).path.read_bytes() == b"clip"
    with pytest.raises(SampleError) as error:
        release.fetch(Order("../secret.mp4", "video", tmp_path, 1000))
    assert error.value.error_class == "NotFound"
    with pytest.raises(SampleError, match="set the source's `media`") as error:
        source(tmp_path, ROW).fetch(Order("a/clip.mp4", "video", tmp_path, 1000))
    assert error.value.error_class == "NoMedia"


def test_a_file_that_is_no_release_is_said_before_any_work(tmp_path):
    with pytest.raises(ConfigError, match=r"again: .*release\.jsonl holds no rows"):
        source(tmp_path).check()
    with pytest.raises(ConfigError, match=r"again: .*does not exist"):
        open_source(ReleaseConfig(type="release", name="again", path="none.jsonl"), tmp_path).check()
