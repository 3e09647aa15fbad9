"""Frames of a clip that lies in memory."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from vidal.engine.errors import SampleError
from vidal.media.limits import MediaLimits
from vidal.media.source import source_options


def decode_frames(data: bytes, choose: Callable[[int], np.ndarray], limits: MediaLimits | None = None) -> np.ndarray:
    """Frames of an mp4 as uint8 [n, H, W, 3] RGB: those that `choose` names of so many, by number, in order.

    SampleError `NotMedia`, `NoVideo`, `TooLong` for more pictures than the limits allow, or `DecodeFailed`, also where
    fewer pictures decode than are needed.
    """
    import av

    limits = limits or MediaLimits()
    try:
        with av.open(io.BytesIO(data), format="mp4", options=source_options(limits)) as container:
            return _frames(container, choose, limits)
    except (av.FFmpegError, ValueError) as error:
        raise SampleError("DecodeFailed", f"{len(data)} bytes of mp4 that do not decode: {error}") from None


def _frames(container: object, choose: Callable[[int], np.ndarray], limits: MediaLimits) -> np.ndarray:
    tracks = container.streams.video
    if not tracks:
        raise SampleError("NoVideo", "an mp4 without a picture")
    tracks[0].thread_count = 1
    total = tracks[0].frames
    if not 0 < total <= limits.max_fps * limits.max_seconds:
        raise SampleError("TooLong", f"an mp4 of {total} pictures")
    wanted = choose(total)
    last, found = int(wanted.max()), {}
    for number, frame in enumerate(container.decode(tracks[0])):
        if number in wanted:
            found[number] = frame.to_ndarray(format="rgb24")
        if number == last:
            return np.stack([found[number] for number in wanted])
    raise SampleError("DecodeFailed", f"an mp4 of {total} pictures that ends before number {last}")
