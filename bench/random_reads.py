"""Random reads per second through `vidal.open`, against plain pread of the same bytes.

    python bench/random_reads.py [--shards FOLDER] [--reads 5000] [--rounds 3] [--rows 100000]

On shards of the demo world, or on a folder of your own with its index. Members are drawn with a fixed seed. `pread`
knows every place beforehand and opens each tar once; `pread + SHA-256` hashes what it reads besides, as `vidal.open`
does. The best of the rounds, which take turns.

An index of `--rows` rows, each of the set many times under keys and checksums of their own, is opened in a process of
its own: seconds to open it and to find the first key, microseconds to find another, bytes of memory a row that stay and
that were needed at most; and the same for the file as a plain Arrow table.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from write import shard_set

import vidal

SAMPLES = 512
GROUP = 10_000
Draw = list[tuple[str, str, str, int, int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", help="a local folder of shards with its index")
    parser.add_argument("--reads", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vidal-bench-") as folder:
        found = vidal.open(options.shards or str(shard_set(Path(folder), SAMPLES)))
        reads(found, options.reads, options.rounds)
        written(found, options.rows, f"{folder}/index.parquet")
        for name, code in (("vidal.open", OPENED), ("pq.read_table", READ)):
            print(f"{name:<18}", end="", flush=True)
            subprocess.run([sys.executable, "-c", MEASURED.replace("OPEN", code), folder], check=True)


def reads(found: vidal.ShardSet, count: int, rounds: int) -> None:
    """Read so many members in each way, and print how fast that was."""
    places = [(row["key"], m["name"], row["shard"], m["offset"], m["size"])
              for row in found.table.to_pylist() for m in row["members"]]  # fmt: skip
    drawn = random.Random(0).choices(places, k=count)
    handles = {shard: os.open(found.index.path(shard), os.O_RDONLY) for shard in found.index.shards}
    ways: dict[str, Callable[[Draw], int]] = {
        "pread": lambda draw: sum(len(os.pread(handles[s], n, at)) for _, _, s, at, n in draw),
        "pread + SHA-256": lambda draw: sum(hashed(os.pread(handles[s], n, at)) for _, _, s, at, n in draw),
        "vidal.open": lambda draw: sum(len(found[key][member]) for key, member, *_ in draw),
    }
    best, sizes = dict.fromkeys(ways, float("inf")), set()
    for _ in range(rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            sizes.add(way(drawn))
            best[name] = min(best[name], time.perf_counter() - begun)
    assert len(sizes) == 1
    print(f"{count} members, {sizes.pop() / count / 1e3:.1f} kB on average, best of {rounds} rounds")
    for name, seconds in best.items():
        print(f"{name:<18}{count / seconds:>10.0f} reads/s{best['pread'] / seconds:>7.2f} of pread")


def written(found: vidal.ShardSet, rows: int, path: str) -> None:
    """An index of so many rows in order, whose keys and checksums are all different."""
    chance = np.random.default_rng(0)
    with pq.ParquetWriter(path, found.table.schema) as writer:
        for start in range(0, rows, GROUP):
            numbers = np.arange(start, min(start + GROUP, rows))
            index = found.index.where(numbers * len(found) // rows)
            sums = chance.integers(0, 256, index.places.sums.shape, np.uint8)
            index.places = replace(index.places, sums=sums)
            keys = pa.array([f"sample-{number:012d}" for number in numbers])
            writer.write_table(index.table.set_column(0, found.table.schema.field("key"), keys))


MEASURED = """
import resource, sys, time
import pyarrow.parquet as pq
import vidal, vidal.shard.access

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

before, begun = resident(), time.perf_counter()
OPEN
stays, most = resident() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
print(f"{seconds:8.1f} s{stays / len(found):>8.0f} B a row, {most / len(found):.0f} at most{said}")
"""
OPENED = """
found = vidal.open(sys.argv[1])
seconds, begun = time.perf_counter() - begun, time.perf_counter()
keys = found.index.keys.take(list(range(0, len(found), len(found) // 1000 or 1))).to_pylist()
found[keys[0]]
first, begun = time.perf_counter() - begun, time.perf_counter()
for key in keys:
    found[key]
said = f"; first key {first:.1f} s, another {(time.perf_counter() - begun) / len(keys) * 1e6:.1f} us"
"""
READ = """
found, said = pq.read_table(f"{sys.argv[1]}/index.parquet", use_threads=False), ""
seconds = time.perf_counter() - begun
"""


def hashed(data: bytes) -> int:
    hashlib.sha256(data).hexdigest()
    return len(data)


if __name__ == "__main__":
    main()
