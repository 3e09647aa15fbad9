"""One decode of a source into everything later steps read: clip, keyframes, sound, facts."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vidal.engine.errors import SampleError
from vidal.media.facts import Probe, Survey
from vidal.media.ffmpeg import ffmpeg_binary, run_ffmpeg
from vidal.media.images import encode_jpeg
from vidal.media.limits import Keyframes, MediaLimits, MediaSettings
from vidal.media.probe import survey
from vidal.media.sandbox import ask
from vidal.media.sound import flac_seconds
from vidal.media.source import source_options, source_url

Kind = Literal["video", "audio"]

CLOCK_HZ = 90_000
MAX_ASPECT = 16
LEAST_DECODED = 0.9
AAC_FORMATS = {"sample_rates": "48000|44100|32000|24000|22050|16000|12000|11025|8000", "channel_layouts": "mono|stereo"}
REPEATABLE = {"fflags": "+bitexact", "flags": "+bitexact", "map_metadata": -1, "map_chapters": -1}


@dataclass(frozen=True)
class Normalised:
    """What `normalise` makes of a source.

    `members`: `mp4`, `frm0.jpg` …, and `flac` where the source has sound; `flac` alone for a sound. `probe` is of the
    source. `frame_index` and `frame_seconds` place each keyframe among the pictures, and in seconds from the start of
    the source. `width` and `height` are the normalised picture's, None for a sound; `audio_seconds` the FLAC's length,
    None without one.
    """

    members: dict[str, bytes]
    probe: Probe
    frame_index: list[int]
    frame_seconds: list[float]
    width: int | None
    height: int | None
    audio_seconds: float | None


def normalise(
    source: Path, kind: Kind, settings: MediaSettings | None = None, limits: MediaLimits | None = None
) -> Normalised:
    """Decode `source` once into the members of a `video` or an `audio` sample; the bytes depend on the source, the
    settings and the versions of the libraries only.

    SampleError `NoVideo`, `NoAudio`, or as `survey`.
    """
    settings, limits = settings or MediaSettings(), limits or MediaLimits()
    found = survey(Path(source), limits)
    if kind == "audio":
        return _normalise_audio(Path(source), found, settings, limits)
    if found.video_index is None:
        raise SampleError("NoVideo", f"{found.probe.container} with {found.probe.audio_codec} sound and no picture")
    return _normalise_video(Path(source), found, settings, limits)


def keyframe_indices(count: int, frames: int, mode: Keyframes) -> list[int]:
    """Which of `count` pictures (at least 1) become keyframes; indices repeat where there are fewer than `frames`."""
    if mode == "left-edge":
        return [min(i * max(count // frames, 1), count - 1) for i in range(frames)]
    return np.linspace(0, count - 1, frames).round().astype(int).tolist()


def picture_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Normalised width and height: the short side as given, the long side in proportion, rounded to an even number."""
    long_side = 2 * round(short_side * max(width, height) / min(width, height) / 2)
    return (short_side, long_side) if width < height else (long_side, short_side)


def _normalise_audio(source: Path, found: Survey, settings: MediaSettings, limits: MediaLimits) -> Normalised:
    if found.audio_index is None:
        raise SampleError("NoAudio", f"{found.probe.container} with {found.probe.video_codec} pictures and no sound")
    with tempfile.TemporaryDirectory(prefix="vidal-") as folder:
        target = Path(folder, "flac")
        _run([_flac_output(_sound(_open(source, limits), found), target, settings)], limits)
        flac = target.read_bytes()
    return Normalised({"flac": flac}, found.probe, [], [], None, None, _sound_seconds(flac, found))


def _normalise_video(source: Path, found: Survey, settings: MediaSettings, limits: MediaLimits) -> Normalised:
    probe = found.probe
    if max(probe.width, probe.height) > MAX_ASPECT * min(probe.width, probe.height):
        raise SampleError("TooManyPixels", f"a picture of {probe.width}x{probe.height} is longer than {MAX_ASPECT}:1")
    size = picture_size(probe.width, probe.height, settings.short_side)
    count = len(found.instants)
    with tempfile.TemporaryDirectory(prefix="vidal-") as folder:
        targets = {name: Path(folder, name) for name in ("mp4", "frames", "flac")}
        index = keyframe_indices(count, settings.frames, settings.keyframes)
        _run(_video_outputs(source, found, size, index, targets, settings, limits), limits)
        decoded = ask("pictures", targets["mp4"], limits)
        if decoded < LEAST_DECODED * count:
            raise SampleError("DecodeFailed", f"{decoded} of {count} pictures decode")
        if decoded != count:
            index = keyframe_indices(decoded, settings.frames, settings.keyframes)
            _run(_video_outputs(source, found, size, index, targets, settings, limits), limits)
        members = {"mp4": targets["mp4"].read_bytes(), **_keyframes(targets["frames"], size, index, settings)}
        if found.audio_index is not None:
            members["flac"] = targets["flac"].read_bytes()
    instants = found.instants
    return Normalised(
        members=members,
        probe=replace(probe, frames=decoded),
        frame_index=index,
        frame_seconds=[instants[min(i, len(instants) - 1)] for i in index],
        width=size[0],
        height=size[1],
        audio_seconds=_sound_seconds(members["flac"], found) if "flac" in members else None,
    )


