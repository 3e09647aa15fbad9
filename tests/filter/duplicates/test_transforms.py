"""The claims of the benchmark, on the first of its clips."""

from __future__ import annotations

import importlib.util
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from vidal.filter.duplicates.config import PerceptualConfig

CLIPS, TRANSFORMED = 100, 20
FOUND = ("half bitrate", "scale 0.5", "crop 5 %", "logo", "mirrored", "speed 1.1", "trim 0.5 s")


def bench():
    """`bench/duplicates.py` as a module, also for workers that unpickle its functions."""
    path = Path(__file__).parents[3] / "bench" / "duplicates.py"
    if "bench_duplicates" not in sys.modules:
        spec = importlib.util.spec_from_file_location("bench_duplicates", path)
        module = sys.modules["bench_duplicates"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules["bench_duplicates"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_transformed_clips_are_found_and_distinct_ones_left_alone():
    module = bench()
    with ProcessPoolExecutor(os.cpu_count(), get_context("fork")) as pool:
        clips = list(pool.map(module.clip_hashes, range(CLIPS), [n < TRANSFORMED for n in range(CLIPS)]))
    config = PerceptualConfig()
    assert {name: module.recall(clips, name, config) >= 0.95 for name in FOUND} == dict.fromkeys(FOUND, True)
    dropped, pairs = module.false_pairs(clips, config)
    assert dropped <= 0.01 and pairs <= 0.0001
