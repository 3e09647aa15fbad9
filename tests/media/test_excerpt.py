"""Frames and sound of files of many formats and of any length, and of parts of them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.media.conftest import picture, tone
from vidal.engine.errors import SampleError
from vidal.media.excerpt import decode_pictures, decode_sound
from vidal.train.transforms.video import frame_indices


def eight(total: int) -> np.ndarray:
    return frame_indices(total, 8)


def level(frame: np.ndarray) -> float:
    """The grey of the lower right quarter."""
    height, width = frame.shape[:2]
    return float(frame[height * 5 // 8 : height * 7 // 8, width * 5 // 8 : width * 7 // 8].mean())


def expected(numbers) -> list[float]:
    return [level(picture(int(number), 320, 240)) for number in numbers]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("clip.mp4", ("-c:v", "libx264", "-g", "250")),
        ("clip.avi", ("-c:v", "mpeg4", "-q:v", "2")),
        ("clip.webm", ("-c:v", "libvpx", "-b:v", "2M")),
        ("clip.mkv", ("-c:v", "libx264", "-bf", "3")),
        ("clip.ts", ("-c:v", "libx264", "-g", "5")),
    ],
)
def test_evenly_spread_pictures_of_many_formats(clip, ffmpeg, name, codec):
    clip("source.mp4", sound=0)
    path = ffmpeg("-i", "source.mp4", *codec, "-an", name if name != "clip.mp4" else "other.mp4")
    found = decode_pictures(path, eight)
    assert found.shape == (8, 240, 320, 3) and found.dtype == np.uint8
    assert np.allclose([level(frame) for frame in found], expected(eight(20)), atol=8)


def test_a_long_clip_is_passed_over_by_leaps_to_the_very_same_pictures(clip, ffmpeg, monkeypatch):
    """At one picture a second, with key pictures 3 apart; decoded whole for comparison."""
    from vidal.media import excerpt

    clip("source.mp4", frames=60, fps=1, sound=0)
    path = ffmpeg("-i", "source.mp4", "-c:v", "libx264", "-g", "3", "-bf", "2", "long.mp4")
    leapt = []
    original = excerpt._Walk._leap
    monkeypatch.setattr(excerpt._Walk, "_leap", lambda self, instant: (leapt.append(instant), original(self, instant)))
    found = decode_pictures(path, eight)
    assert len(leapt) == 7
    monkeypatch.setattr(excerpt, "AHEAD_S", 1e9)
    whole = decode_pictures(path, eight)
    assert len(leapt) == 7 and np.array_equal(found, whole)
    assert np.allclose([level(frame) for frame in found], [40 + 6 * n % 200 for n in eight(60)], atol=8)


def test_a_part_has_the_pictures_of_its_seconds(clip):
    path = clip(sound=2.0)
    found = decode_pictures(path, lambda total: np.arange(total), (0.5, 1.0))
    assert np.allclose([level(frame) for frame in found], expected(range(5, 10)), atol=8)
    with pytest.raises(SampleError, match="no picture between 5 and 9 s"):
        decode_pictures(path, eight, (5, 9))


@pytest.mark.parametrize(("degrees", "corner"), [(90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_a_turned_clip_is_upright(clip, ffmpeg, degrees, corner):
    clip("plain.mp4", sound=0)
    path = ffmpeg("-display_rotation", -degrees, "-i", "plain.mp4", "-c", "copy", "turned.mp4")
    frame = decode_pictures(path, lambda total: np.zeros(1, int))[0]
    red, _, blue = frame[corner]
    assert red > 180 and blue < 80 and (frame.shape[0] > frame.shape[1]) == (degrees != 180)


@pytest.mark.parametrize(
    ("name", "how", "close"),
    [
        ("s.wav", (), 1e-4),
        ("s.flac", (), 1e-4),
        ("s.mp3", ("-b:a", "192k"), 0.05),
        ("s.ogg", ("-c:a", "libvorbis"), 0.05),
        ("s.m4a", ("-c:a", "aac", "-b:a", "128k"), 0.05),
    ],
)
def test_the_first_channel_of_many_formats(ffmpeg, name, how, close):
    left = "sine=frequency=440:sample_rate=22050:duration=2"
    silent = "anullsrc=sample_rate=22050:channel_layout=mono:duration=2"
    path = ffmpeg(
        "-f", "lavfi", "-i", left, "-f", "lavfi", "-i", silent, "-filter_complex", "[0][1]join=inputs=2", *how, name
    )
    wave, rate = decode_sound(path)
    assert rate == 22050 and wave.dtype == np.float32 and abs(len(wave) / rate - 2) < 0.06
    spectrum = np.abs(np.fft.rfft(wave[rate // 4 : rate // 4 + rate]))
    assert int(spectrum.argmax()) == 440 and abs(np.abs(wave[rate // 2 : -rate // 2]).max() - 0.125) < close


def test_a_part_of_a_sound_begins_and_ends_to_the_sample(ffmpeg, tmp_path):
    from vidal.media.sound import encode_flac

    wave = tone(3.0)
    (tmp_path / "s.flac").write_bytes(encode_flac(wave, 16000))
    found, rate = decode_sound(tmp_path / "s.flac", (0.75, 1.5))
    assert rate == 16000 and np.allclose(found, wave[12000:24000], atol=1e-4) and len(found) == 12000
    whole, _ = decode_sound(tmp_path / "s.flac", (0.0, 31.0))
    assert len(whole) == 48000
    with pytest.raises(SampleError, match="no sound between 5 and 6 s"):
        decode_sound(tmp_path / "s.flac", (5, 6))


def test_a_sound_too_long_to_hold_asks_for_a_part(clip, monkeypatch):
    from vidal.media import excerpt

    path = clip(sound=2.0)
    monkeypatch.setattr(excerpt, "SOUND_SECONDS", 1.0)
    with pytest.raises(SampleError, match="name a part of it"):
        decode_sound(path)
    assert abs(len(decode_sound(path, (0.0, 0.5))[0]) - 8000) < 2


def test_what_is_no_media_is_refused(tmp_path, clip, refused):
    (tmp_path / "page.mp4").write_text("<!doctype html>")
    (tmp_path / "list.mp4").write_text("#EXTM3U\nfile:///etc/passwd")
    refused("NotMedia", decode_pictures, tmp_path / "page.mp4", eight)
    assert "playlist" in refused("NotMedia", decode_sound, tmp_path / "list.mp4")
    refused("NotMedia", decode_pictures, tmp_path / "absent.mp4", eight)
    refused("NoAudio", decode_sound, clip("mute.mp4", sound=0))
    data = clip("cut.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 2 // 3])
    refused("Truncated", decode_pictures, tmp_path / "cut.mp4", eight)
