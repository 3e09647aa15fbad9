"""Pictures of a sample in the terminal, by the escape codes that a terminal is sent."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from tests.shard.dataset import dataset
from vidal.cli.inspect.pictures import NARROWEST, draw, drawable, spread
from vidal.media.depth_png import encode_depth
from vidal.media.images import encode_jpeg
from vidal.media.sound import encode_flac

RED, BLUE = (np.full((48, 64, 3), colour, np.uint8) for colour in ((250, 0, 0), (0, 0, 250)))
NEAR_RIGHT = np.repeat(np.linspace(9000, 1000, 64).astype(np.uint16)[None], 48, axis=0)
PIXELS = re.compile(r"\x1b\[38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m▄")


def drawn(content: dict[str, bytes], record: dict | None = None, width: int = 80) -> list[str]:
    """The lines that a terminal of a width is sent."""
    out = io.StringIO()
    draw(terminal(out, width=width), content, record or {})
    return out.getvalue().splitlines()


def terminal(out: io.StringIO, **settings: object) -> Console:
    told = {"force_terminal": True, "color_system": "truecolor", "legacy_windows": False, "_environ": {}}
    return Console(file=out, **{**told, **settings})


def colours(line: str) -> np.ndarray:
    """What a line of half blocks shows, int [columns, upper and lower, RGB]."""
    found = [[int(level) for level in pixels] for pixels in PIXELS.findall(line)]
    return np.array([(levels[3:], levels[:3]) for levels in found])


def test_pictures_stand_beside_each_other_in_their_colours():
    lines = drawn({"frm0.jpg": encode_jpeg(RED), "frm1.jpg": encode_jpeg(BLUE)})
    assert lines[0] == "keyframes: frm0.jpg frm1.jpg" and len(lines) == 1 + 12
    for line in lines[1:]:
        assert "m▄\x1b[0m " in line and len(Text.from_ansi(line)) == 65
        left, right = np.split(colours(line), 2)
        assert np.abs(left - [250, 0, 0]).max() < 8 and np.abs(right - [0, 0, 250]).max() < 8


def test_a_line_holds_two_rows_of_a_picture():
    halves = np.concatenate([RED[:24], BLUE[:24]])
    shown = np.concatenate([colours(line)[5] for line in drawn({"jpg": encode_jpeg(halves)})[1:]])
    assert (shown[:11, 0] > 200).all() and (shown[-11:, 2] > 200).all() and len(shown) == 24


@pytest.mark.parametrize(("kind", "bright"), [("metric", -1), ("inverse", 0)])
def test_what_is_near_is_bright(kind, bright):
    [title, *lines] = drawn({"dep0.png": encode_depth(NEAR_RIGHT)}, {"depth": {"kind": kind}})
    assert title == "depth, the nearest brightest: dep0.png"
    light = colours(lines[3]).sum(axis=(1, 2))
    assert light[bright] == light.max() > 3 * light.min()


def test_a_sound_is_its_wave_and_spectrogram():
    wave = np.sin(2 * np.pi * 4000 * np.arange(16000) / 16000).astype(np.float32)
    [title, *lines] = drawn({"flac": encode_flac(wave, 16000)})
    assert title == "sound: flac" and len(lines) == 10
    light = np.concatenate([colours(line).sum(axis=2).mean(axis=0) for line in lines])
    assert 12 <= 8 + int(light[8:].argmax()) <= 14, "4 kHz is half way up to 8 kHz"


def test_what_does_not_decode_is_said_beneath_its_gap():
    content = {"frm0.jpg": encode_jpeg(RED), "frm1.jpg": b"\x1b[2J", "frm2.jpg": encode_jpeg(BLUE), "flac": b"no sound"}
    lines = drawn(content)
    assert len(colours(lines[1])) == 2 * 25 and f"0m{' ' * 27}\x1b" in lines[1].replace("\x1b[0m ", "0m ", 1)
    assert [line for line in lines if line.startswith("frm1.jpg: does not decode: ")]
    assert lines[-2] == "sound: flac" and lines[-1].startswith("flac: does not decode: ")


@pytest.mark.parametrize(("width", "count", "across"), [(40, 2, 38), (80, 4, 76), (144, 8, 136), (300, 8, 256)])
def test_as_many_pictures_are_drawn_as_the_terminal_has_room_for(width, count, across):
    tall = encode_jpeg(np.full((80, 45, 3), 90, np.uint8))
    lines = drawn({f"frm{number}.jpg": tall for number in range(8)}, width=width)
    assert lines[0].count("frm") == count
    assert all(len(colours(line)) == across and len(Text.from_ansi(line)) <= width for line in lines[1:])


@given(st.integers(1, 16), st.integers(1, 10))
def test_the_pictures_drawn_are_spread_over_all(count, most):
    names = [str(number) for number in range(count)]
    found = spread(names, most)
    assert len(found) == len(set(found)) == min(count, most) and found == [name for name in names if name in found]
    assert found[0] == names[0] and (most == 1 or found[-1] == names[-1])


@pytest.mark.parametrize(
    ("settings", "can"),
    [
        ({}, True),
        ({"color_system": "256"}, True),
        ({"color_system": "standard"}, False),
        ({"color_system": None}, False),
        ({"no_color": True}, False),
        ({"force_terminal": False}, False),
    ],
)
def test_pictures_are_for_terminals_with_colours(settings, can):
    assert drawable(terminal(io.TextIOWrapper(io.BytesIO(), "utf-8"), **settings)) == can


def test_a_terminal_that_knows_ascii_alone_gets_none():
    assert not drawable(terminal(io.TextIOWrapper(io.BytesIO(), "ascii")))


def shown(words: list[str], width: int, **environment: str) -> str:
    """What a command writes to a terminal of its own."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        [sys.executable, "-m", "vidal", *words],
        stdin=theirs, stdout=theirs, stderr=theirs, env={**plain, "PYTHONUTF8": "1", **environment},
    )  # fmt: skip
    os.close(theirs)
    found = b""
    while True:
        try:
            block = os.read(ours, 1 << 16)
        except OSError:
            break
        if not block:
            break
        found += block
    os.close(ours)
    assert process.wait(60) == 0, found
    return found.decode()


def test_a_sample_is_drawn_in_a_terminal_and_not_as_json(tmp_path_factory):
    made = dataset(tmp_path_factory.getbasetemp() / "dataset")[0]
    shards = Path(made.workspace.root) / "shards"
    key = made.workspace.read_table("shards/index.parquet")["key"][0].as_py()
    colourful = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    lines = shown(["inspect", str(shards), "--key", key], 4 * NARROWEST, **colourful).splitlines()
    assert [line for line in lines if line == "keyframes: frm0.jpg frm2.jpg frm5.jpg frm7.jpg"]
    assert sum(len(colours(line)) > 0 for line in lines) >= 12
    assert "▄" not in shown(["inspect", str(shards), "--key", key, "--json"], 80, **colourful)
