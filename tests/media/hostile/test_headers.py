"""Headers that lie: sizes, lengths, rates, instants, boxes that never end."""

from __future__ import annotations

import struct
import zlib

import pytest

from vidal.media.limits import MediaLimits

FTYP = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"
LARGE = 1 << 30


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return (8 + len(body)).to_bytes(4, "big") + name + body


def element(name: bytes, body: bytes) -> bytes:
    return name + (len(body) | 1 << 56).to_bytes(8, "big") + body


ENDLESS = b"\x18S\x80g\x01" + b"\xff" * 7
EBML = element(b"\x1aE\xdf\xa3", element(b"\x42\x82", b"webm"))


def put(data: bytearray, name: bytes, offset: int, form: str, *values: int) -> bytearray:
    """Overwrite numbers `offset` bytes after the name of every box of an mp4 that is called `name`."""
    at = data.find(name)
    assert at >= 0
    while at >= 0:
        struct.pack_into(f">{form}", data, at + offset, *values)
        at = data.find(name, at + 4)
    return data


def index_size(data: bytearray, width: int, height: int) -> bytearray:
    """Overwrite the size in the first entry of an mp4's index."""
    struct.pack_into(">HH", data, data.index(b"stsd") + 44, width, height)
    return data


def sof(data: bytearray, width: int, height: int, skip: int = 0) -> bytearray:
    """Overwrite the size in every JPEG of a file but the first `skip`."""
    at = data.find(b"\xff\xc0\0\x11\x08")
    assert at >= 0
    while at >= 0:
        if skip <= 0:
            struct.pack_into(">HH", data, at + 5, height, width)
        at, skip = data.find(b"\xff\xc0\0\x11\x08", at + 4), skip - 1
    return data


def test_16k_pictures_in_the_index(outcome, made):
    huge = index_size(made("mov"), 16384, 16384)
    assert outcome(bytes(sof(huge, 16384, 16384))) == "TooManyPixels"


def test_16k_pictures_behind_a_small_index(outcome, made):
    assert outcome(bytes(sof(made("mov"), 16384, 16384))) == "TooManyPixels"


def test_16k_pictures_from_the_second_on(outcome, made):
    assert outcome(bytes(sof(made("mov"), 16384, 16384, skip=1))) == "DecodeFailed"


def test_16k_vp8(outcome, made):
    data, start = made("webm"), b"\x9d\x01\x2a"
    assert data.count(start) >= 1
    small = start + struct.pack("<HH", 160, 120)
    assert small in data
    data = data.replace(small, start + struct.pack("<HH", 16383, 16383))
    assert outcome(bytes(data), "huge.webm") == "TooManyPixels"


@pytest.mark.parametrize(("width", "height"), [(65535, 1), (1, 65535), (65535, 65535), (0, 0), (0, 120)])
def test_sizes_without_sense(outcome, made, width, height):
    data = sof(index_size(made("mov"), width, height), width, height)
    assert outcome(bytes(data)) in {"TooManyPixels", "DecodeFailed", "Truncated", "NotMedia"}


def test_a_picture_of_another_size_than_the_index_says(outcome, made):
    assert outcome(bytes(index_size(made("mov"), 640, 100))) == "ok"


def test_pixels_of_an_absurd_shape(outcome, made):
    data = made("mov")
    at = data.index(b"stsd") - 4
    entry = at + 16
    shape = box(b"pasp", struct.pack(">II", 1, 2**31 - 1))
    data[entry + 86 : entry + 86] = shape
    for place in (entry, at, *(data.rindex(n, 0, at) - 4 for n in (b"stbl", b"minf", b"mdia", b"trak", b"moov"))):
        struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] + len(shape))
    assert outcome(bytes(data)) in {"TooManyPixels", "ok"}


@pytest.mark.parametrize("change", [("stts", 12, "I", 0), ("stts", 12, "I", 2**31), ("mdhd", 16, "I", 0)])
def test_zero_and_endless_frame_rates(outcome, made, change):
    name, *rest = change
    found = outcome(bytes(put(made("mp4"), name.encode(), *rest)))
    assert found in {"ok", "TooLong", "DecodeFailed", "Truncated"}


@pytest.mark.parametrize(("scale", "rate"), [(1, 0), (0, 25), (0, 0), (2**32 - 1, 1), (1, 2**32 - 1)])
def test_frame_rates_of_an_avi(outcome, made, scale, rate):
    data = made("avi")
    at = data.index(b"vids")
    struct.pack_into("<II", data, at + 20, scale, rate)
    assert outcome(bytes(data), "a.avi") in {"ok", "TooLong", "DecodeFailed", "NotMedia"}


