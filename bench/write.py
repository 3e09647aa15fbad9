"""MB/s of `shard/write` against `cp` of the tars it writes and against webdataset's own ShardWriter.

    python bench/write.py [--samples 256] [--processes 1 2] [--rounds 3]

Clips of a real clip's size (a megabyte: mp4, 8 keyframes, 8 depth maps, 8 infrared pictures, sound), their bytes drawn
at random, are committed as the steps of a build would, each under many ids, and then written as shards: rows and
members read from the parts, digests, tars, checksums, index, statistics, card. `ShardWriter` gets the same members,
read from the shards of the first round; `cp` is the program. All sync what they write. Best of the rounds, which take
turns.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import webdataset
from loader import demo_clips

from vidal.engine.commits import Piece, Store
from vidal.engine.nodes import Context, Node, Verdicts, fingerprint_of
from vidal.engine.ordering import place
from vidal.engine.runners.local import LocalRunner
from vidal.engine.step import OK, Result, Step
from vidal.engine.workspace import Workspace
from vidal.harvest.config import HarvestConfig
from vidal.harvest.sources.local import LocalConfig
from vidal.harvest.stage import harvest
from vidal.shard.config import ShardConfig
from vidal.shard.read import Shards
from vidal.shard.write import WriteShards

SIZES = {"mp4": 300_000, "flac": 150_000, "frm*.jpg": 15_000, "dep*.png": 45_000, "tml*.jpg": 12_000}
"""Bytes of a member of a clip of ten seconds at short side 256, about."""
DISTINCT = 24
PART, SHARD = 64, 64


class Made(Step):
    """Stands for a step that made members of each sample."""

    def __init__(self, name: str, *members: str) -> None:
        self.name = name
        self.members = members

    def settings(self) -> Mapping[str, Any]:
        return {}


class All(Verdicts):
    """Keeps every sample."""

    name = "filter/verdicts"

    def __init__(self, parts: Mapping[int, frozenset[str]]) -> None:
        self.parts = parts

    def settings(self) -> Mapping[str, Any]:
        return {}

    def kept(self, workspace: Workspace) -> Mapping[int, frozenset[str]]:
        return self.parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vidal-bench-") as temporary:
        folder = Path(temporary)
        write, fingerprints = committed(Workspace(str(folder / "w")), options.samples, drawn_clips())
        shards = folder / "w" / "shards"
        written = {
            f"vidal, {number} process{'es' * (number > 1)}": lambda number=number: own(
                folder, write, fingerprints, number
            )
            for number in options.processes
        }
        peers = {"cp": lambda: copied(shards, folder / "peer"), "ShardWriter": lambda: stock(shards, folder / "peer")}
        best = measured({**written, **peers}, folder / "peer", options.rounds)
        size = sum(tar.stat().st_size for tar in shards.glob("*.tar"))
        print(f"{options.samples} samples in {len(list(shards.glob('*.tar')))} shards, {size / 1e6:.0f} MB")
        print(f"{'writer':<20}{'MB/s':>8}{'/ cp':>8}{'/ ShardWriter':>15}")
        for name, seconds in best.items():
            ratios = f"{best['cp'] / seconds:>8.2f}{best['ShardWriter'] / seconds:>15.2f}"
            print(f"{name:<20}{size / 1e6 / seconds:>8.0f}{ratios}")


def measured(works: Mapping[str, Callable[[], float]], peer: Path, rounds: int) -> dict[str, float]:
    """The seconds of each in its best round."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            shutil.rmtree(peer, ignore_errors=True)
            peer.mkdir()
            times[name].append(work())
    return {name: min(found) for name, found in times.items()}


def committed(
    workspace: Workspace, samples: int, clips: Sequence[Mapping[str, bytes]]
) -> tuple[WriteShards, dict[str, str]]:
    """A workspace in which all steps before the shards are done, and the node that writes them; the samples are those
    clips, again and again."""
    source = LocalConfig(type="local", name="bench", path=".")
    found = harvest(HarvestConfig(sources=(source,)), Path(), PART)
    depth, infrared = Made("generate/depth", "dep*.png"), Made("generate/infrared", "tml*.jpg")
    steps = (found.screen, found.media, found.admit, depth, infrared)
    ids = sorted((f"bench_{number}" for number in range(samples)), key=place)
    parts = {number: ids[start : start + PART] for number, start in enumerate(range(0, samples, PART))}
    verdicts = All({number: frozenset(own) for number, own in parts.items()})
    write = WriteShards(ShardConfig(samples=SHARD), verdicts, steps, seed=0)
    fingerprints = {node.name: fingerprint_of(node) for node in (found.candidates, *steps, verdicts)}
    told = {"title": "a clip", "source": "bench", "url": "a", "seconds": 10.0, "licence": "CC0-1.0"}
    for node in (found.candidates, *steps):
        store = Store(workspace, node.name, fingerprints[node.name])
        columns = {name: told.get(name) for name in node.columns}
        for number, own_ids in parts.items():
            results = [
                Result(id_, "video", OK, columns, made(node, clips[int(id_.removeprefix("bench_")) % len(clips)]))
                for id_ in own_ids
            ]
            store.write(Piece(number, 0, fingerprints[node.name]), results, dict.fromkeys(own_ids, ""), node.columns)
    return write, fingerprints


def made(node: Node, clip: Mapping[str, bytes]) -> dict[str, bytes]:
    """What a node makes of a clip's members."""
    return {
        name: data for name, data in clip.items() if any(fnmatchcase(name, one) for one in getattr(node, "members", ()))
    }


def drawn_clips() -> list[dict[str, bytes]]:
    """The members of DISTINCT clips, of a clip's sizes."""
    rng = np.random.default_rng(0)
    sizes = {one.replace("*", str(n)): size for one, size in SIZES.items() for n in range(8 if "*" in one else 1)}
    return [{name: rng.bytes(size) for name, size in sizes.items()} for _ in range(DISTINCT)]


def shard_set(folder: Path, samples: int) -> Path:
    """Shards of clips of the demo world, as a build writes them."""
    write, fingerprints = committed(Workspace(str(folder / "w")), samples, demo_clips())
    own(folder, write, fingerprints, 1)
    return folder / "w" / "shards"


def own(folder: Path, write: WriteShards, fingerprints: dict[str, str], processes: int) -> float:
    """Write the shards; where processes do it, with those that a first write has started."""
    workspace = Workspace(str(folder / "w"))
    runner = LocalRunner(0 if processes == 1 else processes)
    try:
        for _ in range(1 + (processes > 1)):
            for name in ("shards", "shard"):
                shutil.rmtree(folder / "w" / name, ignore_errors=True)
            begun = time.perf_counter()
            write.run(Context(workspace, fingerprints, runner))
            seconds = time.perf_counter() - begun
        return seconds
    finally:
        runner.close()


def copied(shards: Path, peer: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(["cp", *map(str, sorted(shards.glob("*.tar"))), str(peer)], check=True)
    synced(peer)
    return time.perf_counter() - begun


def stock(shards: Path, peer: Path) -> float:
    """webdataset's writer, given the members of the shards as it takes them."""
    there = Shards(str(shards))
    begun = time.perf_counter()
    with webdataset.ShardWriter(str(peer / "peer-%06d.tar"), maxcount=SHARD, verbose=0) as writer:
        for path in there.paths:
            for sample in there.samples(path):
                writer.write({"__key__": sample.key, **there.content(path, sample)})
    synced(peer)
    return time.perf_counter() - begun


def synced(folder: Path) -> None:
    for path in folder.iterdir():
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


if __name__ == "__main__":
    main()
