"""What the engine itself costs: whole builds of growing size whose steps answer at once, in seconds a sample and in
memory, and what it takes to build again, to ask for the status and to collect a report when nothing has changed.

    python bench/engine.py [--sizes 1000 10000]

Spines, tables, parts, verdicts and shards are the real ones; what would decode a clip answers with numbers drawn by its
id. Each size is built in a process of its own. The ratio is that of the seconds a sample to those of the first size: 1
is linear growth. 100,000 samples take some minutes and 3 GB of disk.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vidal.engine.build import Build, Options
from vidal.engine.progress import Lines
from vidal.engine.runners.local import LocalRunner
from vidal.engine.runs import RunRecord, new_id
from vidal.engine.step import Result, Sample, Step
from vidal.engine.workspace import Workspace
from vidal.pipeline import Pipeline, nodes
from vidal.report.facts import collect
from vidal.status import step_statuses


@dataclass(frozen=True)
class Cost:
    """Seconds, and MB of memory at most."""

    samples: int
    build: float
    again: float
    status: float
    report: float
    memory: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000])
    sizes = parser.parse_args().sizes
    print("samples  build s  ms a sample  ratio  again s  status s  report s  most MB")
    first = 0.0
    for size in sizes:
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:
            cost = alone.submit(measured, size).result()
        each = cost.build / cost.samples
        first = first or each
        print(
            f"{cost.samples:7}{cost.build:9.1f}{each * 1e3:13.2f}{each / first:7.2f}{cost.again:9.2f}"
            f"{cost.status:10.2f}{cost.report:10.2f}{cost.memory:9.0f}",
            flush=True,
        )


def measured(samples: int) -> Cost:
    """Build so many samples, then again, and ask for what there is."""
    with tempfile.TemporaryDirectory(prefix="vidal-bench-") as folder:
        build, pipeline = prepared(Path(folder), samples)
        seconds = [
            timed(work)
            for work in (
                lambda: run(build),
                lambda: run(build),
                lambda: list(step_statuses(build)),
                lambda: collect(build, "bench", pipeline.filter.rules, lambda stages: ""),
            )
        ]
    return Cost(samples, *seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def timed(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def prepared(folder: Path, samples: int) -> tuple[Build, Pipeline]:
    """A build of as many clips, in which what would decode one draws numbers."""
    clips = folder / "clips"
    clips.mkdir()
    for number in range(samples):
        (clips / f"a dog runs over a meadow {number:06d}.mp4").write_bytes(b"%d" % number)
    source = {"type": "local", "name": "clips", "path": str(clips)}
    told = {"sources": [source], "screen": {"words_or_hashtags": False}}
    filters = {"duplicates": {"perceptual": None}}
    pipeline = Pipeline(name="bench", workspace=str(folder / "workspace"), harvest=told, filter=filters)
    found = nodes(pipeline, folder)
    for node in found:
        if node.name in ("harvest/media", "filter/quality", "filter/sound"):
            node.prepare = lambda sample: sample
            node.process = lambda batch, node=node: [drawn(node, sample) for sample in batch]
    return Build(Workspace(pipeline.workspace), found, Options()), pipeline


def run(build: Build) -> None:
    """Bring a build up to date, in this process."""
    record = RunRecord(build.workspace, new_id(), {}, ["bench"])
    build.run(lambda pending: LocalRunner(0), Lines(lambda line: None), record)
    record.close()


def drawn(step: Step, sample: Sample) -> Result:
    """What a step might say of a sample: every column a value of its type."""
    rng = np.random.default_rng(list(f"{step.name} {sample.id}".encode()))

    def value(type_: pa.DataType) -> Any:
        if pa.types.is_list(type_):
            return [value(type_.value_type) for _ in range(8)]
        if pa.types.is_floating(type_):
            return float(rng.random())
        if pa.types.is_integer(type_):
            return int(rng.integers(240, 1080))
        return rng.bytes(16).hex() if pa.types.is_string(type_) else None

    names = [name.replace("*", str(n)) for name in step.members for n in range(8 if "*" in name else 1)]
    return sample.ok({name: value(type_) for name, type_ in step.columns.items()}, dict.fromkeys(names, b"drawn"))


if __name__ == "__main__":
    main()