def test_more_pictures_than_time(outcome, made):
    assert outcome(bytes(made("mp4")), limits=MediaLimits(max_fps=0.49)) == "TooManyPictures"
    assert outcome(bytes(made("mp4")), limits=MediaLimits(max_fps=0.51)) == "ok"


def test_instants_before_zero(outcome, made):
    data = made("mkv")
    at = data.index(b"\x1fC\xb6u")
    place = data.index(b"\xe7\x81\x00", at)
    data[place + 2] = 0x7F
    assert outcome(bytes(data), "a.mkv") in {"ok", "DecodeFailed"}
    assert outcome(bytes(put(made("mp4"), b"elst", 12, "i", -(2**31))), "a.mp4") in {"ok", "TooLong", "DecodeFailed"}
    late = put(made("mp4"), b"elst", 8, "Ii", 2**32 - 1, -1)
    assert outcome(bytes(late)) in {"ok", "TooLong", "DecodeFailed"}


BOXES = {
    "nothing": b"",
    "one byte": b"\0",
    "only a type": FTYP,
    "only an index": FTYP + box(b"moov", box(b"mvhd", bytes(100))),
    "an empty index": FTYP + box(b"moov"),
    "an index that never ends": FTYP + b"\0\0\0\0moov",
    "sizes of 1": FTYP + b"\0\0\0\1moov" + (2**63 - 1).to_bytes(8, "big"),
    "sizes of 1, negative": FTYP + b"\0\0\0\1moov" + (2**64 - 1).to_bytes(8, "big") + bytes(100),
    "sizes under 8": FTYP + b"\0\0\0\7moov" + bytes(100),
    "a box of 4 GiB": FTYP + b"\xff\xff\xff\xffmoov" + bytes(100),
    "void without end": EBML + ENDLESS + b"\xec\x01\xff\xff\xff\xff\xff\xff\xfe",
    "a million voids": EBML + ENDLESS + b"\xec\x80" * 1_000_000,
    "a cluster of 2^56 bytes": EBML + ENDLESS + b"\x1fC\xb6u\x01\xff\xff\xff\xff\xff\xff\xfe",
    "nested segments": EBML + ENDLESS * 20_000,
    "riff of nothing": b"RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffhdrlavih",
    "nested riff": b"RIFF\xff\xff\xff\xffAVI " + b"LIST\xff\xff\xff\xffhdrl" * 20_000,
    "flv of nothing": b"FLV\1\5\0\0\0\x09\0\0\0\0",
    "flv of endless scripts": b"FLV\1\5\0\0\0\x09\0\0\0\0"
    + b"\x12\xff\xff\xff\0\0\0\0\0\0\0"
    + b"\x0a\xff\xff\xff\xff" * 9000,
    "ogg of nothing": b"OggS\0\2" + bytes(20),
    "flac of nothing": b"fLaC\x80\0\0\x22" + bytes(34),
    "flac of blocks": b"fLaC\0\0\0\x22" + bytes(34) + b"\1\0\0\0" * 300_000,
    "id3 of 256 MB": b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(1000),
    "id3 in id3": b"ID3\4\0\0\0\0\0\0" * 100_000,
    "packets of nothing": (b"\x47\x1f\xff\x10" + bytes(184)) * 2000,
}


@pytest.mark.parametrize("name", BOXES)
def test_containers_without_media(outcome, name):
    for kind in ("video", "audio"):
        assert outcome(BOXES[name], kind=kind) in {"NotMedia", "Truncated"}


@pytest.mark.parametrize("name", [b"moov", b"udta", b"trak", b"meta"])
def test_boxes_in_boxes(outcome, name):
    nest = b"".join(size.to_bytes(4, "big") + name for size in range(8 * 20_000, 0, -8))
    assert outcome(FTYP + nest) in {"Truncated", "NotMedia"}
    assert outcome(FTYP + box(b"moov", nest)) in {"Truncated", "NotMedia"}


@pytest.mark.parametrize("name", [b"stts", b"stsc", b"stsz", b"stco", b"ctts", b"stss", b"elst"])
def test_tables_of_4_billion_rows(outcome, made, name):
    data = made("mp4")
    if name not in data:
        data = data.replace(b"stss", name)
    offset = 12 if name == b"stsz" else 8
    assert outcome(bytes(put(data, name, offset, "I", 2**32 - 1))) in {
        "ok",
        "Truncated",
        "NotMedia",
        "DecodeFailed",
        "TooLong",
    }


