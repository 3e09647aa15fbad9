"""Pictures and depth maps: they return as they went, and hostile bytes are named."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vidal.media.depth_png import decode_depth, encode_depth
from vidal.media.images import decode_image, encode_jpeg


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_depth_is_lossless(height, width, seed):
    mm = np.random.default_rng(seed).integers(0, 65536, (height, width), dtype=np.uint16)
    data = encode_depth(mm)
    returned = decode_depth(data)
    assert returned.dtype == np.uint16
    assert np.array_equal(returned, mm)
    assert encode_depth(mm) == data


def test_depth_png_is_16_bit_grey():
    header = encode_depth(np.zeros((4, 6), np.uint16))[16:26]
    assert struct.unpack(">IIBB", header) == (6, 4, 16, 0)


def test_depth_of_another_type_is_refused():
    with pytest.raises(ValueError, match="float32"):
        encode_depth(np.zeros((4, 4), np.float32))


def test_jpeg_returns_near_and_repeats():
    y, x = np.mgrid[:64, :96]
    rgb = np.stack([x * 2, y * 3, x + y], axis=-1).astype(np.uint8)
    returned = decode_image(encode_jpeg(rgb, 95))
    assert returned.shape == rgb.shape and returned.dtype == np.uint8
    assert np.abs(returned.astype(int) - rgb).mean() < 3
    assert encode_jpeg(rgb, 95) == encode_jpeg(rgb, 95)
    assert len(encode_jpeg(rgb, 30)) < len(encode_jpeg(rgb, 95))


def test_transparent_and_grey_pictures_become_rgb():
    for mode in ("RGBA", "L", "P"):
        out = io.BytesIO()
        Image.new(mode, (8, 6)).save(out, "PNG")
        assert decode_image(out.getvalue()).shape == (6, 8, 3)


def test_hostile_pictures_are_named(refused):
    jpeg = encode_jpeg(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    refused("NotMedia", decode_image, b"")
    refused("NotMedia", decode_image, b"<html></html>")
    refused("DecodeFailed", decode_image, jpeg[: len(jpeg) // 2])
    refused("TooManyPixels", decode_image, jpeg, 63 * 64)
    refused("TooManyPixels", decode_image, declared_png(60000, 60000))
    refused("DecodeFailed", decode_depth, png_of("RGB"))
    refused("NotMedia", decode_depth, jpeg)


def test_formats_beyond_the_allowed_are_refused(refused):
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "TIFF")
    refused("NotMedia", decode_image, out.getvalue())


def png_of(mode: str) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (8, 8)).save(out, "PNG")
    return out.getvalue()


def declared_png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that declares a huge picture."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0" * 100))]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
