"""A judge of hostile files: what became of one, that nothing else was touched, that the worker goes on as before."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from vidal.engine.errors import SampleError
from vidal.media.ffmpeg import ffmpeg_binary
from vidal.media.limits import MediaLimits
from vidal.media.normalise import normalise
from vidal.media.write import write_clip

LIMITS = MediaLimits(timeout_s=60, max_bytes=50_000_000)
CLASSES = {
    *("NotMedia", "NoVideo", "NoAudio", "TooLarge", "TooLong", "TooManyPixels", "TooManyPictures", "TooManyTracks"),
    *("CodecRefused", "SoundRefused", "Truncated", "DecodeFailed", "DecodeTimeout"),
}
IN_ACCESS, IN_MODIFY, IN_OPEN = 0x1, 0x2, 0x20
PICTURES = ("-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=1")
SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=16000:duration=1")
SMALL = ("-pix_fmt", "yuv420p", "-g", "5", "-threads", "1")
# Every container of the allow-list: how its file of one second is made.
MADE: dict[str, tuple[str, ...]] = {
    "mp4": (*PICTURES, *SOUND, *SMALL, "-c:v", "libx264", "-bf", "0", "-c:a", "aac"),
    "mov": (*PICTURES, *SMALL, "-c:v", "mjpeg"),
    "webm": (*PICTURES, *SOUND, *SMALL, "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"),
    "mkv": (*PICTURES, *SOUND, *SMALL, "-c:v", "libx264", "-bf", "0", "-c:a", "libvorbis"),
    "ogv": (*PICTURES, *SOUND, *SMALL, "-c:v", "libtheora", "-c:a", "libvorbis"),
    "avi": (*PICTURES, *SOUND, *SMALL, "-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "flv": (*PICTURES, *SOUND, *SMALL, "-c:v", "flv1", "-c:a", "aac"),
    "ts": (*PICTURES, *SOUND, *SMALL, "-c:v", "mpeg2video", "-r", "25", "-c:a", "mp2"),
    "ogg": (*SOUND, "-c:a", "libvorbis"),
    "wav": SOUND,
    "aiff": SOUND,
    "flac": SOUND,
    "mp3": SOUND,
    "aac": SOUND,
}


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Callable[[str], bytearray]:
    """The bytes of a good file of each container, to be spoiled."""
    folder, kept = tmp_path_factory.mktemp("made"), {}

    def bytes_of(name: str) -> bytearray:
        if name not in kept:
            target = folder / f"clip.{name}"
            command = [ffmpeg_binary(), "-nostdin", "-v", "error", "-y", *MADE[name], "-fflags", "+bitexact"]
            subprocess.run([*command, "-flags", "+bitexact", str(target)], check=True)
            kept[name] = target.read_bytes()
        return bytearray(kept[name])

    return bytes_of


@pytest.fixture(scope="session")
def good(tmp_path_factory) -> tuple[Path, object]:
    """A good clip, and what the first normalisation made of it."""
    path = tmp_path_factory.mktemp("good") / "good.mp4"
    frames = [np.full((32, 64, 3), 60 * i, np.uint8) for i in range(3)]
    write_clip(path, frames, 10, np.zeros(4800, np.float32))
    return path, normalise(path, "video")


class Canary:
    """A clip that no one may open, and a port that no one may call."""

    def __init__(self, folder: Path, clip: Path) -> None:
        self.path = folder / "secret.mp4"
        shutil.copy(clip, self.path)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:{1}".format(*self._listener.getsockname())
        self.calls: list[object] = []
        threading.Thread(target=self._listen, daemon=True).start()
        libc = ctypes.CDLL(None)
        self._events = libc.inotify_init1(os.O_NONBLOCK)
        libc.inotify_add_watch(self._events, bytes(self.path), IN_OPEN | IN_ACCESS | IN_MODIFY)

    def touched(self) -> bool:
        """Whether the clip was opened or the port called, since it was asked last."""
        called, self.calls = bool(self.calls), []
        try:
            return bool(os.read(self._events, 1 << 16)) or called
        except BlockingIOError:
            return called

    def close(self) -> None:
        self._listener.close()
        os.close(self._events)

    def _listen(self) -> None:
        while True:
            try:
                connection, caller = self._listener.accept()
            except OSError:
                return
            self.calls.append(caller)
            connection.close()


@pytest.fixture(scope="session")
def canary(tmp_path_factory, good) -> Iterator[Canary]:
    canary = Canary(tmp_path_factory.mktemp("outside"), good[0])
    yield canary
    canary.close()


@pytest.fixture
def outcome(tmp_path, monkeypatch, good, canary) -> Callable[..., str]:
    """Write `data` to a file of that name and normalise it: the class of its error, or `ok`.

    Whatever came of it, it came in one line without a path, no other file was made or changed, nobody touched the
    canary, and the good clip becomes the same bytes as before.
    """
    inbox, scratch = tmp_path / "inbox", tmp_path / "scratch"
    inbox.mkdir()
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    def judge(data: bytes, name: str = "clip.mp4", kind: str = "video", limits: MediaLimits = LIMITS) -> str:
        path = inbox / name
        path.write_bytes(data)
        before = listing(tmp_path)
        found = fate(path, kind, limits)
        assert listing(tmp_path) == before and path.read_bytes() == data
        assert not canary.touched()
        assert normalise(good[0], "video") == good[1]
        return found

    return judge


def listing(folder: Path) -> dict[Path, tuple[int, int]]:
    """Every file below a folder, with its size and the instant of its last change."""
    return {p: (p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}


def fate(path: Path, kind: str, limits: MediaLimits) -> str:
    try:
        made = normalise(path, kind, None, limits)
    except SampleError as error:
        assert error.error_class in CLASSES
        assert "\n" not in str(error) and str(path.parent) not in str(error) and len(str(error)) < 400
        return error.error_class
    assert made.members["mp4" if kind == "video" else "flac"]
    assert made.probe.seconds <= limits.max_seconds
    return "ok"
