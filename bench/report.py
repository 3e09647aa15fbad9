"""Time of a report's numbers and of its gallery, each against reading what it is made of alone, and of the first view
of its page, at two sizes.

python bench/report.py [--sizes 1000 10000]
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from engine import prepared, run

from vidal.engine.schemas import INDEX
from vidal.engine.tar import TarWriter
from vidal.media.depth_png import encode_depth
from vidal.media.images import encode_jpeg
from vidal.report.facts import collect
from vidal.report.gallery.embed import embed
from vidal.report.page.render import gallery_page
from vidal.shard.access import open_set


def write(folder: Path, samples: int) -> None:
    """A shard of pictures and records."""
    rng = np.random.default_rng(0)
    picture = encode_jpeg(rng.integers(0, 255, (64, 96, 3), np.uint8).repeat(4, 0).repeat(4, 1))
    depth = encode_depth(rng.integers(0, 9000, (64, 96), np.uint16).repeat(4, 0).repeat(4, 1))
    rows = []
    with open(folder / "bench-000000.tar", "wb") as stream:
        writer = TarWriter(stream)
        for number in range(samples):
            record = {"scores": {f"score_{n}": float(rng.random()) for n in range(20)}, "title": f"Title of {number}"}
            record["views"] = {name: f"what {name} says of sample {number} " * 4 for name in ("raw", "mplug")}
            content = {"json": json.dumps(record).encode(), "frm0.jpg": picture, "dep0.png": depth}
            members = [(name, writer.add(f"s{number:06d}.{name}", data)) for name, data in content.items()]
            listed = [{"name": name, "offset": at.offset, "size": at.size, "sha256": None} for name, at in members]
            row = {
                "key": f"s{number:06d}",
                "kind": "video",
                "shard": "bench-000000.tar",
                "offset": members[0][1].header,
            }
            rows.append({**row, "size": 0, "seconds": 8.0, "text": f"sample {number}", "members": listed})
        writer.close()
    pq.write_table(pa.Table.from_pylist(rows, schema=INDEX), folder / "index.parquet")


def numbers(folder: Path, samples: int) -> tuple[float, float, int]:
    """Seconds to read every table of a build with Arrow alone, and to collect the numbers of its report; and the
    samples that these count."""
    build, pipeline = prepared(folder, samples)
    run(build)
    started = time.perf_counter()
    for path in sorted(Path(build.workspace.root).rglob("*.parquet")):
        pq.read_table(path, use_threads=False)
    floor = time.perf_counter() - started
    started = time.perf_counter()
    report = collect(build, "bench", pipeline.filter.rules, lambda stages: "")
    return floor, time.perf_counter() - started, report.found.samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000])
    sizes = parser.parse_args().sizes
    print("samples  tables s  numbers s  ratio")
    for samples in sizes:
        with tempfile.TemporaryDirectory() as temporary:
            floor, taken, counted = numbers(Path(temporary), samples)
            print(f"{counted:7}  {floor:8.2f}  {taken:9.2f}  {taken / floor:5.2f}")
    print("samples  records s  gallery s  ratio  page MB  first view s")
    for samples in sizes:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            write(folder, samples)
            started = time.perf_counter()
            shards = open_set(str(folder))
            for row in range(samples):
                shards.index.record(row)
            floor = time.perf_counter() - started
            started = time.perf_counter()
            found = embed(open_set(str(folder)), 32_000_000)
            taken = time.perf_counter() - started
            page = folder / "page.html"
            blocks = "".join(f'<script type="text/plain" id="b-{name}">{text}</script>' for name, text in found.blocks)
            page.write_text(
                gallery_page("bench", samples)
                .replace('id="mode">"served"', 'id="mode">"embedded"')
                .replace("<script>", f"{blocks}<script>", 1)
            )
            size = page.stat().st_size / 1e6
            print(f"{samples:7}  {floor:9.2f}  {taken:9.2f}  {taken / floor:5.2f}  {size:7.1f}  {first_view(page)}")


def first_view(page: Path) -> str:
    """Seconds until the first cards are there, in headless Chromium."""
    chromium = shutil.which("chromium")
    if not chromium:
        return "no Chromium"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        begun = time.perf_counter()
        tab.goto(page.as_uri(), wait_until="commit")
        tab.wait_for_selector(".card")
        taken = time.perf_counter() - begun
        browser.close()
    return f"{taken:.2f}"


if __name__ == "__main__":
    main()
