"""Pictures and sound of real files put together, and what is refused."""

from __future__ import annotations

import subprocess

import pytest

from vidal.engine.errors import SampleError
from vidal.media.ffmpeg import ffmpeg_binary
from vidal.media.limits import MediaLimits, MediaSettings
from vidal.media.mux import mux
from vidal.media.normalise import normalise
from vidal.media.probe import survey

LIMIT = 10_000_000
LIMITS = MediaLimits()
PICTURES = {
    "h264.mp4": ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
    "h264-dash.mp4": ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "+dash"),
    "h264.ts": ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
}
SOUNDS = {
    "aac.m4a": ("-c:a", "aac"),
    "aac-dash.m4a": ("-c:a", "aac", "-movflags", "+dash"),
    "opus.webm": ("-c:a", "libopus"),
    "aac.ts": ("-c:a", "aac"),
}


def _made(target, *arguments):
    subprocess.run([ffmpeg_binary(), "-loglevel", "error", "-y", *arguments, str(target)], check=True)
    return target


@pytest.fixture(scope="session")
def apart(tmp_path_factory):
    """Files of three seconds of pictures or of sound, as sites serve them apart."""
    folder = tmp_path_factory.mktemp("apart")
    for name, coding in PICTURES.items():
        _made(folder / name, "-f", "lavfi", "-i", "testsrc2=s=320x240:r=24", "-t", "3", *coding)
    for name, coding in SOUNDS.items():
        _made(folder / name, "-f", "lavfi", "-i", "sine=f=220:r=44100", "-t", "3", *coding)
    return folder


def _packets(path, kind):
    """The packets of the track of a kind: instants in seconds, and what they hold."""
    import av

    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        return [(float(p.pts * p.time_base), bytes(p)) for p in container.demux(stream) if p.pts is not None]


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("pictures", PICTURES)
def test_both_tracks_are_there_as_they_were(apart, tmp_path, pictures, sound):
    path = mux(apart / pictures, apart / sound, tmp_path / "both", LIMIT)
    alone = survey(apart / pictures, LIMITS).probe, survey(apart / sound, LIMITS).probe
    both = survey(path, LIMITS).probe
    assert both.container == "matroska,webm"
    assert (both.video_codec, both.audio_codec) == (alone[0].video_codec, alone[1].audio_codec)
    assert (both.width, both.height, both.frames) == (320, 240, alone[0].frames)
    assert both.fps == pytest.approx(alone[0].fps, rel=0.001)
    assert both.seconds == pytest.approx(max(alone[0].seconds, alone[1].seconds), abs=0.1)
    assert (both.sample_rate, both.channels) == (alone[1].sample_rate, alone[1].channels)


@pytest.mark.parametrize(("pictures", "sound"), [("h264.mp4", "aac.m4a"), ("vp9.webm", "opus.webm")])
def test_nothing_is_encoded(apart, tmp_path, pictures, sound):
    path = mux(apart / pictures, apart / sound, tmp_path / "both", LIMIT)
    for kind, source in (("video", pictures), ("audio", sound)):
        assert [data for _, data in _packets(path, kind)] == [data for _, data in _packets(apart / source, kind)]


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_pictures_and_sound_keep_their_places(apart, tmp_path, shift):
    """A sound that begins after the pictures still does."""
    late = _made(tmp_path / "late.webm", "-i", str(apart / "opus.webm"), "-c", "copy", "-output_ts_offset", str(shift))
    path = mux(apart / "h264.mp4", late, tmp_path / "both", LIMIT)
    first = {kind: min(instant for instant, _ in _packets(path, kind)) for kind in ("video", "audio")}
    assert first["audio"] - first["video"] == pytest.approx(shift, abs=0.03)


def test_what_is_put_together_is_normalised_as_any_clip(apart, tmp_path):
    path = mux(apart / "vp9.webm", apart / "aac.m4a", tmp_path / "both", LIMIT)
    done = normalise(path, "video", MediaSettings(short_side=64), LIMITS)
    assert done.members["mp4"] and done.members["flac"]
    assert done.audio_seconds == pytest.approx(3, abs=0.1)


def test_the_same_files_give_the_same_bytes(apart, tmp_path):
    first, second = (mux(apart / "h264.mp4", apart / "aac.m4a", tmp_path / name, LIMIT) for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()


def test_other_tracks_are_left_behind(apart, tmp_path):
    whole = _made(
        tmp_path / "whole.mp4", "-i", str(apart / "h264.mp4"), "-i", str(apart / "aac.m4a"), "-c", "copy",
        "-metadata", "title=a title", "-metadata", "comment=by somebody",
    )  # fmt: skip
    path = mux(whole, apart / "opus.webm", tmp_path / "both", LIMIT)
    probe = survey(path, LIMITS).probe
    assert (probe.video_codec, probe.audio_codec) == ("h264", "opus")
    assert b"a title" not in path.read_bytes() and b"by somebody" not in path.read_bytes()


@pytest.mark.parametrize("cut", ["pictures", "sound"])
def test_what_is_cut_short_is_not_made_to_look_whole(apart, tmp_path, cut):
    files = {"pictures": apart / "h264.mp4", "sound": apart / "aac.m4a"}
    data = _made(tmp_path / "fast.mp4", "-i", str(files[cut]), "-c", "copy", "-movflags", "+faststart").read_bytes()
    files[cut] = tmp_path / "short"
    files[cut].write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(SampleError) as caught:
        mux(files["pictures"], files["sound"], tmp_path / "both", LIMIT)
    assert caught.value.error_class == "Truncated"
    assert not (tmp_path / "both").exists()


@pytest.mark.parametrize(
    ("pictures", "sound", "error_class"),
    [
        ("h264.mp4", "h264.mp4", "NotMedia"),
        ("aac.m4a", "aac.m4a", "NotMedia"),
        ("page", "aac.m4a", "NotMedia"),
        ("h264.mp4", "list", "NotMedia"),
        ("h264.mp4", "none", "NotMedia"),
    ],
)
def test_what_is_not_what_it_is_said_to_be(apart, tmp_path, pictures, sound, error_class):
    (tmp_path / "page").write_bytes(b"<html>no such clip</html>")
    (tmp_path / "list").write_text(f"#EXTM3U\n#EXTINF:3,\n{apart / 'aac.m4a'}\n#EXT-X-ENDLIST\n")
    found = [apart / name if (apart / name).exists() else tmp_path / name for name in (pictures, sound)]
    with pytest.raises(SampleError) as caught:
        mux(*found, tmp_path / "both", LIMIT)
    assert caught.value.error_class == error_class


def test_each_file_has_a_limit(apart, tmp_path):
    size = max((apart / name).stat().st_size for name in ("h264.mp4", "aac.m4a"))
    with pytest.raises(SampleError) as caught:
        mux(apart / "h264.mp4", apart / "aac.m4a", tmp_path / "both", size - 1)
    assert caught.value.error_class == "TooLarge"
    assert mux(apart / "h264.mp4", apart / "aac.m4a", tmp_path / "both", size).exists()
