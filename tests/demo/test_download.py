"""What yt-dlp, used as a library, makes of the video site."""

from __future__ import annotations

from pathlib import Path

import pytest

yt_dlp = pytest.importorskip("yt_dlp")


class Silent:
    def debug(self, message):
        return

    def warning(self, message):
        return

    def error(self, message):
        return


@pytest.fixture
def download(sites, tmp_path):
    """Download an entry's watch page; returns what yt-dlp says of it and the path of the file."""

    def run(entry, timeout=20.0):
        options = {
            "outtmpl": str(tmp_path / "%(webpage_url_basename)s.%(ext)s"),
            "quiet": True,
            "noprogress": True,
            "logger": Silent(),
            "cachedir": False,
            "retries": 0,
            "socket_timeout": timeout,
        }
        with yt_dlp.YoutubeDL(options) as downloader:
            info = downloader.extract_info(f"{sites.base_url}/w/{entry.id}")
        return info, Path(info["requested_downloads"][0]["filepath"])

    return run


def test_clips_of_both_codecs_arrive_whole(download, entries, folder):
    wanted = [next(e for e in entries if e.trouble is None and e.codec == codec) for codec in ("h264", "vp9")]
    for entry in wanted:
        info, path = download(entry)
        assert info["webpage_url_basename"] == entry.id and entry.title in info["title"]
        assert info["ext"] == Path(entry.filename).suffix[1:]
        assert path.read_bytes() == (folder / entry.filename).read_bytes()


def test_hostile_titles_do_no_harm(download, entries, folder, tmp_path):
    hostile = [entry for entry in entries if (entry.trouble or "").startswith("hostile")]
    assert len(hostile) == 6
    for entry in hostile:
        _, path = download(entry)
        assert path.read_bytes() == (folder / entry.filename).read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {entry.filename for entry in hostile}


def test_an_interrupted_download_is_resumed_by_range(download, sites, entries, folder, tmp_path):
    entry = entries[1]
    data = (folder / entry.filename).read_bytes()
    (tmp_path / f"{entry.filename}.part").write_bytes(data[:1000])
    _, path = download(entry)
    assert path.read_bytes() == data
    assert "bytes=1000-" in [hit.range for hit in sites.hits]


@pytest.mark.parametrize("trouble", ["rate_limited", "rate_limited_page"])
def test_429_passes(download, troubled, folder, trouble):
    entry = troubled(trouble)
    with pytest.raises(yt_dlp.utils.DownloadError, match="429"):
        download(entry)
    assert download(entry)[1].read_bytes() == (folder / entry.filename).read_bytes()


def test_slow_answers_arrive(download, troubled, folder):
    entry = troubled("slow")
    assert download(entry)[1].read_bytes() == (folder / entry.filename).read_bytes()


@pytest.mark.parametrize(
    ("trouble", "message"),
    [("not_found", "404"), ("unavailable", "503"), ("stalled", "timed out"), ("empty", "Did not get any data")],
)
def test_lasting_faults_are_errors(download, troubled, trouble, message):
    with pytest.raises(yt_dlp.utils.DownloadError, match=message):
        download(troubled(trouble), timeout=0.5 if trouble == "stalled" else 20.0)


@pytest.mark.parametrize("trouble", ["html", "playlist", "truncated", "header_3h_webm"])
def test_damage_travels_unnoticed_to_whoever_decodes(download, troubled, folder, trouble):
    entry = troubled(trouble)
    assert download(entry)[1].read_bytes() == (folder / entry.filename).read_bytes()