def _open(source: Path, limits: MediaLimits) -> Any:
    import ffmpeg

    return ffmpeg.input(source_url(source), threads=1, **source_options(limits))


def _run(outputs: list[Any], limits: MediaLimits) -> None:
    import ffmpeg

    options = ["-nostdin", "-hide_banner", "-loglevel", "error", "-filter_complex_threads", "1"]
    options += ["-abort_on", "empty_output"]
    command = ffmpeg.merge_outputs(*outputs).global_args(*options)
    run_ffmpeg(command.compile(cmd=ffmpeg_binary(), overwrite_output=True), limits.timeout_s)


def _video_outputs(
    source: Path,
    found: Survey,
    size: tuple[int, int],
    index: list[int],
    targets: dict[str, Path],
    settings: MediaSettings,
    limits: MediaLimits,
) -> list[Any]:
    """The clip, its keyframes as raw RGB, and its sound, all fed by one decoder per track."""
    import ffmpeg

    reader = _open(source, limits)
    picture = (
        reader[str(found.video_index)]
        .filter("scale", *size, flags="bicubic", out_range="tv")
        .filter("format", "yuv420p")
        .filter("setsar", 1)
        .filter("settb", f"1/{CLOCK_HZ}")
        .filter_multi_output("split")
    )
    wanted = "+".join(f"eq(n,{i})" for i in sorted(set(index)))
    keyframes = picture[1].filter("select", wanted).filter("format", "rgb24")
    streams, outputs = [picture[0]], []
    if found.audio_index is not None:
        sound = _sound(reader, found).filter_multi_output("asplit")
        streams.append(sound[0])
        outputs.append(_flac_output(sound[1], targets["flac"], settings))
    clip = ffmpeg.output(
        *streams,
        str(targets["mp4"]),
        f="mp4",
        vcodec="libx264",
        threads=1,
        preset=settings.preset,
        crf=settings.crf,
        acodec="aac",
        movflags="+faststart",
        fps_mode="passthrough",
        enc_time_base="filter",
        video_track_timescale=CLOCK_HZ,
        **REPEATABLE,
    )
    raw = ffmpeg.output(keyframes, str(targets["frames"]), f="rawvideo", fps_mode="passthrough")
    return [clip, raw, *outputs]


def _sound(reader: Any, found: Survey) -> Any:
    """The source's sound on the source's clock (late starts and gaps become silence), as AAC can hold it."""
    sound = reader[str(found.audio_index)].filter("aresample", first_pts=0, **{"async": 1})
    return sound.filter("aformat", **AAC_FORMATS)


def _flac_output(sound: Any, target: Path, settings: MediaSettings) -> Any:
    import ffmpeg

    # The conversion is a filter of this branch: as an output option it would be moved before the split, into the clip.
    mono = sound.filter("aresample", settings.sample_rate).filter(
        "aformat", sample_rates=settings.sample_rate, channel_layouts="mono", sample_fmts="s16"
    )
    return ffmpeg.output(mono, str(target), f="flac", acodec="flac", **REPEATABLE)


def _sound_seconds(flac: bytes, found: Survey) -> float:
    seconds = flac_seconds(flac)
    if not seconds:
        raise SampleError("DecodeFailed", f"no sample of the {found.probe.audio_codec} sound decodes")
    return seconds


def _keyframes(path: Path, size: tuple[int, int], index: list[int], settings: MediaSettings) -> dict[str, bytes]:
    """Each wanted picture as JPEG under its member name; a picture wanted twice is encoded once."""
    wanted = sorted(set(index))
    pixels = np.frombuffer(path.read_bytes(), np.uint8).reshape(len(wanted), size[1], size[0], 3)
    jpegs = {i: encode_jpeg(picture, settings.jpeg_quality) for i, picture in zip(wanted, pixels, strict=True)}
    return {f"frm{place}.jpg": jpegs[i] for place, i in enumerate(index)}