def test_a_table_of_one_size(outcome, made):
    data = put(made("mp4"), b"stsz", 8, "II", 1, LARGE)
    assert outcome(bytes(data)) in {"Truncated", "NotMedia", "DecodeFailed", "TooLong"}


def test_64_bit_sizes(outcome, made):
    data = made("mp4")
    at = data.index(b"mdat") - 4
    assert data[at - 8 : at - 4] == b"\0\0\0\x08" and data[at - 4 : at] == b"free"
    size = int.from_bytes(data[at : at + 4], "big")
    for stated, found in ((size + 8, {"ok"}), (2**62, {"ok", "Truncated"})):
        data[at - 8 : at + 8] = b"\0\0\0\1mdat" + stated.to_bytes(8, "big")
        assert outcome(bytes(data)) in found


def test_a_packed_index_that_unpacks_to_a_gigabyte(outcome):
    packed = zlib.compress(bytes(64 << 20), 9)
    bomb = box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", LARGE.to_bytes(4, "big"), packed))
    assert outcome(FTYP + box(b"moov", bomb)) in {"Truncated", "NotMedia", "DecodeFailed"}


def wav(channels: int = 1, rate: int = 16000, bits: int = 16, stated: int = 3200, held: int = 3200) -> bytes:
    step = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, min(rate * step, 2**32 - 1), step & 0xFFFF, bits)
    return (
        b"RIFF\xff\xff\xff\xffWAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", stated)
        + bytes(held)
    )


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ({}, {"ok"}),
        ({"stated": 2**32 - 1}, {"ok", "Truncated"}),
        ({"stated": 2**31}, {"ok", "Truncated"}),
        ({"channels": 65535}, {"Truncated"}),
        ({"channels": 255, "held": 51000, "stated": 51000}, {"SoundRefused"}),
        ({"channels": 0}, {"NotMedia", "DecodeFailed", "SoundRefused", "Truncated"}),
        ({"rate": 0}, {"NotMedia", "DecodeFailed", "SoundRefused", "Truncated"}),
        ({"rate": 1}, {"TooLong"}),
        ({"rate": 2**31 - 1}, {"SoundRefused"}),
        ({"rate": 2**32 - 1}, {"SoundRefused", "NotMedia", "DecodeFailed"}),
        ({"bits": 0}, {"NotMedia", "DecodeFailed", "CodecRefused"}),
        ({"bits": 65535}, {"NotMedia", "DecodeFailed", "CodecRefused"}),
    ],
)
def test_headers_of_a_wav(outcome, header, found):
    assert outcome(wav(**header), "a.wav", "audio") in found


def test_a_large_tag(outcome, made):
    size = 20 << 20
    tag = b"ID3\4\0\0" + bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    frame = b"TXXX" + bytes(((size - 10) >> shift) & 127 for shift in (21, 14, 7, 0)) + b"\0\0\0"
    assert outcome(tag + frame + b"x" * (size - len(frame)) + made("mp3"), "a.mp3", "audio") == "ok"


def test_a_large_cover(outcome, made):
    data, size = made("flac"), (1 << 24) - 1
    picture = struct.pack(">II9sI5I", 3, 9, b"image/png", 0, 1, 1, 8, 0, size - 41)
    block = bytes([6]) + size.to_bytes(3, "big") + picture + bytes(size - len(picture))
    assert outcome(bytes(data[:42] + block + data[42:]), "a.flac", "audio") == "ok"


def test_a_tag_beyond_the_limit_of_bytes(outcome, made):
    size = 100_000_000
    tag = b"ID3\4\0\0" + bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    assert outcome(tag + bytes(size) + made("mp3"), "a.mp3", "audio") == "TooLarge"


def test_compressed_packets_that_unpack_without_end(outcome, made):
    data = zlib.compress(bytes(200 << 20), 9)
    coding = element(b"\x6d\x80", element(b"\x62\x40", element(b"\x50\x34", element(b"\x42\x54", b"\0"))))
    size = element(b"\xb0", b"\x40") + element(b"\xba", b"\x40")
    track = element(b"\xd7", b"\1") + element(b"\x73\xc5", b"\1") + element(b"\x83", b"\1") + element(b"\x86", b"V_VP8")
    tracks = element(b"\x16T\xaek", element(b"\xae", track + element(b"\xe0", size) + coding))
    cluster = element(b"\x1fC\xb6u", element(b"\xe7", b"\0") + element(b"\xa3", b"\x81\0\0\x80" + data) * 20)
    found = outcome(EBML + element(b"\x18S\x80g", tracks + cluster), "bomb.mkv")
    assert found in {"DecodeFailed", "Truncated", "NotMedia"}
