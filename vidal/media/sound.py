"""Mono FLAC to samples and back."""

from __future__ import annotations

import io

import numpy as np

from vidal.engine.errors import SampleError

FULL_SCALE = 32768


def decode_audio(data: bytes) -> tuple[np.ndarray, int]:
    """Decode a FLAC member into (float32 [n] mono in -1..1, rate in Hz); SampleError `DecodeFailed`."""
    import av

    try:
        with av.open(io.BytesIO(data), format="flac") as source:
            rate = source.streams.audio[0].rate
            resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
            frames = [out.to_ndarray()[0] for frame in source.decode(audio=0) for out in resampler.resample(frame)]
    except (av.FFmpegError, IndexError) as error:
        raise SampleError("DecodeFailed", f"{len(data)} bytes that are no FLAC sound: {error}") from None
    return np.concatenate(frames) if frames else np.zeros(0, np.float32), rate


def encode_flac(samples: np.ndarray, rate: int) -> bytes:
    """Encode float [n] mono in -1..1 as 16-bit FLAC; what is beyond full scale is clipped."""
    import av

    pcm = np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="flac", options={"fflags": "+bitexact"}) as out:
        stream = out.add_stream("flac", rate=rate, layout="mono", format="s16")
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate = rate
        if len(pcm):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def flac_seconds(data: bytes) -> float:
    """Length of a FLAC stream, as its STREAMINFO block states it (rate in 20 bits, total samples in 36)."""
    info = int.from_bytes(data[18:26], "big")
    return (info & (1 << 36) - 1) / (info >> 44)
