"""Pictures: JPEG written, and read with their limits."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from vidal.engine.errors import SampleError

MAX_PIXELS = 3840 * 2160


def encode_jpeg(rgb: np.ndarray, quality: int = 90) -> bytes:
    """Encode uint8 [H, W, 3] RGB as JPEG."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=quality)
    return out.getvalue()


def with_short_side(data: bytes, side: int) -> bytes:
    """A picture as JPEG whose shorter side has `side` pixels (bicubic); the bytes as they are where it has already.

    Errors as `decode_image`.
    """
    from PIL import Image

    picture = Image.fromarray(decode_image(data))
    short = min(picture.size)
    if short == side:
        return data
    size = [max(side, round(length * side / short)) for length in picture.size]
    return encode_jpeg(np.asarray(picture.resize(size, Image.Resampling.BICUBIC)))


def decode_image(data: bytes, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decode a JPEG, PNG or WebP into uint8 [H, W, 3] RGB.

    SampleError `NotMedia`, `TooManyPixels` or `DecodeFailed`.
    """
    return np.asarray(open_image(data, ("JPEG", "PNG", "WEBP"), max_pixels, "RGB"))


def open_image(data: bytes, formats: tuple[str, ...], max_pixels: int, mode: str) -> Any:
    """A picture in one of `formats`, decoded whole, as a Pillow image of `mode`; errors as `decode_image`."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=formats) as picture:
            if picture.width * picture.height > max_pixels:
                raise SampleError("TooManyPixels", f"a picture of {picture.width}x{picture.height} pixels")
            if mode == "I;16" and picture.mode != mode:
                raise SampleError("DecodeFailed", f"a depth map in mode {picture.mode} instead of 16-bit grey")
            if mode == "RGB" and picture.mode[0] in "IF":
                raise SampleError(
                    "DecodeFailed", f"a picture in mode {picture.mode}, whose values are no 8-bit colours"
                )
            picture.load()
            return picture if picture.mode == mode else picture.convert(mode)
    except UnidentifiedImageError:
        raise SampleError("NotMedia", f"{len(data)} bytes that are no {' or '.join(formats)} picture") from None
    except Image.DecompressionBombError as error:
        raise SampleError("TooManyPixels", str(error)) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise SampleError("DecodeFailed", f"a picture that does not decode: {error}") from None
