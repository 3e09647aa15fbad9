"""MB/s of `vidal inspect --verify`, against reading, hashing and decoding the same tars and nothing else.

    python bench/verify.py SHARDS [--processes 1] [--rounds 3]

The floor reads each tar once, hashes it and each of its members, and decodes each member by its name with the functions
that verification uses; it knows no index and compares nothing. Both take turns, with as many processes; the best round
of each counts, the start of the processes included. With 1 process both run in this one.
"""

from __future__ import annotations

import argparse
import hashlib
import tarfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context

from vidal.shard.read import Shards
from vidal.shard.verify import decoder, verify


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", help="a local folder of shards with its index")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    shards = Shards(options.shards)
    size = sum(shards.fs.info(path)["size"] for path in shards.paths) / 1e6
    several = options.processes > 1
    best = {"floor": float("inf"), "verify": float("inf")}
    for _ in range(options.rounds):
        begun = time.perf_counter()
        pool = ProcessPoolExecutor(options.processes, get_context("spawn")) if several else nullcontext()
        with pool as workers:
            members = sum((workers.map if workers else map)(floor, shards.paths))
        best["floor"] = min(best["floor"], time.perf_counter() - begun)
        begun = time.perf_counter()
        found = verify(shards, options.processes if several else 0)
        best["verify"] = min(best["verify"], time.perf_counter() - begun)
    assert found.members == members and not found.problems
    print(f"{size:.1f} MB, {members} members, {options.processes} processes, best of {options.rounds} rounds")
    for name, seconds in best.items():
        print(f"{name:<8}{size / seconds:>8.1f} MB/s")
    print(f"ratio   {best['floor'] / best['verify']:>8.2f}")


def floor(path: str) -> int:
    """The members of a tar that were read, hashed and decoded."""
    count = 0
    with open(path, "rb") as stream:
        hashlib.file_digest(stream, "sha256").hexdigest()
    with tarfile.open(path) as tar:
        for info in tar:
            data = tar.extractfile(info).read()
            hashlib.sha256(data).hexdigest()
            decoder(info.name.partition(".")[2])(data)
            count += 1
    return count


if __name__ == "__main__":
    main()
