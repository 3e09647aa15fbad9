"""Clips per second and CPU seconds per clip of every step of a whole build, the time it spends outside its steps, and
a bare ffmpeg transcode of the same clips as the floor.

python bench/stages.py [--clips 100] [--runner local]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from normalise import bare_transcode, cpu_seconds, normalised_size

from vidal.demo.clips import write_entry
from vidal.demo.run import KEY_VARIABLE
from vidal.demo.sites import Sites
from vidal.demo.trouble import Entry, catalogue
from vidal.engine.runs import events
from vidal.engine.workspace import Workspace

ENGINE = frozenset({"harvest/queries", "harvest/candidates"})
"""Tables that only keep the engine's books; the others (terms, verdicts, shards) do their stage's own work."""

PIPELINE = """
name: bench
workspace: {workspace}
part_size: {part_size}
runner: {{kind: {runner}, workers: {workers}}}
harvest:
  sources: [{{type: local, name: clips, path: clips}}]
filter:
  clip: {{checkpoint: "demo:clip"}}
  clap: {{checkpoint: "demo:clap"}}
generate:
  depth: {{checkpoint: "demo:depth"}}
  infrared: {{checkpoint: "demo:srgb-tir"}}
caption:
  keyframes: {{checkpoint: "demo:captioner"}}
  video: {{checkpoint: "demo:video-captioner"}}
  refine: {{url: "{url}/v1", model: demo-rewriter, api_key_env: {key}}}
shard: {{samples: {part_size}}}
"""


def main() -> None:
    """Make the clips, build them, print the table of steps, the overhead, and the floor."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--runner", choices=["local", "ray"], default="local")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--part-size", type=int, default=25)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vidal-bench-") as made:
        folder = Path(made)
        clips = make_clips(folder / "clips", options.clips)
        floor = transcode_all(clips, folder, options.workers)
        wall, steps = build(folder, options)
    count, workers = options.clips, options.workers
    print(f"{count} demo clips, {options.runner} runner, {workers} workers, parts of {options.part_size}")
    print(table(steps, workers))
    spent = sum(own_seconds(step, workers) for step in steps)
    print(f"\nthe command took {wall:.1f} s, {count / wall:.2f} clips/s; outside steps: {1 - spent / wall:.1%}")
    media = next(step for step in steps if step["step"] == "harvest/media")
    each = media["cpu"] / media["done"]
    print(f"bare ffmpeg transcode: {floor:.3f} CPU s/clip; harvest/media: {each / floor:.2f} x that")


def make_clips(folder: Path, count: int) -> list[Path]:
    """Good clips of the demo world with their texts beside them."""
    folder.mkdir()
    entries = [entry for entry in catalogue(0, count) if entry.kind == "video" and entry.trouble is None]
    with ProcessPoolExecutor() as pool:
        return list(pool.map(write_clip, entries, [folder] * len(entries)))


def write_clip(entry: Entry, folder: Path) -> Path:
    path = folder / entry.filename
    write_entry(entry, path)
    texts = {"title": entry.title, "hashtags": entry.hashtags, "description": entry.description}
    path.with_suffix(".json").write_text(json.dumps(texts))
    return path


def transcode_all(clips: list[Path], folder: Path, workers: int) -> float:
    """CPU seconds per clip of bare ffmpeg commands, as many at once as the build has workers."""
    sizes = [normalised_size(clip) for clip in clips]
    (folder / "floor").mkdir()
    before = cpu_seconds()
    with ThreadPoolExecutor(workers) as pool:
        for done in [
            pool.submit(bare_transcode, clip, size, folder / "floor" / f"{clip.name}.mp4")
            for clip, size in zip(clips, sizes, strict=True)
        ]:
            done.result()
    return (cpu_seconds() - before) / len(clips)


def build(folder: Path, options: argparse.Namespace) -> tuple[float, list[dict[str, Any]]]:
    """Run `vidal build` as a user would: wall seconds of the command, and what each step reported."""
    with Sites(folder, []) as sites:
        settings = {"workspace": folder / "w", "url": sites.base_url, "key": KEY_VARIABLE, **vars(options)}
        (folder / "bench.yaml").write_text(PIPELINE.format(**settings))
        command = [sys.executable, "-m", "vidal", "build", str(folder / "bench.yaml")]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, KEY_VARIABLE: "demo"})
        wall = time.perf_counter() - started
    workspace = Workspace(str(folder / "w"))
    [run] = [path.name for path in (folder / "w/runs").iterdir()]
    return wall, [event for event in events(workspace, run) if event["event"] == "step_ended"]


def table(steps: list[dict[str, Any]], workers: int) -> str:
    """One line per step. `own` is the share of the workers' time that the step's own code ran."""
    lines = [f"{'':22}{'done':>6}{'wall s':>8}{'per s':>8}{'CPU s each':>12}{'own':>7}"]
    for step in steps:
        seconds, done = step["seconds"], step["done"] or 1
        cpu = f"{step['cpu'] / done:.3f}" if step["worked"] else ""
        own = own_seconds(step, workers) / seconds
        lines.append(f"{step['step']:22}{step['done']:6}{seconds:8.2f}{done / seconds:8.1f}{cpu:>12}{own:7.0%}")
    return "\n".join(lines)


def own_seconds(step: dict[str, Any], workers: int) -> float:
    """Wall seconds that a step's own code would take on workers never idle; of a table's all, of the engine's none."""
    if step["worked"]:
        return step["active"] / workers
    return 0.0 if step["step"] in ENGINE else step["seconds"]


if __name__ == "__main__":
    main()
