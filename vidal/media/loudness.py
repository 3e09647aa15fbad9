"""Loudness by EBU R128, through ffmpeg's own meter."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

SILENT = -70.0
"""The absolute gate in LUFS (ITU-R BS.1770-4, annex 1): what has no block above it has no loudness."""


def loudness(wave: np.ndarray, rate: int) -> float | None:
    """The integrated loudness in LUFS of a mono float wave at `rate` Hz, as one channel: a sound in both channels of a
    stereo file is 3 LU louder. None for what is shorter than a block of 400 ms, or silent throughout."""
    if not len(wave):
        return None
    import av

    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono", time_base=Fraction(1, rate))
    meter, sink = graph.add("ebur128", "metadata=1:framelog=quiet"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave, np.float32)[None], format="flt", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    graph.push(frame)
    graph.push(None)
    integrated = None
    while True:
        try:
            integrated = graph.pull().metadata.get("lavfi.r128.I", integrated)
        except (av.error.BlockingIOError, av.error.EOFError):
            break
    found = float("nan") if integrated is None else float(integrated)
    return found if found > SILENT else None
