"""Candidates and clips per second of a harvest from a site on loopback, by the number of requests at once, and what a
clip costs in CPU seconds, each beside a floor of bare requests and a bare ffmpeg transcode measured in the same run.

python bench/harvest.py [--clips 120] [--latency 0.05]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import yaml
from normalise import bare_transcode, cpu_seconds, normalised_size

from vidal.demo.faults import REELS, crowd, write_crowd
from vidal.demo.peertube import SEARCH_PATH
from vidal.demo.reply import Reply, Request
from vidal.demo.sites import Sites
from vidal.demo.trouble import Entry
from vidal.engine.runs import events
from vidal.engine.workspace import Workspace

AT_ONCE = (1, 4, 16)
UNHURRIED = {"per_second": 1e5, "total_per_second": 1e5, "allow": ["127.0.0.1"]}
RESULTS = 1000


@dataclass(frozen=True)
class Rate:
    """Candidates and clips per second, and CPU seconds per clip."""

    candidates: float
    clips: float
    cpu: float


def main() -> None:
    """Serve the clips from a process of their own, harvest them at each concurrency, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=120)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds the site thinks before each answer")
    options = parser.parse_args()
    entries = crowd(options.clips, every=options.clips + 1)
    queries = [*REELS, *(f"{word} of the {reel}" for reel in REELS for word in ("up", "left", "right", "floating"))]
    with (
        tempfile.TemporaryDirectory(prefix="vidal-bench-") as made,
        served(Path(made), entries, options.latency) as url,
    ):
        folder = Path(made)
        os.environ["XDG_RUNTIME_DIR"] = made
        floors = [floor(url, entries, queries, at_once) for at_once in AT_ONCE]
        rates = [harvest(folder, url, queries, at_once) for at_once in AT_ONCE]
        spent = shares(folder, url, entries)
    print(f"{options.clips} clips of 1 s, 320x240; {len(queries)} queries; the site thinks {options.latency:g} s")
    print(f"\n{'at once':>8}{'candidates/s':>14}{'x bare':>8}{'clips/s':>10}{'x bare':>8}{'CPU s/clip':>12}")
    for at_once, rate, bare in zip(AT_ONCE, rates, floors, strict=True):
        print(
            f"{at_once:8}{rate.candidates:14.1f}{rate.candidates / bare.candidates:8.2f}"
            f"{rate.clips:10.2f}{rate.clips / bare.clips:8.3f}{rate.cpu:12.3f}"
        )
    print(f"\n{'CPU seconds of a clip':32}{'vidal':>8}{'bare':>8}{'ratio':>8}")
    for name, (ours, bare) in spent.items():
        print(f"{name:32}{ours:8.3f}" + (f"{bare:8.3f}{ours / bare:8.2f}" if bare else ""))


class Thoughtful(Sites):
    """A site that takes its time before each answer."""

    latency = 0.0

    def reply(self, request: Request) -> Reply:
        time.sleep(self.latency)
        return super().reply(request)


def serve(folder: Path, entries: Sequence[Entry], latency: float, pipe: Connection) -> None:
    """Serve until the other end of the pipe says so."""
    with Thoughtful(folder, entries) as sites:
        sites.latency = latency
        pipe.send(sites.base_url)
        pipe.recv()


