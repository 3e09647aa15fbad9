"""Ordinary and odd sources, made here, normalised by real decoding."""

from __future__ import annotations

import io
import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from vidal.media.images import decode_image
from vidal.media.limits import MediaSettings
from vidal.media.normalise import normalise
from vidal.media.sound import decode_audio

TIMESCALE = 10240  # of a 10 fps track as written here
FRAMES = [f"frm{i}.jpg" for i in range(8)]
TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=2")
STRIPES = ("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=2")


def clip_of(result) -> tuple[list[np.ndarray], list[float]]:
    """Pictures of the normalised clip as RGB, and their instants in seconds."""
    with av.open(io.BytesIO(result.members["mp4"])) as container:
        frames = list(container.decode(video=0))
    return [frame.to_ndarray(format="rgb24") for frame in frames], [frame.time for frame in frames]


def red_corner(rgb: np.ndarray) -> tuple[str, str]:
    """Which corner of a picture is red: (top or bottom, left or right)."""
    height, width = rgb.shape[:2]
    redness = rgb[..., 0].astype(int) - rgb[..., 1]
    y, x = np.argwhere(redness > 80).mean(axis=0)
    return ("top" if y < height / 2 else "bottom", "left" if x < width / 2 else "right")


def test_members_of_a_plain_clip(clip):
    result = normalise(clip(frames=20, width=480, height=320), "video")
    assert list(result.members) == ["mp4", *FRAMES, "flac"]
    assert (result.width, result.height) == (384, 256)
    assert result.frame_index == [0, 3, 5, 8, 11, 14, 16, 19]
    assert result.frame_seconds == pytest.approx([i / 10 for i in result.frame_index])
    assert result.audio_seconds == pytest.approx(2, abs=0.15)
    assert result.probe.frames == 20 and result.probe.seconds == pytest.approx(2, abs=0.15)
    pictures, instants = clip_of(result)
    assert instants == pytest.approx([i / 10 for i in range(20)])
    for place, index in enumerate(result.frame_index):
        keyframe = decode_image(result.members[f"frm{place}.jpg"])
        assert keyframe.shape == (256, 384, 3) == pictures[index].shape
        assert np.abs(keyframe.astype(int) - pictures[index]).mean() < 4
        assert abs(int(keyframe[200, 300, 0]) - (40 + 6 * index)) < 8


