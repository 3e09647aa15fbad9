"""Verdicts over a million rows of scores: seconds and peak memory, and their share of what a moved threshold costs.

python bench/verdicts.py [--samples 1000000] [--build 20000]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vidal.engine.build import Build, Options
from vidal.engine.commits import Piece
from vidal.engine.nodes import Spine, Table
from vidal.engine.pending import Inputs
from vidal.engine.progress import Lines
from vidal.engine.runners.local import LocalRunner
from vidal.engine.runs import RunRecord, new_id
from vidal.engine.step import OK, Result, Step
from vidal.filter.config import RuleConfig
from vidal.filter.rules import verdicts
from vidal.project import open_project

PIPELINE = """
name: bench
workspace: {workspace}
harvest:
  sources: [{{type: local, name: clips, path: .}}]
filter:
  clip: {{checkpoint: "demo:clip"}}
  clap: {{checkpoint: "demo:clap"}}
  rules: [{{name: dull, where: "motion < {threshold}"}}]
"""
RULES = (
    RuleConfig(name="keep_best", where="share_below(clip_title) >= 0.99", action="keep"),
    *(RuleConfig(name=f"low_{n}", where=f"score_{n} < 0.02 AND motion < 0.5") for n in range(9)),
    *(RuleConfig(name=f"flag_{n}", where=f"score_{n} > 0.9 OR clip_title IS NULL", action="flag") for n in range(4)),
    RuleConfig(name="lowest_tenth", where="share_below(clip_title) < 0.1", missing="drop", kinds=("video",)),
    RuleConfig(name="dull_tenth", where="share_below(motion) < 0.1"),
    RuleConfig(name="language", where="language NOT IN ('en', 'de') AND language_share > 0.5"),
    RuleConfig(name="short", where="seconds < 1"),
    RuleConfig(name="duplicate", where="duplicate"),
    RuleConfig(name="small", where="least(width, height) < 200"),
)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--build", type=int, default=20_000, help="samples of a whole workspace")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return one(options.samples)
    print(f"{'samples':>10} {'rules':>6} {'seconds':>8} {'µs a sample':>12} {'peak MB':>8}", flush=True)
    for samples in (options.samples // 10, options.samples):
        subprocess.run([sys.executable, __file__, "--one", "--samples", str(samples)], check=True)
    moved(options.build)


def one(samples: int) -> None:
    """Judge drawn scores with all rules, in a process of its own, and print its line."""
    table = drawn(samples)
    started = time.perf_counter()
    found = verdicts(table, RULES)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert len(found) == samples
    print(f"{samples:>10,} {len(RULES):>6} {seconds:>8.2f} {1e6 * seconds / samples:>12.2f} {peak:>8.0f}", flush=True)


def drawn(samples: int) -> pa.Table:
    """Scores of as many samples, a tenth of them null, in the columns that a pipeline with all scores has."""
    rng = np.random.default_rng(0)

    def some(values: Any) -> pa.Array:
        return pa.array(values, mask=rng.random(samples) < 0.1)

    numbers = {f"score_{n}": some(rng.random(samples, np.float32)) for n in range(20)}
    return pa.table(
        {
            "id": pa.array([f"source-{n:012x}" for n in range(samples)]),
            "kind": pa.array(np.where(rng.random(samples) < 0.8, "video", "audio")),
            "part": pa.array(np.arange(samples) // 256),
            "seconds": pa.array(rng.uniform(0, 20, samples)),
            "width": pa.array(rng.integers(144, 1920, samples, np.int32)),
            "height": pa.array(rng.integers(144, 1920, samples, np.int32)),
            "motion": some(rng.random(samples, np.float32)),
            "clip_title": some(rng.normal(0.25, 0.05, samples).astype(np.float32)),
            "language": some(rng.choice(["en", "de", "fr", "zh"], samples)),
            "language_share": some(rng.random(samples, np.float32)),
            "duplicate": pa.array(rng.random(samples) < 0.02),
            "failed": pa.array([[]] * samples, pa.list_(pa.string())),
            **numbers,
        }
    )


def moved(samples: int) -> None:
    """Fill a workspace as if every step had run, build the filter, move a threshold, build again; print the seconds of
    each node of both builds."""
    with tempfile.TemporaryDirectory() as folder:
        build = opened(Path(folder), 0.1)
        fill(build, samples)
        builds = [run(opened(Path(folder), threshold)) for threshold in (0.1, 0.2, 0.2)]
    print(f"\n{samples:,} samples, seconds of `vidal build --stage filter`")
    print(f"{'node':<20} {'scores new':>11} {'rule moved':>11} {'nothing new':>12}")
    for name in builds[0]:
        print(f"{name:<20} {builds[0][name]:>11.2f} {builds[1][name]:>11.2f} {builds[2][name]:>12.2f}")
    sums = [sum(seconds.values()) for seconds in builds]
    print(f"{'together':<20} {sums[0]:>11.2f} {sums[1]:>11.2f} {sums[2]:>12.2f}")


def opened(folder: Path, threshold: float) -> Build:
    path = folder / "bench.yaml"
    path.write_text(PIPELINE.format(workspace=folder / "workspace", threshold=threshold))
    return open_project(path, [], ["filter"]).build(Options(stages=("filter",)))


def run(build: Build) -> dict[str, float]:
    record = RunRecord(build.workspace, new_id(), {}, sys.argv)
    try:
        reports = build.run(lambda pending: LocalRunner(0), Lines(lambda line: None), record)
    finally:
        record.close()
    assert not any(report.done for report in reports if "/" in report.step and report.step in STEPS), reports
    return {report.step: report.seconds for report in reports}


STEPS: set[str] = set()


def fill(build: Build, samples: int) -> None:
    """Commit drawn rows for every step up to the last score, each with the digest of what it would have read."""
    rng = np.random.default_rng(0)
    for node in build.nodes:
        if isinstance(node, Table) and not isinstance(node, Spine):
            continue
        store = build.store(node.name)
        inputs = Inputs(node, {r.step: build.store(r.step) for r in node.reads}) if isinstance(node, Step) else None
        pieces = {r.step: build.store(r.step).pieces() for r in node.reads} if inputs else {}
        for part in range(-(-samples // 256)):
            ids = [f"clips-{n:09d}" for n in range(part * 256, min(samples, (part + 1) * 256))]
            stamps = dict.fromkeys(ids, "drawn")
            if inputs:
                rows = inputs.rows({name: found.get(part, ()) for name, found in pieces.items()})
                stamps = {id_: inputs.stamp(found, OK) for id_, found in rows.items()}
            results = [Result(id_, "video", OK, columns(node.columns, rng)) for id_ in stamps]
            store.write(Piece(part, 0, store.fingerprint), results, stamps, node.columns)
        if node.stage == "filter":
            STEPS.add(node.name)
        build.workspace.write_json(f"{node.name}/run-{store.fingerprint}.json", {})


def columns(types: Any, rng: np.random.Generator) -> dict[str, Any]:
    return {name: value(type_, rng) for name, type_ in types.items()}


def value(type_: pa.DataType, rng: np.random.Generator) -> Any:
    if pa.types.is_floating(type_):
        return float(rng.random())
    if pa.types.is_integer(type_):
        return int(rng.integers(1, 100))
    if pa.types.is_string(type_):
        return f"text {rng.integers(1 << 30)}"
    if pa.types.is_list(type_) and type_.value_type == pa.float16():
        vector = rng.normal(size=64)
        return (vector / np.linalg.norm(vector)).astype(np.float16)
    if pa.types.is_list(type_) and pa.types.is_integer(type_.value_type):
        return rng.integers(0, 1 << 31, 8).tolist()
    return None


if __name__ == "__main__":
    main()
