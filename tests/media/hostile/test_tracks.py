"""Containers that hold more than a clip has, and codecs that are not decoded."""

from __future__ import annotations

import struct
import subprocess
import zlib

import av
import av.logging
import pytest

from vidal.media.codecs import AUDIO, DECODERS, VIDEO
from vidal.media.ffmpeg import ffmpeg_binary, run_ffmpeg
from vidal.media.limits import MediaLimits
from vidal.media.normalise import normalise
from vidal.media.source import open_source, source_options

PICTURES = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=0.5")
SOUND = ("-f", "lavfi", "-i", "sine=sample_rate=16000:duration=0.5")


@pytest.fixture
def file(tmp_path_factory):
    """Bytes of what ffmpeg makes of its arguments, the last of them a file's name."""

    def run(*arguments: object) -> bytes:
        folder = tmp_path_factory.mktemp("file")
        command = [ffmpeg_binary(), "-nostdin", "-v", "error", "-y", *map(str, arguments)]
        subprocess.run(command, check=True, cwd=folder, env={})
        return (folder / str(arguments[-1])).read_bytes()

    return run


def more_tracks(data: bytearray, count: int) -> bytes:
    """An mp4 whose index comes last, its first track repeated `count` times more under numbers of their own."""
    start = data.index(b"trak") - 4
    track = data[start : start + int.from_bytes(data[start : start + 4], "big")]
    number = track.index(b"tkhd") + 16
    tracks = bytearray()
    for place in range(count):
        track[number : number + 4] = (100 + place).to_bytes(4, "big")
        tracks += track
    data[start:start] = tracks
    movie = data.index(b"moov") - 4
    size = int.from_bytes(data[movie : movie + 4], "big") + len(tracks)
    data[movie : movie + 4] = size.to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize(("count", "found"), [(30, "ok"), (31, "TooManyTracks"), (5000, "TooManyTracks")])
def test_tracks_of_an_mp4(outcome, made, count, found):
    assert outcome(more_tracks(made("mp4"), count)) == found


def element(name: bytes, body: bytes) -> bytes:
    """An EBML element whose size takes 8 bytes."""
    return name + (len(body) | 1 << 56).to_bytes(8, "big") + body


EBML = element(b"\x1aE\xdf\xa3", element(b"\x42\x82", b"webm"))
SEGMENT, TRACKS, TRACK, CLUSTER, VOID = b"\x18S\x80g", b"\x16T\xaek", b"\xae", b"\x1fC\xb6u", b"\xec"


def track(number: int, width: int = 64) -> bytes:
    picture = element(b"\xb0", width.to_bytes(4, "big")) + element(b"\xba", width.to_bytes(4, "big"))
    facts = element(b"\xd7", number.to_bytes(4, "big")) + element(b"\x73\xc5", number.to_bytes(4, "big"))
    return element(TRACK, facts + element(b"\x83", b"\1") + element(b"\x86", b"V_VP8") + element(b"\xe0", picture))


@pytest.mark.parametrize("count", [40, 3000])
def test_interleaved_tracks_of_a_webm(outcome, count):
    block = b"".join(element(b"\xa3", bytes([0x40 | n >> 8, n & 255, 0, 0, 128]) + b"\x10") for n in range(1, 200))
    tracks = element(TRACKS, b"".join(track(n + 1) for n in range(count)))
    data = EBML + element(SEGMENT, tracks + element(CLUSTER, element(b"\xe7", b"\0") + block))
    assert outcome(data, "many.webm") == "TooManyTracks"


def test_attachments(outcome, file, tmp_path_factory):
    font = tmp_path_factory.mktemp("font") / "font.ttf"
    font.write_bytes(bytes(100_000))
    for count, found in ((10, "ok"), (60, "TooManyTracks")):
        attached = [
            word for n in range(count) for word in ("-attach", font, f"-metadata:s:{n + 1}", "mimetype=font/ttf")
        ]
        assert outcome(file(*PICTURES, "-c:v", "libvpx", *attached, "a.mkv"), "a.mkv") == found


