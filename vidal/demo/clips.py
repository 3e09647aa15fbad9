"""The media files of the demo sites: real encodings of the scenes, and the planted damage."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import struct
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from vidal.demo.render import render
from vidal.demo.scene import Scene
from vidal.demo.sound import waveform
from vidal.demo.trouble import FALSE_HEADERS, Entry, catalogue
from vidal.media.write import audio_frames, write_clip

STAMP = "complete.sha256"
CLIP_RATE = 48000
HEADER_HOURS = 3
KEPT_OF_TRUNCATED = 0.6
EBML = b"\x1aE\xdf\xa3"
EBML_DURATION = b"\x44\x89\x88"
"""The segment's duration: an 8-byte float, in milliseconds at the usual timestamp scale."""
_SOUND_FORMATS = {".ogg": ("ogg", "libopus"), ".mp3": ("mp3", "libmp3lame")}

_HTML = b"<!DOCTYPE html><html><head><title>Please wait</title></head><body>This video is on its way.</body></html>\n"
_PLAYLIST = b"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXTINF:2.5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
_NOT_MEDIA = {"empty": b"", "html": _HTML, "playlist": _PLAYLIST}


def build_world(folder: str | Path, seed: int = 0, good: int = 37, workers: int | None = None) -> list[Entry]:
    """Write every file of the catalogue of `seed` into `folder` and return the catalogue.

    A folder completed for the same catalogue by the same code is left as it is. Each file appears whole or not at all,
    so an interrupted or concurrent call does no harm. `workers` processes (default: one per core) share the work.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    entries = catalogue(seed, good)
    stamp, mark = _stamp(entries), folder / STAMP
    if mark.exists() and mark.read_text() == stamp:
        return entries
    files = [(entry, name) for entry in sorted(entries, key=_cost, reverse=True) for name in file_names(entry)]
    workers = workers or os.cpu_count() or 1
    if workers == 1:
        for entry, name in files:
            _write_whole(entry, folder / name)
    else:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            wholes = [pool.submit(_write_whole, entry, folder / name) for entry, name in files]
            for whole in wholes:
                whole.result()
    mark.write_text(stamp)
    return entries


def file_names(entry: Entry) -> list[str]:
    """Names of the files an entry needs: a sound has an MP3 preview beside its Ogg one."""
    return [entry.filename, f"{entry.id}.mp3"] if entry.kind == "audio" else [entry.filename]


def write_entry(entry: Entry, path: Path) -> None:
    """Write the entry's media to `path`: bytes that depend on the entry and the codecs' versions only.

    A clip's codec is the entry's; a sound's format follows the suffix of `path` (`.ogg`: Opus, `.mp3`: MP3).
    """
    if entry.trouble in _NOT_MEDIA:
        path.write_bytes(_NOT_MEDIA[entry.trouble])
        return
    audio = waveform(entry.scene, CLIP_RATE)
    if entry.trouble == "silent":
        audio = np.zeros_like(audio)
    if entry.kind == "audio":
        write_sound(path, audio, CLIP_RATE)
        return
    frames = _frames(entry.scene, still=entry.trouble == "still")
    write_clip(path, frames, entry.scene.fps, audio, CLIP_RATE, entry.codec)
    if entry.trouble in FALSE_HEADERS:
        path.write_bytes(claim_duration(path.read_bytes(), HEADER_HOURS * 3600))
    if entry.trouble == "truncated":
        os.truncate(path, int(path.stat().st_size * KEPT_OF_TRUNCATED))


def write_sound(path: Path, audio: np.ndarray, rate: int) -> None:
    """Write mono float samples as Ogg Opus or MP3, by the suffix of `path`; the same bytes for the same samples."""
    import av

    container, encoder = _SOUND_FORMATS[path.suffix]
    with av.open(path, "w", format=container, options={"fflags": "+bitexact"}) as out:
        stream = out.add_stream(encoder, rate=rate, layout="mono")
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        for frame in audio_frames(audio, rate):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def claim_duration(clip: bytes, seconds: int) -> bytes:
    """The mp4 or webm with every duration its headers state replaced by `seconds`; its packets stay as they are."""
    data = bytearray(clip)
    if data.startswith(EBML):
        struct.pack_into(">d", data, data.index(EBML_DURATION) + len(EBML_DURATION), seconds * 1000.0)
        return bytes(data)
    movie_scale = _timescale(data, data.index(b"mvhd"))
    for kind, duration_at in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):
        at = data.find(kind)
        while at >= 0:
            scale = movie_scale if kind == b"tkhd" else _timescale(data, at)
            struct.pack_into(">I", data, at + duration_at, scale * seconds)
            at = data.find(kind, at + 4)
    return bytes(data)


def _timescale(data: bytearray, header: int) -> int:
    """Units per second of the version 0 `mvhd` or `mdhd` box whose name stands at `header`."""
    return struct.unpack_from(">I", data, header + 16)[0]


def _frames(scene: Scene, still: bool) -> Iterator[np.ndarray]:
    for number in range(scene.frames):
        yield render(scene, 0.0 if still else min(number / scene.fps, scene.seconds)).rgb


def _write_whole(entry: Entry, path: Path) -> None:
    part = path.with_name(f"{os.getpid()}.{path.name}")
    write_entry(entry, part)
    os.replace(part, path)


def _stamp(entries: list[Entry]) -> str:
    """A hash of the catalogue, of the code that draws, sounds and encodes it, and of the codecs' version."""
    import av

    import vidal.demo
    import vidal.media.write

    digest = hashlib.sha256(f"{av.__version__}\n{entries}".encode())
    for source in sorted([*Path(vidal.demo.__file__).parent.glob("*.py"), Path(vidal.media.write.__file__)]):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _cost(entry: Entry) -> int:
    return entry.scene.frames * entry.scene.width * entry.scene.height * (entry.kind == "video")
