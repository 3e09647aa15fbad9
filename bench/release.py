"""Time and peak memory of a release of VIDAL-10M's size in ids: listed, read, merged and exported again.

python bench/release.py [--ids 1000000] [--folder FOLDER]

The file is synthetic: entries of the released form, about 1.1 KB each, words drawn at random, every eighth beyond
ASCII. Each line is a process of its own; `times a load` compares its seconds with those of `json.load` of the file.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NODES = ("terms/terms", "harvest/queries", "harvest/search", "harvest/candidates")
PHASES = ("nothing", "json.load", "ijson", "listed", "listed, each slice read", *NODES[1:], "export")
WORDS = 20_000
ID = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def main() -> None:
    """Write the file, run every phase, and compare the export with the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ids", type=int, default=1_000_000)
    parser.add_argument(
        "--folder", type=Path, help="Where to make the files, which take about three times the release."
    )
    parser.add_argument("--phase", choices=PHASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.phase:
        print(json.dumps(measured(options.phase, options.folder)))
        return
    with tempfile.TemporaryDirectory(prefix="vidal-bench-", dir=options.folder) as made:
        table(Path(made), options.ids)


def table(folder: Path, ids: int) -> None:
    """Print a line per phase."""
    size = write_release(folder / "release.json", ids)
    print(f"{ids:,} ids, {size / 1e6:,.0f} MB\n")
    print(f"{'phase':<28}{'seconds':>9}{'MB/s':>7}{'times a load':>14}{'peak MB':>9}")
    load = 0.0
    for phase in PHASES:
        command = [sys.executable, __file__, "--phase", phase, "--folder", str(folder)]
        ended = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(ended.stdout.splitlines()[-1])
        load = found["seconds"] if phase == "json.load" else load
        told = f"{size / found['seconds'] / 1e6:7.0f}{found['seconds'] / load:14.2f}" if load else f"{'':21}"
        print(f"{phase:<28}{found['seconds']:9.1f}{told}{found['peak'] / 1e6:9.0f}", flush=True)
    print(f"\n{compared(folder)}")


def measured(phase: str, folder: Path) -> dict[str, float]:
    """Run a phase: its seconds, and the greatest resident memory of this process or of its worker, in bytes."""
    started = time.perf_counter()
    seconds = run(phase, folder)
    elapsed = time.perf_counter() - started
    peak = 1024 * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"seconds": elapsed if seconds is None else seconds, "peak": peak}


def run(phase: str, folder: Path) -> float | None:
    """Do a phase; its seconds, where they are not those of the call."""
    path = folder / "release.json"
    if phase == "json.load":
        with path.open("rb") as stream:
            json.load(stream)
    elif phase == "ijson":
        import ijson

        with path.open("rb") as stream:
            for _ in ijson.kvitems(stream, ""):
                pass
    elif phase.startswith("listed"):
        source = opened(folder)
        for part in source.listed():
            if "read" in phase:
                list(source.search(part.name))
    elif phase in NODES:
        return built(folder, NODES.index(phase) + 1)
    elif phase == "export":
        from vidal.shard.export import export

        export(build_of(folder, len(NODES)), folder / "export.json")
    else:
        build_of(folder, len(NODES))
    return None


def pipeline_of(folder: Path) -> Any:
    from vidal.pipeline import Pipeline

    source = {"type": "vidal-release", "name": "vidal10m", "path": "release.json"}
    return Pipeline(name="bench", workspace=str(folder / "w"), harvest={"sources": [source]})


def opened(folder: Path) -> Any:
    from vidal.harvest.sources import open_source

    return open_source(pipeline_of(folder).harvest.sources[0], folder)


def build_of(folder: Path, count: int) -> Any:
    """The build of the first nodes."""
    from vidal.engine.build import Build, Options
    from vidal.engine.workspace import Workspace
    from vidal.harvest.stage import harvest
    from vidal.terms.table import Terms

    pipeline = pipeline_of(folder)
    found = harvest(pipeline.harvest, folder, pipeline.part_size)
    nodes = [Terms(pipeline.terms, folder, pipeline.seed), *found.nodes]
    return Build(Workspace(pipeline.workspace), nodes[:count], Options())


def built(folder: Path, count: int) -> float:
    """Run the first nodes, of which the last alone has work; its seconds."""
    from vidal.engine.progress import Lines
    from vidal.engine.runners.local import LocalRunner
    from vidal.engine.runs import RunRecord, new_id

    build, runner = build_of(folder, count), LocalRunner(1)
    record = RunRecord(build.workspace, new_id(), {}, ["bench"])
    try:
        return build.run(lambda pending: runner, Lines(lambda line: None), record)[-1].seconds
    finally:
        record.close()
        runner.close()


def write_release(path: Path, ids: int) -> int:
    """Write a file of the released form; its bytes."""
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(WORDS)]
    with path.open("w", encoding="utf-8") as stream:
        stream.write("{")
        for number, (id_, entry) in enumerate(entries(rng, words, ids)):
            stream.write(
                f"{', ' if number else ''}{json.dumps(id_)}: {json.dumps(entry, ensure_ascii=number % 2 == 0)}"
            )
        stream.write("}")
    return path.stat().st_size


def entries(rng: random.Random, words: list[str], ids: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Ids such as YouTube's, each with the texts of an entry."""

    def text(low: int, high: int) -> str:
        return " ".join(rng.choices(words, k=rng.randint(low, high)))

    for number in range(ids):
        place, id_ = number * 64**5 + rng.randrange(64**5), ""
        for _ in range(11):
            place, digit = divmod(place, 64)
            id_ = ID[digit] + id_
        title = f"{text(3, 9)} #{text(1, 1)} #shorts" if number % 8 else f"{text(2, 5)} приключение 冒険 #мир"
        yield (
            id_,
            {
                "folder": f"coco_vat_{number % 25}",
                "mplug": f"This video describes {text(20, 40)}.",
                "polish_mplug": f"{text(20, 35)}.",
                "ofa": [f" {text(6, 12)}" for _ in range(8)],
                "sound_mplug": f"{text(12, 25)}.",
                "raw": title,
            },
        )


def compared(folder: Path) -> str:
    """Ids and texts of the file and of its export, compared one by one."""
    before, after = texts_of(folder / "release.json"), texts_of(folder / "export.json")
    same = sum(after.get(id_) == texts for id_, texts in before.items())
    return f"exported: {len(after):,} of {len(before):,} ids, {same:,} with the same texts"


def texts_of(path: Path) -> dict[str, int]:
    """A hash of all that an entry says but its folder, by id."""
    import ijson

    with path.open("rb") as stream:
        return {
            id_: hash(json.dumps({**entry, "folder": ""}, sort_keys=True)) for id_, entry in ijson.kvitems(stream, "")
        }


if __name__ == "__main__":
    main()
