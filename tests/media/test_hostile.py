"""Hostile and broken sources: one named error each, no file read but the source, nothing left running."""

from __future__ import annotations

import hashlib
import resource
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from vidal.engine.errors import MissingError, SampleError
from vidal.media import ffmpeg as runner
from vidal.media.limits import MediaLimits
from vidal.media.normalise import normalise
from vidal.media.probe import probe

HOUR3 = 3 * 3600
BLACK = ("-f", "lavfi", "-i")


def in_box(data: bytearray, name: bytes, offset: int, value: int) -> None:
    """Overwrite the 32-bit number `offset` bytes after the name of every box called `name`."""
    at = data.find(name)
    while at >= 0:
        struct.pack_into(">I", data, at + offset, value)
        at = data.find(name, at + 4)


def test_files_that_are_no_media(tmp_path, refused):
    found = {
        "empty.mp4": (b"", "empty"),
        "page.mp4": (b"\n<!DOCTYPE html><html><body>Sign in to continue</body></html>", "HTML"),
        "noise.mp4": (bytes(range(256)) * 40, "starts with"),
        "picture.mp4": (b"\x89PNG\r\n\x1a\n" + bytes(200), "starts with"),
        "text.mp4": (b"hello\n" * 50, "hello"),
    }
    for name, (data, word) in found.items():
        path = tmp_path / name
        path.write_bytes(data)
        for kind in ("video", "audio"):
            message = refused("NotMedia", normalise, path, kind)
            assert word in message and str(tmp_path) not in message


@pytest.mark.parametrize("name", ["list.m3u8", "list.ffconcat", "list.mp4"])
@pytest.mark.parametrize("kind", ["hls", "concat"])
def test_playlists_never_reach_the_file_they_name(clip, tmp_path, refused, name, kind):
    secret = clip("secret.ts.mp4")
    text = {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "concat": f"ffconcat version 1.0\nfile '{secret}'\n",
    }[kind]
    path = tmp_path / name
    path.write_text(text)
    assert refused("NotMedia", normalise, path, "video") == "a playlist"


def test_a_playlist_would_be_followed_without_the_allow_list(clip, ffmpeg, tmp_path):
    clip("secret.mp4")
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile 'secret.mp4'\n")
    assert probe(ffmpeg("-i", "list.mp4", "-c", "copy", "leaked.mp4")).frames == 20


def test_external_data_reference_is_not_followed(clip, ffmpeg, tmp_path, refused):
    clip("secret.mp4", sound=0)
    plain = ffmpeg("-i", "secret.mp4", "-c", "copy", "plain.mov")
    data = plain.read_bytes()
    moov = data.index(b"moov") - 4
    assert moov > data.index(b"mdat"), "the index must come last, so that growing it moves no sample"
    index = with_alias(data[moov:], str(plain))
    hostile = tmp_path / "hostile.mov"
    start = data.index(b"mdat") - 4
    hostile.write_bytes(data[:start] + struct.pack(">I4s", moov - start, b"free") + bytes(moov - start - 8) + index)
    followed = ffmpeg("-enable_drefs", 1, "-use_absolute_path", 1, "-i", "hostile.mov", "-c", "copy", "leaked.mp4")
    assert probe(followed).frames == 20
    with pytest.raises(SampleError) as caught:
        normalise(hostile, "video")
    assert caught.value.error_class in {"Truncated", "DecodeFailed", "NotMedia"}


def with_alias(moov: bytes, path: str) -> bytes:
    """The same index, its data reference replaced by a Macintosh alias of an absolute path."""
    record = bytes(10) + bytes([0]) + bytes(27) + bytes(12) + bytes([0]) + bytes(63) + bytes(16) + bytes(4) + bytes(16)
    name = path.encode() + bytes(len(path) % 2)
    record += struct.pack(">HH", 2, len(name)) + name + struct.pack(">Hh", 0xFFFF, 0)
    entry = struct.pack(">I4sI", 12 + len(record), b"alis", 0) + record
    dref = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    at = moov.index(b"dref", moov.index(b"vmhd")) - 4
    grown = bytearray(moov[:at] + dref + moov[at + struct.unpack_from(">I", moov, at)[0] :])
    growth = len(grown) - len(moov)
    for name in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        box = grown.index(name) - 4
        struct.pack_into(">I", grown, box, struct.unpack_from(">I", grown, box)[0] + growth)
    return bytes(grown)


def test_three_hours_in_the_header_of_a_short_clip(clip, tmp_path):
    data = bytearray(clip(frames=10, sound=1.0).read_bytes())
    in_box(data, b"mvhd", 20, HOUR3 * 1000)
    in_box(data, b"tkhd", 24, HOUR3 * 1000)
    in_box(data, b"mdhd", 20, 2**31 - 1)
    lying = tmp_path / "lying.mp4"
    lying.write_bytes(data)
    found = normalise(lying, "video").probe
    assert found.seconds == pytest.approx(1, abs=0.15)
    assert (found.frames, found.fps) == (10, pytest.approx(10))


def test_three_hours_in_the_header_of_a_webm(clip, tmp_path, refused):
    path = clip("lying.webm", codec="vp9", frames=10, sound=1.0)
    data = bytearray(path.read_bytes())
    at = data.index(b"\x44\x89\x88")
    struct.pack_into(">d", data, at + 3, HOUR3 * 1000.0)
    path.write_bytes(data)
    assert "10800.0 s" in refused("Truncated", normalise, path, "video")