@contextmanager
def served(folder: str, entries: Sequence[Entry], latency: float) -> Iterator[str]:
    """The site in a process of its own, whose CPU counts for nothing here; its address."""
    world = Path(folder, "world")
    write_crowd(world, entries)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(world, entries, latency, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join()


def harvest(folder: Path, url: str, queries: Sequence[str], at_once: int) -> Rate:
    """A build of the harvest alone, in a fresh workspace, as a user runs it; one worker, so many requests at once."""
    workspace = folder / f"w{at_once}"
    (folder / "queries.txt").write_text("\n".join(queries))
    source = {"type": "peertube", "name": "site", "url": url, "results": RESULTS}
    file = {
        "name": "bench",
        "workspace": str(workspace),
        "runner": {"kind": "local", "workers": 0},
        "resources": {"harvest/search": {"threads": at_once}, "harvest/media": {"threads": at_once}},
        "terms": {"sources": [{"name": "queries", "kind": "labels", "path": "queries.txt"}]},
        "harvest": {"sources": [source], "network": {**UNHURRIED, "concurrency": at_once}},
    }
    (folder / "bench.yaml").write_text(yaml.safe_dump(file))
    command = [sys.executable, "-m", "vidal", "build", folder / "bench.yaml", "--stage", "terms", "--stage", "harvest"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    [run] = [path.name for path in (workspace / "runs").iterdir()]
    told = {event["step"]: event for event in events(Workspace(str(workspace)), run) if event["event"] == "step_ended"}
    media, search = told["harvest/media"], told["harvest/search"]
    return Rate(found(workspace) / search["seconds"], media["done"] / media["seconds"], media["cpu"] / media["done"])


def found(workspace: Path) -> int:
    """How many candidates the queries found, those found twice counted twice."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    parts = (workspace / "harvest/search").glob("*.parquet")
    return sum(pc.sum(pc.list_value_length(pq.read_table(part)["candidates"])).as_py() or 0 for part in parts)


def floor(url: str, entries: Sequence[Entry], queries: Sequence[str], at_once: int) -> Rate:
    """What bare requests for the same pages and files reach."""
    import httpx2 as httpx

    with httpx.Client(limits=httpx.Limits(max_connections=at_once)) as client:

        def ask(query: str) -> int:
            asked = {"search": query, "nsfw": "false", "start": 0, "count": 100}
            return len(client.get(f"{url}{SEARCH_PATH}", params=asked).json()["data"])

        def fetch(entry: Entry) -> int:
            client.get(f"{url}/w/{entry.id}")
            return len(client.get(f"{url}/media/{entry.filename}").content)

        candidates, seconds, _ = timed(ask, queries, at_once)
        _, spent, cpu = timed(fetch, entries, at_once)
    return Rate(candidates / seconds, len(entries) / spent, cpu / len(entries))


def timed(work: Callable[[Any], int], items: Sequence[Any], at_once: int) -> tuple[int, float, float]:
    """The sum of what work on all items gives, its wall seconds and its CPU seconds."""
    work(items[0])
    wall, cpu = time.perf_counter(), cpu_seconds()
    with ThreadPoolExecutor(at_once) as pool:
        total = sum(pool.map(work, items))
    return total, time.perf_counter() - wall, cpu_seconds() - cpu


def shares(folder: Path, url: str, entries: Sequence[Entry]) -> dict[str, tuple[float, float | None]]:
    """CPU seconds per clip of the download, the probe and the normalisation, one clip after another, and of the bare
    way to the same end."""
    from vidal.harvest.network.client import Network
    from vidal.harvest.network.config import NetworkConfig
    from vidal.harvest.sources import Order
    from vidal.harvest.sources.peertube import PeerTube, PeerTubeConfig
    from vidal.media.normalise import normalise
    from vidal.media.probe import probe

    network = Network(NetworkConfig(**UNHURRIED), folder)
    source = PeerTube(PeerTubeConfig(type="peertube", name="site", url=url), folder, network)

    def download(entry: Entry) -> int:
        target = folder / "fetched" / entry.id / str(time.perf_counter_ns())
        target.mkdir(parents=True)
        with network.attempt(10**8):
            return source.fetch(Order(f"{url}/w/{entry.id}", "video", target, 10**8)).path.stat().st_size

    files = [folder / "world" / entry.filename for entry in entries]
    sizes = {file: normalised_size(file) for file in files}
    ways = {
        "download (page, then file)": each(download, entries),
        "probe": each(lambda file: probe(file).frames or 0, files),
        "normalise (its probe included)": each(lambda file: len(normalise(file, "video").members), files),
    }
    bare = {
        "download (page, then file)": floor(url, entries, REELS, 1).cpu,
        "normalise (its probe included)": each(
            lambda file: bare_transcode(file, sizes[file], folder / "floor.mp4") or 0, files
        ),
    }
    return {name: (spent, bare.get(name)) for name, spent in ways.items()}


def each(work: Callable[[Any], int], items: Sequence[Any]) -> float:
    """CPU seconds of work on an item, one after another."""
    return timed(work, items, 1)[2] / len(items)


if __name__ == "__main__":
    main()
