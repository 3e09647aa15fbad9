"""Random reads per second through `vidal.open`, against plain pread of the same bytes.

    python bench/random_reads.py SHARDS [--reads 5000] [--rounds 3]

Members are drawn with a fixed seed. `pread` knows every place beforehand and opens each tar once; `pread + SHA-256`
hashes what it reads besides, as `vidal.open` does. The best of the rounds, which take turns.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import time
from collections.abc import Callable

import vidal

Draw = list[tuple[str, str, str, int, int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", help="a local folder of shards with its index")
    parser.add_argument("--reads", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found = vidal.open(options.shards)
    places = [(row["key"], m["name"], row["shard"], m["offset"], m["size"])
              for row in found.table.to_pylist() for m in row["members"]]  # fmt: skip
    drawn = random.Random(0).choices(places, k=options.reads)
    handles = {shard: os.open(found.index.path(shard), os.O_RDONLY) for shard in found.index.shards}
    ways: dict[str, Callable[[Draw], int]] = {
        "pread": lambda draw: sum(len(os.pread(handles[s], n, at)) for _, _, s, at, n in draw),
        "pread + SHA-256": lambda draw: sum(hashed(os.pread(handles[s], n, at)) for _, _, s, at, n in draw),
        "vidal.open": lambda draw: sum(len(found[key][member]) for key, member, *_ in draw),
    }
    best, sizes = dict.fromkeys(ways, float("inf")), set()
    for _ in range(options.rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            sizes.add(way(drawn))
            best[name] = min(best[name], time.perf_counter() - begun)
    assert len(sizes) == 1
    print(f"{options.reads} members, {sizes.pop() / options.reads / 1e3:.1f} kB on average, best of {options.rounds}")
    for name, seconds in best.items():
        print(f"{name:<18}{options.reads / seconds:>10.0f} reads/s{best['pread'] / seconds:>7.2f} of pread")


def hashed(data: bytes) -> int:
    hashlib.sha256(data).hexdigest()
    return len(data)


if __name__ == "__main__":
    main()