def test_cut_files(clip, ffmpeg, tmp_path, refused):
    clip("front.mp4")
    ffmpeg("-i", "front.mp4", "-c", "copy", "back.mp4")
    clip("web.webm", codec="vp9")
    for name, share in {"front.mp4": 0.6, "back.mp4": 0.6, "web.webm": 0.4}.items():
        data = (tmp_path / name).read_bytes()
        cut = tmp_path / f"cut-{name}"
        cut.write_bytes(data[: int(len(data) * share)])
        refused("Truncated", normalise, cut, "video")


def test_longer_than_the_limit(clip, refused):
    path = clip("long.mp4", frames=60, fps=2, sound=0)
    assert "20 s" in refused("TooLong", normalise, path, "video")
    refused("TooLong", probe, clip("long sound.mp4", frames=5, sound=25.0))
    assert probe(path, MediaLimits(max_seconds=40)).seconds == pytest.approx(30)


def test_larger_than_the_limits(clip, refused):
    path = clip()
    assert "limit is 1,000" in refused("TooLarge", normalise, path, "video", None, MediaLimits(max_bytes=1000))
    refused("TooManyPixels", normalise, path, "video", None, MediaLimits(max_pixels=320 * 240 - 1))


def test_huge_pictures(ffmpeg, refused):
    options = ("-frames:v", 2, "-c:v", "libx264", "-preset", "ultrafast")
    huge = ffmpeg(*BLACK, "color=size=4096x4096:rate=2", *options, "huge.mp4")
    refused("TooManyPixels", normalise, huge, "video")
    ribbon = ffmpeg(*BLACK, "color=size=2048x32:rate=2", *options, "ribbon.mp4")
    assert "2048x32" in refused("TooManyPixels", normalise, ribbon, "video")


def test_huge_pictures_behind_a_small_header(clip, tmp_path):
    path = clip("small.webm", codec="vp9", width=512, height=512, sound=0)
    data = path.read_bytes()
    stated = b"\xb0\x82\x02\x00\xba\x82\x02\x00"
    assert data.count(stated) == 1
    path.write_bytes(data.replace(stated, b"\xb0\x82\x00\x40\xba\x82\x00\x40"))
    with pytest.raises(SampleError) as caught:
        normalise(path, "video", None, MediaLimits(max_pixels=64 * 64))
    assert caught.value.error_class in {"TooManyPixels", "DecodeFailed"}


def test_missing_tracks(clip, ffmpeg, refused):
    sound = ffmpeg(*BLACK, "sine=duration=1", "tone.mp4")
    assert "aac" in refused("NoVideo", normalise, sound, "video")
    assert "h264" in refused("NoAudio", normalise, clip(sound=0), "audio")


def test_slow_decoding_is_stopped(clip, refused):
    refused("DecodeTimeout", normalise, clip(), "video", None, MediaLimits(timeout_s=1e-9))
    endless = [runner.ffmpeg_binary(), "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc2", "-f", "null", "-"]
    started = time.monotonic()
    assert "0.5 s" in refused("DecodeTimeout", runner.run_ffmpeg, endless, 0.5)
    assert time.monotonic() - started < 60


def test_memory_is_bounded(monkeypatch, refused):
    monkeypatch.setitem(runner.BOUNDS, resource.RLIMIT_AS, 256 << 20)
    hungry = [runner.ffmpeg_binary(), "-nostdin", "-v", "error", "-f", "lavfi", "-i", "color=size=16000x16000"]
    refused("DecodeFailed", runner.run_ffmpeg, [*hungry, "-frames:v", "1", "-f", "null", "-"], 60)


def test_output_is_bounded(monkeypatch, tmp_path, refused):
    monkeypatch.setitem(runner.BOUNDS, resource.RLIMIT_FSIZE, 100_000)
    target = tmp_path / "raw"
    endless = [runner.ffmpeg_binary(), "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2", "-f", "rawvideo"]
    refused("DecodeFailed", runner.run_ffmpeg, [*endless, str(target)], 60)
    assert target.stat().st_size <= 100_000


def test_configured_ffmpeg(monkeypatch, tmp_path):
    runner.ffmpeg_binary.cache_clear()
    monkeypatch.setenv("VIDAL_FFMPEG", str(tmp_path / "nowhere"))
    with pytest.raises(MissingError, match="VIDAL_FFMPEG"):
        runner.ffmpeg_binary()
    monkeypatch.setenv("VIDAL_FFMPEG", "/bin/sh")
    assert runner.ffmpeg_binary() == "/bin/sh"
    runner.ffmpeg_binary.cache_clear()


@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_damaged_files_give_a_result_or_a_named_error(clip, tmp_path, codec):
    whole = np.frombuffer(clip(frames=12, width=160, height=120, codec=codec).read_bytes(), np.uint8)
    outcomes = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        data = whole.copy()
        reach = 1500 if seed % 2 else len(data)
        data[rng.integers(0, reach, 1 + seed)] = rng.integers(0, 256, 1 + seed)
        path = tmp_path / "damaged"
        path.write_bytes(data.tobytes())
        try:
            outcomes.add(len(normalise(path, "video", None, MediaLimits(timeout_s=20)).members))
        except SampleError as error:
            assert "\n" not in str(error) and str(tmp_path) not in str(error)
            outcomes.add(error.error_class)
    assert outcomes <= {9, 10, "NotMedia", "Truncated", "DecodeFailed", "TooLong", "TooManyPixels", "NoVideo"}
    assert len(outcomes) > 1


def test_probe_record(clip):
    path: Path = clip(channels=2, rate=22050)
    record = probe(path).to_dict()
    assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert record["bytes"] == path.stat().st_size
    expected = {"video_codec": "h264", "audio_codec": "aac", "width": 320, "height": 240, "rotation": 0, "frames": 20}
    assert expected.items() <= record.items()
    assert (record["sample_rate"], record["channels"]) == (22050, 2)
    assert record["container"] == "mov,mp4,m4a,3gp,3g2,mj2"
