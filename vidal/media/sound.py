"""Mono FLAC to samples and back."""

from __future__ import annotations

import io

import numpy as np

from vidal.engine.errors import SampleError

FULL_SCALE = 32768
STREAMINFO = slice(18, 26)


def decode_audio(data: bytes) -> tuple[np.ndarray, int]:
    """Decode a FLAC member into (float32 [n] mono in -1..1, rate in Hz).

    SampleError `NotMedia`, `DecodeFailed`, or `Truncated` where samples are missing.
    """
    import av

    if len(data) < STREAMINFO.stop or not data.startswith(b"fLaC"):
        raise SampleError("NotMedia", f"{len(data)} bytes that are no FLAC sound")
    rate, stated = _streaminfo(data)
    try:
        with av.open(io.BytesIO(data), format="flac") as source:
            resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
            frames = [out.to_ndarray()[0] for frame in source.decode(audio=0) for out in resampler.resample(frame)]
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise SampleError("DecodeFailed", f"{len(data)} bytes of FLAC that do not decode: {error}") from None
    samples = np.concatenate(frames) if frames else np.zeros(0, np.float32)
    if len(samples) < stated:
        raise SampleError("Truncated", f"a FLAC sound of {stated} samples that ends after {len(samples)}")
    return samples, rate


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
    """Length of a FLAC member in seconds, as its header states it."""
    rate, samples = _streaminfo(data)
    return samples / rate


def _streaminfo(data: bytes) -> tuple[int, int]:
    """Rate in Hz (20 bits) and number of samples (36 bits) from a FLAC's STREAMINFO block (RFC 9639, section 8.2)."""
    info = int.from_bytes(data[STREAMINFO], "big")
    return info >> 44, info & (1 << 36) - 1
