"""What a session of yt-dlp's is not given: programs, plugins, settings, a cache, sockets of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import urllib.request

import pytest

from vidal.engine.errors import SampleError
from vidal.harvest.sources import Order
from vidal.harvest.ytdlp.fetch import fetch
from vidal.harvest.ytdlp.programs import no_programs
from vidal.harvest.ytdlp.session import session

PROGRAMS = ("ffmpeg", "ffprobe", "deno", "node", "bun", "qjs", "phantomjs", "rtmpdump", "curl", "aria2c", "mplayer")


@pytest.fixture
def started(tmp_path, monkeypatch):
    """A PATH of programs that note their names: what was started."""
    folder, log = tmp_path / "bin", tmp_path / "started"
    folder.mkdir()
    log.touch()
    for name in PROGRAMS:
        program = folder / name
        program.write_text(f"#!/bin/sh\necho {name} >> {log}\necho version 99.0.0\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    subprocess.run(["ffmpeg"], check=True, stdout=subprocess.DEVNULL)
    assert log.read_text() == "ffmpeg\n"
    log.write_text("")
    return log


def _playlist(site, *lines):
    text = "\n".join(("#EXTM3U", "#EXT-X-TARGETDURATION:3", *lines, "#EXT-X-ENDLIST", ""))
    site.answers["/list.m3u8"] = (200, {"Content-Type": "application/vnd.apple.mpegurl"}, text.encode())
    site.answers["/part.mp4"] = (200, {"Content-Type": "video/mp4"}, b"x" * 160)
    site.answers["/key"] = (200, {}, b"0" * 16)
    return f"{site.url}/list.m3u8"


ENCRYPTED = '#EXT-X-KEY:METHOD=%s,URI="key",IV=0x00000000000000000000000000000001'


@pytest.mark.parametrize(
    ("lines", "arrives"),
    [
        (("#EXTINF:2.5,", "part.mp4"), True),
        ((ENCRYPTED % "AES-128", "#EXTINF:2.5,", "secret.mp4"), True),
        ((ENCRYPTED % "SAMPLE-AES", "#EXTINF:2.5,", "secret.mp4"), False),
    ],
)
def test_what_ffmpeg_would_be_asked_for_is_done_without(site, network, started, tmp_path, lines, arrives):
    from yt_dlp.aes import aes_cbc_encrypt_bytes

    url, asker = site.page("/w/1", _playlist(site, *lines)), network()
    site.answers["/secret.mp4"] = (200, {}, aes_cbc_encrypt_bytes(b"x" * 150, b"0" * 16, b"\0" * 15 + b"\1"))
    with asker.attempt():
        if arrives:
            assert set(fetch(asker, Order(url, "video", tmp_path, 10_000)).path.read_bytes()) == {ord("x")}
        else:
            with pytest.raises(SampleError):
                fetch(asker, Order(url, "video", tmp_path, 10_000))
    assert started.read_text() == ""


@pytest.mark.parametrize("protocol", ["rtmp", "m3u8", "mms", "f4m", "ism", "websocket_frag", "niconico_live", "rtsp"])
def test_protocols_of_programs_and_threads_are_refused(site, network, started, tmp_path, monkeypatch, protocol):
    told = {"id": "1", "title": "a title", "formats": [{"url": f"{site.url}/x", "ext": "mp4", "protocol": protocol}]}
    monkeypatch.setattr("yt_dlp.extractor.generic.GenericIE._real_extract", lambda extractor, url: told)
    asker, before = network(), threading.active_count()
    with asker.attempt(), pytest.raises(SampleError) as caught:
        fetch(asker, Order(f"{site.url}/w/1", "video", tmp_path, 10_000))
    assert caught.value.error_class == "Unsupported"
    assert started.read_text() == "" and site.paths() == []
    assert threading.active_count() <= before + 1


@pytest.mark.parametrize("live", [True, False])
def test_a_live_stream_is_not_given_to_ffmpeg(site, network, started, tmp_path, monkeypatch, live):
    url = _playlist(site, "#EXTINF:2.5,", "part.mp4")
    told = {
        "id": "1",
        "title": "t",
        "formats": [{"url": url, "ext": "mp4", "protocol": "m3u8_native"}],
        "is_live": live,
    }
    monkeypatch.setattr("yt_dlp.extractor.generic.GenericIE._real_extract", lambda extractor, url: told)
    asker = network()
    with asker.attempt():
        if live:
            with pytest.raises(SampleError):
                fetch(asker, Order(f"{site.url}/w/1", "video", tmp_path, 10_000))
        else:
            assert fetch(asker, Order(f"{site.url}/w/1", "video", tmp_path, 10_000)).path.read_bytes() == b"x" * 160
    assert started.read_text() == ""


def test_inside_a_session_no_program_starts(site, network, started):
    with session(network(), site.url, {}):
        for start in (
            lambda: subprocess.run(["ffmpeg"]),
            lambda: os.system("ffmpeg"),
            lambda: os.posix_spawnp("ffmpeg", ["ffmpeg"], os.environ),
            lambda: os.popen("ffmpeg").read(),
        ):
            with pytest.raises(FileNotFoundError):
                start()
    assert started.read_text() == ""


def test_no_runtime_of_scripts_is_looked_for_and_no_component_fetched(site, network):
    with session(network(), site.url, {}) as downloader:
        assert downloader._js_runtimes == {}
        assert downloader.params["remote_components"] == set()


def test_other_threads_and_later_work_may_start_programs(started):
    with no_programs():
        thread = threading.Thread(target=lambda: subprocess.run(["ffprobe"], stdout=subprocess.DEVNULL))
        thread.start()
        thread.join()
        with no_programs(), pytest.raises(FileNotFoundError):
            subprocess.run(["ffmpeg"])
        with pytest.raises(FileNotFoundError):
            subprocess.run(["ffmpeg"])
    subprocess.run(["deno"], stdout=subprocess.DEVNULL)
    assert started.read_text() == "ffprobe\ndeno\n"


def test_plugins_and_settings_of_the_user_are_not_read(site, tmp_path):
    """In a process of its own, since yt-dlp looks for plugins once."""
    home = tmp_path / "home"
    for folder in (home / ".config/yt-dlp/plugins/mine", home / ".yt-dlp/plugins/mine", tmp_path / "path"):
        package = folder / "yt_dlp_plugins" / "extractor"
        package.mkdir(parents=True)
        (package / "mine.py").write_text(f"open({str(tmp_path / 'loaded')!r}, 'w').close()\n")
    for file in (home / ".config/yt-dlp/config", home / ".config/yt-dlp.conf", home / ".netrc"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"--exec 'touch {tmp_path / 'loaded'}'\n--print-to-file title {tmp_path / 'loaded'}\n")
    site.page("/w/1", f"{site.url}/clip.mp4")
    site.answers["/clip.mp4"] = (200, {"Content-Type": "video/mp4"}, b"x" * 100)
    script = (
        "import sys; from pathlib import Path\n"
        "from vidal.harvest.network.client import Network\n"
        "from vidal.harvest.network.config import NetworkConfig\n"
        "from vidal.harvest.sources import Order\n"
        "from vidal.harvest.ytdlp.fetch import fetch\n"
        "network = Network(NetworkConfig(allow=('127.0.0.1',), per_second=1000), Path('.'))\n"
        "with network.attempt(1000): print(fetch(network, Order(sys.argv[1], 'video', Path(sys.argv[2]), 1000)).path)\n"
    )
    (tmp_path / "fetched").mkdir()
    environment = {
        **os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"),
        "PYTHONPATH": f"{os.getcwd()}:{tmp_path / 'path'}", "http_proxy": "http://127.0.0.1:1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script, f"{site.url}/w/1", str(tmp_path / "fetched")],
        env=environment, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.strip() == str(tmp_path / "fetched" / "media"), done.stderr
    assert done.stderr == ""
    assert not (tmp_path / "loaded").exists()
    assert not list(home.rglob("*cache*"))


def test_a_page_is_read_through_the_harvests_network_alone(site, network, tmp_path, monkeypatch):
    monkeypatch.setattr(urllib.request.OpenerDirector, "open", lambda *_, **__: pytest.fail("a way of its own"))
    monkeypatch.setattr("socket.create_connection", _only_from_httpcore)
    site.answers["/clip.mp4"] = (200, {"Content-Type": "video/mp4"}, b"x" * 100)
    asker = network()
    with asker.attempt():
        fetched = fetch(asker, Order(site.page("/w/1", f"{site.url}/clip.mp4"), "video", tmp_path, 1000))
    assert fetched.path.read_bytes() == b"x" * 100


_connect = __import__("socket").create_connection


def _only_from_httpcore(*arguments, **options):
    caller = sys._getframe(1).f_globals["__name__"]
    assert caller.startswith("httpcore2"), caller
    return _connect(*arguments, **options)
