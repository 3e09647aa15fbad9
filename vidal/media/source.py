"""Open an untrusted file: one local file, of a known container and known codecs, or a named refusal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vidal.engine.errors import SampleError
from vidal.media.codecs import DECODERS
from vidal.media.limits import MediaLimits

if TYPE_CHECKING:
    from av.container import InputContainer

# Demuxers that read one self-contained file: no playlists, image sequences, devices or scripts.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpegts,mpeg,ogg,wav,aiff,flac,mp3,aac"
PROTOCOLS = "file"
INDEXED = {(4, b"ftyp"): "an mp4 without its index (moov)", (0, b"\x1aE\xdf\xa3"): "a Matroska file without its tracks"}
HTML = (b"<!doctype html", b"<html", b"<head", b"<body")
PLAYLIST = (b"#extm3u", b"ffconcat", b"file ")


def source_options(limits: MediaLimits) -> dict[str, str]:
    """libavformat options that hold it to one local file of an allowed format, to listed decoders, to one track
    more than `max_tracks`, and its decoders to `max_pixels`."""
    return {
        "protocol_whitelist": PROTOCOLS,
        "format_whitelist": FORMATS,
        "codec_whitelist": DECODERS,
        "max_streams": str(limits.max_tracks + 1),
        "max_pixels": str(limits.max_pixels),
    }


def source_url(path: Path) -> str:
    """`path` as a URL that no other protocol can claim, whatever characters its name holds."""
    return f"file:{path.absolute()}"


def open_source(path: Path, limits: MediaLimits) -> InputContainer:
    """Open a file for reading.

    SampleError `NotMedia`, `TooManyTracks`, or `Truncated` where the index is missing; MemoryError where libavformat
    cannot hold it.
    """
    import av

    try:
        container = av.open(source_url(path), options=source_options(limits), metadata_errors="replace")
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError):
        with path.open("rb") as file:
            raise refusal(file.read(512)) from None
    if len(container.streams) > limits.max_tracks:
        container.close()
        raise too_many_tracks(limits)
    return container


def too_many_tracks(limits: MediaLimits) -> SampleError:
    """The error for more tracks than a clip has."""
    return SampleError("TooManyTracks", f"more than {limits.max_tracks} tracks")


def refusal(head: bytes) -> SampleError:
    """The error for a file that no allowed demuxer opens, named by its first bytes."""
    for (offset, magic), found in INDEXED.items():
        if head[offset : offset + 4] == magic:
            return SampleError("Truncated", found)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return SampleError("NotMedia", "an empty file")
    if text.startswith(HTML):
        return SampleError("NotMedia", "an HTML page")
    if text.startswith(PLAYLIST):
        return SampleError("NotMedia", "a playlist")
    return SampleError("NotMedia", f"no known media container (starts with {head[:8]!r})")