def ogg_page(body: bytes, serial: int, flags: int, number: int = 0, granule: int = 0) -> bytes:
    """One page with one packet (RFC 3533)."""
    laces = [255] * (len(body) // 255) + [len(body) % 255]
    head = struct.pack("<4sBBqIII", b"OggS", 0, flags, granule, serial, number, 0) + bytes([len(laces), *laces])
    page = bytearray(head + body)
    page[22:26] = ogg_crc(page).to_bytes(4, "little")
    return bytes(page)


def ogg_crc(page: bytes) -> int:
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 1 << 31 else value << 1) & 0xFFFFFFFF
    return value


def test_streams_of_an_ogg(outcome):
    head = b"OpusHead\1\1\0\0" + struct.pack("<I", 48000) + bytes(3)
    pages = b"".join(ogg_page(head, serial, 2) for serial in range(1, 1500))
    assert outcome(pages, "many.ogg", "audio") == "TooManyTracks"


def test_pictures_that_change_their_size(outcome, file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sizes")
    small, large = (file(*PICTURES, "-s", size, "-r", 25, "-bf", 0, "a.m2v") for size in ("64x48", "640x480"))
    (folder / "up.m2v").write_bytes(small + large)
    (folder / "down.m2v").write_bytes(large + small)
    up, down = (
        file("-fflags", "+genpts", "-i", folder / name, "-c", "copy", "a.avi") for name in ("up.m2v", "down.m2v")
    )
    limits = MediaLimits(max_pixels=320 * 240)
    assert outcome(up, "a.avi") == outcome(down, "a.avi") == "ok"
    assert outcome(up, "a.avi", limits=limits) == "DecodeFailed"
    assert outcome(down, "a.avi", limits=limits) == "TooManyPixels"


def test_a_sound_squeezed_into_no_time(outcome, file):
    data = bytearray(file("-f", "lavfi", "-i", "sine=sample_rate=16000:duration=20", "-c:a", "aac", "a.m4a"))
    for entry in range(int.from_bytes(data[data.index(b"stts") + 8 :][:4], "big")):
        struct.pack_into(">I", data, data.index(b"stts") + 16 + 8 * entry, 1)
    assert outcome(bytes(data), "a.m4a", "audio") == "DecodeFailed"


def test_links_of_a_chain_are_added_up(made, tmp_path):
    path = tmp_path / "chain.ogg"
    path.write_bytes(made("ogg") * 3)
    found = normalise(path, "audio")
    assert found.probe.seconds == pytest.approx(3, abs=0.2) and found.audio_seconds == pytest.approx(3, abs=0.2)


def test_chained_ogg(outcome, made, file):
    other = file(*SOUND, "-c:a", "libopus", "a.ogg")
    assert outcome(bytes(made("ogg") * 3), "chain.ogg", "audio") == "ok"
    assert outcome(bytes(made("ogg") + other), "chain.ogg", "audio") in {"ok", "DecodeFailed"}
    assert outcome(bytes(made("ogg") * 30), "chain.ogg", "audio") == "TooLong"
    assert outcome(file(*SOUND, "-c:a", "mp2", "a.ts") * 60, "chain.ts", "audio") == "TooLong"


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        *(("png", "a.mkv"), ("rawvideo", "a.avi"), ("ffv1", "a.mkv"), ("huffyuv", "a.avi"), ("gif", "a.mov")),
        *(("qtrle", "a.mov"), ("prores", "a.mov"), ("dvvideo", "a.mov"), ("wmv2", "a.mkv"), ("cinepak", "a.avi")),
        *(("zlib", "a.avi"), ("jpeg2000", "a.mov"), ("magicyuv", "a.avi"), ("tiff", "a.mov")),
    ],
)
def test_codecs_of_pictures_that_are_not_listed(outcome, file, codec, name):
    size = ("-s", "720x576", "-r", 25) if codec == "dvvideo" else ()
    assert outcome(file(*PICTURES, *size, "-c:v", codec, name), name) in {"CodecRefused", "NotMedia"}


@pytest.mark.parametrize(
    ("codec", "name"),
    [("wmav2", "a.mkv"), ("tta", "a.mkv"), ("wavpack", "a.mkv"), ("dca", "a.mkv"), ("adpcm_swf", "a.flv")],
)
def test_codecs_of_sounds_that_are_not_listed(outcome, file, codec, name):
    rate = ("-ar", 44100, "-strict", -2)
    assert outcome(file(*SOUND, *rate, "-c:a", codec, name), name, "audio") == "CodecRefused"


