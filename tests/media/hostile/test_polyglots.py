"""Files that are two things at once, media inside other things, and other things under the names of media."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib

import pytest


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("clip.mp4", data)
    return out.getvalue()


def png(width: int, height: int) -> bytes:
    """A black PNG whose rows are there, packed."""
    facts = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 15) // 8 * height))
    chunks = ((b"IHDR", facts), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300") + bytes([1] * 64) + b"\xff\xd9"
GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\0\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/URI/URI(http://127.0.0.1/)>>>>endobj\ntrailer<</Root 1 0 R>>\n"
FRONTS = {
    "zip": zipped(b"nothing"),
    "pdf": PDF,
    "html": b"<!DOCTYPE html><script>1</script>\n",
    "jpeg": JPEG,
    "gif": GIF,
    "png": png(8, 8),
    "playlist": b"#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n",
    "concat": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "program": b"\x7fELF\2\1\1" + bytes(57),
    "script": b"#!/bin/sh\nexit 0\n",
    "tag": b"ID3\4\0\0\0\0\0\x0a" + bytes(10),
    "zeros": bytes(4096),
}


@pytest.mark.parametrize("media", ["mp4", "webm"])
@pytest.mark.parametrize("front", FRONTS)
def test_something_else_in_front(outcome, made, front, media):
    assert outcome(FRONTS[front] + bytes(made(media)), f"a.{media}") in {"ok", "NotMedia", "Truncated", "DecodeFailed"}


@pytest.mark.parametrize("back", FRONTS)
def test_something_else_behind(outcome, made, back):
    assert outcome(bytes(made("mp4")) + FRONTS[back]) == "ok"


def test_something_else_inside(outcome, made):
    data = bytes(made("mp4"))
    hidden = FRONTS["html"] + FRONTS["pdf"] + FRONTS["zip"]
    box = (8 + len(hidden)).to_bytes(4, "big") + b"free" + hidden
    assert outcome(data + box) == "ok"


@pytest.mark.parametrize("pack", [zipped, gzip.compress, zlib.compress, lambda data: b"RIFF\0\0\0\0WEBP" + data])
def test_media_packed_away(outcome, made, pack):
    assert outcome(pack(bytes(made("mp4")))) == "NotMedia"


def test_media_in_media(outcome, made):
    inner = bytes(made("mp4"))
    matroska = made("mkv")
    at = matroska.index(b"\x1fC\xb6u")
    void = b"\xec" + (len(inner) | 1 << 56).to_bytes(8, "big") + inner
    assert outcome(bytes(matroska[:at]) + void + bytes(matroska[at:]), "a.mkv") in {"ok", "Truncated"}
    riff = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    wav = riff + b"data" + len(inner).to_bytes(4, "little") + inner
    assert outcome(wav, "a.wav", "audio") == "ok"
    for two in (inner + bytes(made("webm")), bytes(made("webm")) + inner, bytes(made("flac")) + inner):
        assert outcome(two) in {"ok", "NoVideo", "Truncated", "NotMedia", "DecodeFailed"}


OTHERS = {
    "picture": png(64, 64),
    "huge picture": png(60_000, 60_000 // 8),
    "jpeg": JPEG,
    "gif": GIF,
    "webp": b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0" + bytes(24),
    "bmp": b"BM"
    + struct.pack("<IIIIiiHHIIiiII", 1 << 20, 0, 54, 40, 16384, 16384, 1, 24, 0, 0, 0, 0, 0, 0)
    + bytes(1000),
    "icon": b"\0\0\1\0\1\0\0\0\0\0\1\0 \0" + bytes(1000),
    "dds": b"DDS |\0\0\0" + bytes(200),
    "exr": b"\x76\x2f\x31\x01\2\0\0\0" + bytes(200),
    "psd": b"8BPS\0\1" + bytes(200),
    "tiff": b"II*\0\x08\0\0\0" + bytes(200),
    "y4m": b"YUV4MPEG2 W16384 H16384 F25:1\nFRAME\n" + bytes(5000),
    "pgm": b"P5 16384 16384 255\n" + bytes(5000),
    "xbm": b"#define x_width 16384\n#define x_height 16384\nstatic char x_bits[] = {0x00};\n",
    "subtitles": b"1\n00:00:00,000 --> 00:00:01,000\nhello\n",
    "midi": b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk" + bytes(100),
    "module": b"Extended Module: " + bytes(1000),
    "asf": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(1000),
    "real": b".RMF\0\0\0\x12" + bytes(1000),
    "swf": b"FWS\6" + bytes(1000),
    "packed swf": b"CWS\6\xff\xff\xff\x7f" + zlib.compress(bytes(10 << 20)),
    "mxf": b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02" + bytes(1000),
    "nut": b"nut/multimedia container\0" + bytes(1000),
    "annex b": b"\0\0\0\1\x67\x42\0\x0a\xf8\x41\xa2\0\0\0\1\x68\xce\x38\x80" + bytes(1000),
    "ivf": b"DKIF\0\0\x20\0VP80\0\x40\0\x40" + bytes(1000),
    "amr": b"#!AMR\n" + bytes(1000),
    "caf": b"caff\0\1\0\0desc" + bytes(1000),
    "au": b".snd\0\0\0\x18" + bytes(1000),
    "torrent": b"d8:announce20:http://127.0.0.1:1/e",
    "pickle": b"\x80\4\x95\x1f\0\0\0\0\0\0\0\x8c\5posix\x94\x8c\6system\x94\x93\x94\x8c\4true\x94\x85\x94R\x94.",
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_under_the_name_of_a_clip(outcome, name):
    assert outcome(OTHERS[name]) == "NotMedia"
