"""MB/s of `vidal inspect --verify`, against reading, hashing and decoding the same tars and nothing else.

    python bench/verify.py [--shards FOLDER] [--processes 1 2] [--rounds 3]

On shards of the demo world, or on a folder of your own with its index. The floor reads each tar once, hashes it and
each of its members, and decodes each member by its name with the functions that verification uses; it knows no index
and compares nothing. Both take turns, with as many processes; the best round of each counts, the start of the processes
included. With 1 process both run in this one.
"""

from __future__ import annotations

import argparse
import hashlib
import tarfile
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path

from write import shard_set

from vidal.shard.faults import decoder
from vidal.shard.read import Shards
from vidal.shard.verify import verify

SAMPLES = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", help="a local folder of shards with its index")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vidal-bench-") as folder:
        shards = Shards(options.shards or str(shard_set(Path(folder), SAMPLES)))
        size = sum(shards.fs.info(path)["size"] for path in shards.paths) / 1e6
        for processes in options.processes:
            members, best = measured(shards, processes, options.rounds)
            print(f"{size:.1f} MB, {members} members, {processes} processes, best of {options.rounds} rounds")
            for name, seconds in best.items():
                print(f"{name:<8}{size / seconds:>8.1f} MB/s")
            print(f"ratio   {best['floor'] / best['verify']:>8.2f}", flush=True)


def measured(shards: Shards, processes: int, rounds: int) -> tuple[int, dict[str, float]]:
    """The members that were checked, and the seconds of each in its best round."""
    several = processes > 1
    best = {"floor": float("inf"), "verify": float("inf")}
    for _ in range(rounds):
        begun = time.perf_counter()
        pool = ProcessPoolExecutor(processes, get_context("spawn")) if several else nullcontext()
        with pool as workers:
            members = sum((workers.map if workers else map)(floor, shards.paths))
        best["floor"] = min(best["floor"], time.perf_counter() - begun)
        begun = time.perf_counter()
        found = verify(shards, processes if several else 0)
        best["verify"] = min(best["verify"], time.perf_counter() - begun)
        assert found.members == members and not found.problems
    return members, best


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