def test_every_listed_codec_has_its_decoder_on_the_list():
    missing = []
    for codec in VIDEO | AUDIO:
        decoder = av.codec.Codec(codec if codec != "flv1" else "flv", "r").name
        if decoder not in DECODERS.split(","):
            missing.append((codec, decoder))
    assert not missing


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        *(("libaom-av1", "a.mp4"), ("libx265", "a.mp4"), ("mpeg2video", "a.ts"), ("mpeg1video", "a.mkv")),
        *(("h263", "a.3gp"), ("flv1", "a.flv"), ("libtheora", "a.ogv"), ("mjpeg", "a.avi"), ("libvpx-vp9", "a.webm")),
    ],
)
def test_listed_codecs_of_pictures(outcome, file, codec, name):
    forms = ("-s", "128x96", "-r", 25, "-pix_fmt", "yuvj420p" if codec == "mjpeg" else "yuv420p")
    quick = ("-cpu-used", 8) if codec in {"libaom-av1", "libvpx-vp9"} else ()
    assert outcome(file(*PICTURES, *forms, "-c:v", codec, *quick, name), name) == "ok"


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        *(("alac", "a.m4a"), ("ac3", "a.mp4"), ("eac3", "a.mkv"), ("mp2", "a.mkv"), ("libopencore_amrnb", "a.3gp")),
        *(("pcm_s24le", "a.wav"), ("pcm_f64le", "a.wav"), ("pcm_mulaw", "a.wav"), ("pcm_s16be", "a.aiff")),
        *(("adpcm_ms", "a.wav"), ("adpcm_ima_wav", "a.wav"), ("libopus", "a.webm"), ("flac", "a.ogg")),
    ],
)
def test_listed_codecs_of_sounds(outcome, file, codec, name):
    rate = ("-ar", 8000 if "amr" in codec else 48000)
    assert outcome(file(*SOUND, *rate, "-c:a", codec, name), name, "audio") == "ok"


def test_subtitles_alone(outcome, file, tmp_path_factory):
    text = tmp_path_factory.mktemp("text") / "a.srt"
    text.write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")
    assert outcome(file("-i", text, "a.mkv"), "a.mkv") == "NotMedia"
    assert outcome(file("-i", text, "-c:s", "mov_text", "a.mp4")) == "NotMedia"


def covered(flac: bytes) -> bytes:
    """A sound whose cover is a PNG of 30,000 x 30,000 pixels, in a few bytes."""
    facts = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", facts), (b"IDAT", zlib.compress(bytes(1_000_000))), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks
    )
    picture = struct.pack(">II9sI5I", 3, 9, b"image/png", 0, 30_000, 30_000, 8, 0, len(png)) + png
    return flac[:42] + bytes([6]) + len(picture).to_bytes(3, "big") + picture + flac[42:]


def test_a_cover_is_no_picture_to_decode(outcome, made):
    assert outcome(covered(bytes(made("flac"))), "a.flac", "audio") == "ok"


def test_decoders_off_the_list_are_not_opened(file, made, tmp_path, refused):
    """Neither to learn what a stream is, as libavformat does on opening, nor in ffmpeg."""
    sound, pictures = tmp_path / "a.flac", tmp_path / "a.mkv"
    sound.write_bytes(covered(bytes(made("flac"))))
    pictures.write_bytes(file(*PICTURES, "-c:v", "png", "a.mkv"))
    av.logging.set_level(av.logging.ERROR)
    with av.logging.Capture() as said, open_source(sound, MediaLimits()):
        pass
    av.logging.set_level(None)
    assert "Codec (png) not on whitelist" in str(said)
    options = [word for name, value in source_options(MediaLimits()).items() for word in (f"-{name}", value)]
    command = [ffmpeg_binary(), "-nostdin", "-v", "error", *options, "-i", str(pictures), "-f", "null", "-"]
    refused("DecodeFailed", run_ffmpeg, command, 60)


def test_tracks_beyond_the_limit_are_not_even_made(made, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(more_tracks(made("mp4"), 900))
    with pytest.raises(av.FFmpegError):
        av.open(str(path), options=source_options(MediaLimits()))
    with av.open(str(path)) as container:
        assert len(container.streams) == 902
