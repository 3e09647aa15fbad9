"""Precision and recall of the demo's rules on planted flaws: a world of clips is drawn, harvested, scored, judged.

python bench/filter.py [--seed 31415] [--each 20] [--good 100]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from vidal.demo.flaws import flawed_world, write_world
from vidal.demo.quality import GOAL, good_kept, judged, measure, missed, table


def main() -> int:
    """Print the table; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=31415)
    parser.add_argument("--each", type=int, default=20, help="clips of each flaw")
    parser.add_argument("--good", type=int, default=100, help="plain good clips")
    parser.add_argument("--folder", type=Path, help="where to leave world and workspace")
    options = parser.parse_args()
    entries = flawed_world(options.seed, options.each, options.good)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        started = time.perf_counter()
        write_world(folder / "clips", entries)
        drawn = time.perf_counter()
        outcomes = judged(folder, entries)
        print(f"{len(entries)} files of world {options.seed}: drawn in {drawn - started:.0f} s, ", end="")
        print(f"harvested, scored and judged in {time.perf_counter() - drawn:.0f} s\n")
    lines, kept = measure(entries, outcomes), good_kept(entries, outcomes)
    print(*table(lines), sep="\n")
    print(f"\ngood kept {kept:.3f} (goal for all: {GOAL})")
    return int(bool(missed(lines)) or kept < GOAL)


if __name__ == "__main__":
    sys.exit(main())
