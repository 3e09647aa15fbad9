"""CPU and wall seconds of normalisation per clip, against a bare ffmpeg transcode of the same clips as the floor.

python bench/normalise.py [--clips 50]
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from vidal.media.ffmpeg import ffmpeg_binary
from vidal.media.limits import MediaSettings
from vidal.media.normalise import normalise, picture_size
from vidal.media.probe import probe
from vidal.media.write import write_clip

SIZES = [(426, 240), (640, 360), (360, 640), (854, 480), (480, 854)]
RATES = [12, 24, 25, 30]
SOUND_HZ = 44100


def main() -> None:
    """Make the clips, time both ways on them, print the table and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=50)
    count = parser.parse_args().clips
    with tempfile.TemporaryDirectory(prefix="vidal-bench-") as folder:
        clips = [make_clip(Path(folder), number) for number in range(count)]
        sizes = {clip: normalised_size(clip) for clip in clips}
        target = Path(folder, "floor.mp4")
        floor, whole = measure(
            clips, lambda clip: bare_transcode(clip, sizes[clip], target), lambda clip: normalise(clip, "video")
        )
        digests = [[digest(clip) for clip in clips] for _ in range(2)]
    print(f"{count} clips of 2 to 8 s, {SIZES[0]} to {SIZES[-1]}, half H.264 and AAC, half VP9 and Opus\n")
    print(f"{'':24}{'wall s/clip':>12}{'CPU s/clip':>12}{'CPU ratio':>12}")
    for name, (wall, cpu) in {"bare ffmpeg transcode": floor, "vidal normalise": whole}.items():
        print(f"{name:24}{wall:12.3f}{cpu:12.3f}{cpu / floor[1]:12.2f}")
    same = sum(first == second for first, second in zip(*digests, strict=True))
    print(f"\n{same} of {count} clips give the same bytes twice")


def make_clip(folder: Path, number: int) -> Path:
    """A clip of moving stripes, a square and a chord: size, rate, length and codec vary with `number`."""
    width, height = SIZES[number % len(SIZES)]
    fps, seconds = RATES[number % len(RATES)], 2 + number % 7
    rng = np.random.default_rng(number)
    time_axis = np.arange(SOUND_HZ * seconds) / SOUND_HZ
    chord = sum(np.sin(2 * np.pi * f * time_axis) for f in rng.uniform(110, 880, 3)) / 6
    sound = np.stack([chord, chord[::-1]], axis=1).astype(np.float32)
    codec = ("h264", "vp9")[number % 2]
    return write_clip(
        folder / f"{number}", moving_picture(rng, width, height, fps * seconds), fps, sound, SOUND_HZ, codec
    )


def moving_picture(rng: np.random.Generator, width: int, height: int, frames: int) -> Iterator[np.ndarray]:
    """Frames [height, width, 3] uint8: drifting gradient, film grain, a square that crosses."""
    y, x = np.mgrid[:height, :width]
    slope, colour = rng.integers(1, 4, 3), rng.integers(0, 256, 3)
    for i in range(frames):
        frame = np.stack([(x * s + y + 2 * i) // 4 % 256 for s in slope], axis=-1)
        frame += rng.integers(0, 9, (height, width, 1))
        left = i * (width - 64) // frames
        frame[80:144, left : left + 64] = colour
        yield frame.clip(0, 255).astype(np.uint8)


def normalised_size(clip: Path) -> tuple[int, int]:
    """Width and height that normalisation gives the clip."""
    found = probe(clip)
    return picture_size(found.width, found.height, MediaSettings().short_side)


def bare_transcode(clip: Path, size: tuple[int, int], target: Path) -> None:
    """What the clip alone costs: one ffmpeg command to the same size, encoder settings and sound codec."""
    settings = MediaSettings()
    command = [ffmpeg_binary(), "-nostdin", "-v", "error", "-y", "-threads", "1", "-i", clip]
    command += ["-vf", f"scale={size[0]}:{size[1]}"]
    command += ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-threads", "1", "-preset", settings.preset]
    command += ["-crf", str(settings.crf), "-c:a", "aac", "-movflags", "+faststart", "-f", "mp4", target]
    subprocess.run(command, check=True)


def measure(clips: list[Path], *ways: Callable[[Path], object]) -> list[tuple[float, float]]:
    """Mean wall and CPU seconds (this process and its children) per clip of each way, after one clip to warm up.

    The ways take turns on every clip, so that other load on the machine weighs on all of them alike.
    """
    spent = np.zeros((len(ways), 2))
    for way in ways:
        way(clips[0])
    for clip in clips:
        for way, total in zip(ways, spent, strict=True):
            wall, cpu = time.perf_counter(), cpu_seconds()
            way(clip)
            total += time.perf_counter() - wall, cpu_seconds() - cpu
    return [tuple(total / len(clips)) for total in spent]


def cpu_seconds() -> float:
    """User and system time of this process, its ended children, and those that run (the sandbox's)."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    running = [pid for tasks in Path("/proc/self/task").glob("*/children") for pid in tasks.read_text().split()]
    return sum(u.ru_utime + u.ru_stime for u in used) + sum(time.clock_gettime(cpu_clock(int(pid))) for pid in running)


def cpu_clock(pid: int) -> int:
    """The clock of a process's CPU time, as clock_getcpuclockid(3) numbers it on Linux."""
    return ~pid << 3 | 2


def digest(clip: Path) -> str:
    """Hash of every member of the normalised clip."""
    members = normalise(clip, "video").members
    return hashlib.sha256(b"".join(members[name] for name in sorted(members))).hexdigest()


if __name__ == "__main__":
    main()
