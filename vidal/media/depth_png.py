"""Depth as lossless 16-bit grey PNG, small and fast: every row filtered by the row above, then zlib.

Of the filters of PNG, the difference from the row above suits depth best, since the high byte of most pixels is that of
the pixel above. `bench/depth_png.py` compares filters, levels and strategies.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from vidal.media.images import MAX_PIXELS, open_image

_LEVEL = 4
_UP = 2
"""The filter type `Up` (PNG specification, section 9.2)."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _DEPTH = 0, 16


def encode_depth(depth: np.ndarray) -> bytes:
    """Encode uint16 [H, W], at least one pixel, as a lossless 16-bit grey PNG."""
    if depth.dtype != np.uint16 or depth.ndim != 2 or not depth.size:
        raise ValueError(f"depth is uint16 [H, W], not {depth.dtype} {list(depth.shape)}")
    height, width = depth.shape
    header = struct.pack(">IIBBBBB", width, height, _DEPTH, _GREY, 0, 0, 0)
    pixels = zlib.compress(_filtered(depth), _LEVEL)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def decode_depth(data: bytes) -> np.ndarray:
    """Decode a 16-bit grey PNG into uint16 [H, W]; SampleError `NotMedia`, `TooManyPixels` or `DecodeFailed`."""
    return np.asarray(open_image(data, ("PNG",), MAX_PIXELS, "I;16")).astype(np.uint16)


def _filtered(depth: np.ndarray) -> bytes:
    """The rows, high byte first, each as its type of filter and its difference from the row above."""
    rows = depth.astype(">u2").view(np.uint8)
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered.tobytes()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
