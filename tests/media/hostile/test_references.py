"""Files that name other files and addresses: none is followed, whatever the list is written in and called."""

from __future__ import annotations

import subprocess

import pytest

from vidal.media.ffmpeg import ffmpeg_binary
from vidal.media.limits import MediaLimits
from vidal.media.source import source_options

LISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{path}\n#EXT-X-ENDLIST\n",
    "hls over http": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://{address}/a.ts\n#EXT-X-ENDLIST\n",
    "hls behind spaces": "\n\n  #EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{path}\n#EXT-X-ENDLIST\n",
    "hls with a map": '#EXTM3U\n#EXT-X-MAP:URI="{path}"\n#EXTINF:2,\n{path}\n#EXT-X-ENDLIST\n',
    "hls of data": "#EXTM3U\n#EXTINF:2,\nconcat:{path}|{path}\n#EXTINF:2,\nsubfile,,start,0,end,0,,:{path}\n",
    "concat": "ffconcat version 1.0\nfile '{path}'\n",
    "concat over http": "ffconcat version 1.0\nfile 'http://{address}/clip.mp4'\n",
    "bare concat": "file '{path}'\nfile '{path}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="0" '
    'bandwidth="1"><BaseURL>http://{address}/a.mp4</BaseURL><SegmentBase/></Representation></AdaptationSet>'
    "</Period></MPD>",
    "imf": '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
    "<Id>urn:uuid:00000000-0000-0000-0000-000000000000</Id></CompositionPlaylist>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="64" height="64">'
    '<image xlink:href="file://{path}"/><image xlink:href="http://{address}/x.png"/></svg>',
    "ass": "[Script Info]\nScriptType: v4.00+\n[Fonts]\nfontname: {path}\n[Events]\n"
    "Dialogue: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,{path}\n",
    "vtt": "WEBVTT\n\n00:00.000 --> 00:01.000\n<c>{path}</c>\n",
    "pls": "[playlist]\nFile1={path}\nNumberOfEntries=1\n",
    "asx": '<asx version="3.0"><entry><ref href="http://{address}/clip.mp4"/></entry></asx>',
    "xspf": "<?xml version='1.0'?><playlist xmlns='http://xspf.org/ns/0/'><trackList><track><location>file://{path}"
    "</location></track></trackList></playlist>",
    "rtsp text": "RTSPtext\nrtsp://{address}/clip\n",
    "entity": '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file://{path}">]><MPD>&x;</MPD>',
    "avs": 'DirectShowSource("{path}")\n',
    "metadata": ";FFMETADATA1\ntitle={path}\n",
}
NAMES = {"hls": ("a.m3u8", "a.webm", "a.ts"), "concat": ("a.ffconcat", "a.txt"), "dash": ("a.mpd",), "svg": ("a.svg",)}
CASES = [(kind, name) for kind in LISTS for name in ("a.mp4", *NAMES.get(kind, ()))]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_lists_are_no_media(outcome, canary, kind, name):
    text = LISTS[kind].format(path=canary.path, address=canary.address)
    assert outcome(text.encode(), name) == "NotMedia"


@pytest.mark.parametrize("scheme", ["http://{address}/a.mp4", "tcp://{address}", "concat:{path}", "subfile,,:{path}"])
def test_no_protocol_but_that_of_files(canary, scheme):
    options = [word for name, value in source_options(MediaLimits()).items() for word in (f"-{name}", value)]
    address = scheme.format(path=canary.path, address=canary.address)
    command = [ffmpeg_binary(), "-nostdin", "-v", "error", *options, "-i", address, "-f", "null", "-"]
    assert subprocess.run(command, stderr=subprocess.DEVNULL).returncode != 0
    assert not canary.touched()


def test_the_canary_sings(canary):
    canary.path.read_bytes()
    assert canary.touched() and not canary.touched()


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return (8 + len(body)).to_bytes(4, "big") + name + body


@pytest.mark.parametrize("scheme", ["file://{path}", "http://{address}/clip.mp4", "{path}"])
def test_reference_movies_lead_nowhere(outcome, canary, scheme):
    url = scheme.format(path=canary.path, address=canary.address).encode() + b"\0"
    reference = box(b"rdrf", bytes(4), b"url ", len(url).to_bytes(4, "big"), url)
    movie = box(b"ftyp", b"qt  ", bytes(4), b"qt  ") + box(b"moov", box(b"rmra", box(b"rmda", reference)))
    assert outcome(movie, "movie.mov") in {"NotMedia", "Truncated"}


@pytest.mark.parametrize("scheme", ["file://{path}", "http://{address}/clip.mp4"])
def test_data_elsewhere_are_not_fetched(outcome, made, canary, scheme):
    data = made("mp4")
    url = scheme.format(path=canary.path, address=canary.address).encode() + b"\0"
    own = box(b"url ", b"\0\0\0\1")
    assert data.count(own) == 2 and data.index(b"moov") > data.index(b"mdat")
    for _ in range(2):
        data = grown(data, data.index(own), own, box(b"url ", bytes(4), url))
    assert outcome(bytes(data)) in {"ok", "DecodeFailed", "Truncated"}


def grown(data: bytearray, at: int, old: bytes, new: bytes) -> bytearray:
    """Replace `old` at `at` by `new`, and lengthen the boxes around it."""
    result = data[:at] + new + data[at + len(old) :]
    for name in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        start = data.rindex(name, 0, at) - 4
        size = int.from_bytes(data[start : start + 4], "big") + len(new) - len(old)
        result[start : start + 4] = size.to_bytes(4, "big")
    return result
