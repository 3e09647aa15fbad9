"""What a media file is, measured rather than believed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from vidal.engine.errors import SampleError
from vidal.media.facts import Probe, Survey
from vidal.media.limits import MediaLimits
from vidal.media.sandbox import ask


def probe(path: str | Path, limits: MediaLimits | None = None) -> Probe:
    """Measure a media file; SampleError as `survey`."""
    return survey(Path(path), limits or MediaLimits()).probe


def survey(path: Path, limits: MediaLimits) -> Survey:
    """Read every packet of a media file once, and decode its first picture for its true size and rotation, in a process
    of the sandbox; size and hash are taken here.

    SampleError `NotMedia`, `TooLarge`, `TooLong`, `TooManyPixels`, `TooManyPictures`, `TooManyTracks`, `CodecRefused`,
    `SoundRefused`, `Truncated`, `DecodeFailed` or `DecodeTimeout`.
    """
    if not path.is_file():
        raise SampleError("NotMedia", "no regular file")
    size = path.stat().st_size
    if size > limits.max_bytes:
        raise SampleError("TooLarge", f"a file of {size:,} bytes; the limit is {limits.max_bytes:,}")
    found = ask("survey", path, limits)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return replace(found, probe=replace(found.probe, bytes=size, sha256=digest))