def test_clip_is_what_every_player_plays(clip, ffmpeg):
    clip("plain.mp4", channels=2, rate=44100)
    titled = ffmpeg("-i", "plain.mp4", "-c", "copy", "-metadata", "title=A secret title", "titled.mp4")
    data = normalise(titled, "video").members["mp4"]
    assert b"secret" in titled.read_bytes() and b"secret" not in data
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(io.BytesIO(data)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (audio.codec_context.name, audio.rate, audio.channels) == ("aac", 44100, 2)
        assert not {"title", "creation_time"} & (set(container.metadata) | set(video.metadata))


def test_bytes_repeat_whatever_the_path(clip, tmp_path):
    source = clip()
    other = tmp_path / "another folder" / "%03d, [v]: it's.mov"
    other.parent.mkdir()
    other.write_bytes(source.read_bytes())
    first, second = normalise(source, "video"), normalise(other, "video")
    assert first == second


def test_settings_are_obeyed(clip):
    settings = MediaSettings(short_side=128, frames=4, keyframes="left-edge", sample_rate=8000)
    result = normalise(clip(), "video", settings)
    assert set(result.members) == {"mp4", *FRAMES[:4], "flac"}
    assert (result.width, result.height) == (170, 128)
    assert result.frame_index == [0, 5, 10, 15]
    assert decode_audio(result.members["flac"])[1] == 8000


def test_small_pictures_grow_to_the_short_side(clip):
    result = normalise(clip(width=64, height=96, sound=0), "video")
    assert (result.width, result.height) == (256, 384)


@pytest.mark.parametrize(
    ("degrees", "size", "corner"),
    [
        (90, (256, 342), ("top", "right")),
        (180, (342, 256), ("bottom", "right")),
        (270, (256, 342), ("bottom", "left")),
    ],
)
def test_rotation_ends_upright(clip, ffmpeg, degrees, size, corner):
    clip("plain.mp4")
    turned = ffmpeg("-display_rotation", -degrees, "-i", "plain.mp4", "-c", "copy", "turned.mp4")
    result = normalise(turned, "video")
    assert result.probe.rotation == degrees
    assert (result.width, result.height) == size
    assert (result.probe.width < result.probe.height) == (size[0] < size[1])
    pictures, _ = clip_of(result)
    assert red_corner(pictures[0]) == red_corner(decode_image(result.members["frm0.jpg"])) == corner


@pytest.mark.parametrize(("begin", "length", "count"), [(0, 1000, 10), (500, 1000, 10)])
def test_edit_list_is_obeyed(clip, tmp_path, begin, length, count):
    data = bytearray(clip(sound=0).read_bytes())
    at = data.index(b"elst") + 12
    struct.pack_into(">I", data, at, length)
    struct.pack_into(">I", data, at + 4, struct.unpack_from(">I", data, at + 4)[0] + begin * TIMESCALE // 1000)
    trimmed = tmp_path / "trimmed.mp4"
    trimmed.write_bytes(data)
    result = normalise(trimmed, "video")
    pictures, instants = clip_of(result)
    assert len(pictures) == result.probe.frames == count
    assert instants[0] == 0 and result.frame_seconds[0] == 0
    first = 40 + 6 * begin // 100
    assert abs(int(decode_image(result.members["frm0.jpg"])[200, 300, 0]) - first) < 8


def test_wide_pixels_become_square(clip, ffmpeg):
    clip("plain.mp4")
    result = normalise(ffmpeg("-i", "plain.mp4", "-c", "copy", "-aspect", "16:9", "wide.mp4"), "video")
    assert (result.probe.width, result.probe.height) == (427, 240)
    assert (result.width, result.height) == (456, 256)


def test_variable_frame_rate_keeps_every_picture_at_its_instant(ffmpeg):
    slowing = "setpts=N*(1+N/10)*0.05/TB"
    encoding = ("-fps_mode", "passthrough", "-enc_time_base", "1:1000")
    source = ffmpeg(*STRIPES, "-vf", f"settb=1/1000,{slowing}", *encoding, "slowing.mp4")
    expected = [n * (1 + n / 10) * 0.05 for n in range(20)]
    result = normalise(source, "video")
    pictures, instants = clip_of(result)
    assert len(pictures) == 20
    assert instants == pytest.approx(expected, abs=0.002)
    assert result.frame_seconds == pytest.approx([expected[i] for i in result.frame_index], abs=0.002)


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv444p", "yuv422p10le"])
def test_deep_and_full_chroma_become_ordinary(ffmpeg, pixels):
    source = ffmpeg(*STRIPES, "-pix_fmt", pixels, "-c:v", "libx264", "deep.mp4")
    result = normalise(source, "video")
    with av.open(io.BytesIO(result.members["mp4"])) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
    assert decode_image(result.members["frm7.jpg"]).shape == (256, 342, 3)


def test_odd_sizes(ffmpeg):
    source = ffmpeg(*STRIPES, "-vf", "format=yuv444p,scale=333:241,setsar=1", "-c:v", "libx264", "odd.mp4")
    result = normalise(source, "video")
    assert (result.probe.width, result.probe.height) == (333, 241)
    assert (result.width, result.height) == (354, 256)


@pytest.mark.parametrize(("count", "index"), [(1, [0] * 8), (5, [0, 1, 1, 2, 2, 3, 3, 4])])
def test_few_pictures_repeat(clip, count, index):
    result = normalise(clip(frames=count, sound=0), "video")
    assert result.frame_index == index
    assert "flac" not in result.members and result.audio_seconds is None
    assert result.members["frm1.jpg"] == result.members["frm0.jpg" if count == 1 else "frm2.jpg"]
    assert len(clip_of(result)[0]) == count


def test_vp9_and_opus(clip):
    result = normalise(clip("clip.webm", codec="vp9", channels=2), "video")
    assert (result.probe.video_codec, result.probe.audio_codec, result.probe.channels) == ("vp9", "opus", 2)
    assert result.probe.frames == 20 and result.audio_seconds == pytest.approx(2, abs=0.05)
    pictures, _ = clip_of(result)
    assert red_corner(pictures[0]) == ("top", "left")


@pytest.mark.parametrize("sound", [0.7, 3.5])
def test_sound_of_another_length_is_kept_whole(clip, sound):
    result = normalise(clip(sound=sound), "video")
    assert result.audio_seconds == pytest.approx(sound, abs=0.15)
    assert len(clip_of(result)[0]) == 20
    assert result.probe.seconds == pytest.approx(max(sound, 2), abs=0.15)


def test_late_sound_starts_late(clip, ffmpeg):
    clip("plain.mp4", sound=1.0)
    inputs = ("-i", "plain.mp4", "-itsoffset", 0.5, "-i", "plain.mp4")
    source = ffmpeg(*inputs, "-map", "0:v", "-map", "1:a", "-c", "copy", "late.mkv")
    samples, rate = decode_audio(normalise(source, "video").members["flac"])
    assert np.abs(samples[: int(0.4 * rate)]).max() < 0.01
    assert np.abs(samples[int(0.7 * rate) : int(1.2 * rate)]).max() > 0.4


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
@pytest.mark.parametrize("kind", ["video", "audio"])
def test_every_layout_becomes_mono(ffmpeg, layout, kind):
    forms = ("-af", f"aformat=channel_layouts={layout}", "-c:a", "aac")
    source = ffmpeg(*STRIPES, *TONE, *forms, "-shortest", "sound.mp4")
    result = normalise(source, kind)
    samples, rate = decode_audio(result.members["flac"])
    assert rate == 16000
    assert len(samples) == pytest.approx(32000, abs=1600)
    strongest = np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples)
    assert strongest == pytest.approx(440, abs=3)
    assert set(result.members) == ({"flac"} if kind == "audio" else {"mp4", "flac", *FRAMES})


@pytest.mark.parametrize("name", ["tone.mp3", "tone.ogg", "tone.wav", "tone.flac", "tone.m4a"])
def test_sounds(ffmpeg, name):
    result = normalise(ffmpeg(*TONE, name), "audio")
    assert list(result.members) == ["flac"]
    assert (result.frame_index, result.frame_seconds, result.width, result.height) == ([], [], None, None)
    assert (result.probe.video_codec, result.probe.sample_rate, result.probe.channels) == (None, 44100, 1)
    assert result.audio_seconds == pytest.approx(2, abs=0.1)
    samples, _ = decode_audio(result.members["flac"])
    assert 0.05 < np.abs(samples).max() < 0.2


def test_cover_picture_is_no_video(clip, ffmpeg, refused):
    cover = ffmpeg(*STRIPES, "-frames:v", 1, "cover.jpg").name
    attach = ("-map", "0", "-map", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic")
    sound = ffmpeg(*TONE, "-i", cover, *attach, "covered.mp3")
    assert "no picture" in refused("NoVideo", normalise, sound, "video")
    assert normalise(sound, "audio").probe.video_codec is None
    clip("plain.mp4")
    first = ("-map", "1", "-map", "0", "-c", "copy", "-disposition:v:0", "attached_pic")
    both = ffmpeg("-i", "plain.mp4", "-i", cover, *first, "covered.mp4")
    result = normalise(both, "video")
    assert (result.probe.video_codec, result.probe.frames) == ("h264", 20)
    assert red_corner(decode_image(result.members["frm0.jpg"])) == ("top", "left")


def test_average_rate_is_measured(ffmpeg):
    source = ffmpeg("-f", "lavfi", "-i", "testsrc2=size=160x120:rate=30000/1001:duration=2", "ntsc.mp4")
    assert normalise(source, "video").probe.fps == pytest.approx(float(Fraction(30000, 1001)), abs=0.01)
