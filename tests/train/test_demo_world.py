"""Towers that are trained on one demo world find things in another, as bench/train.py measures it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

BENCH = Path(__file__).parents[2] / "bench" / "train.py"
REACHED = {
    "video": (90, 90, 0.6),
    "image": (90, 90, 0.6),
    "audio": (90, 0, 0.6),
    "thermal": (90, 0, 0.6),
    "depth": (90, 90, 0.6),
}
"""top-1, the objects named, and the share of R@1's ceiling. The toy infrared network blurs small objects."""


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_train", BENCH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    torch.set_num_threads(1)
    return module


def test_the_ceiling_counts_what_looks_alike(bench):
    shown = [bench.scene(bench.HELD_OUT, number) for number in range(3)]
    other = bench.replace(shown[0], colour="red" if shown[0].colour != "red" else "blue")
    assert bench.ceiling("video", [*shown, other]) == 100
    assert bench.ceiling("depth", [shown[0], other]) == 50
    assert bench.ceiling("audio", [shown[0]] * 8) == 12.5


@pytest.mark.parametrize(
    ("name", "kinds"), [("object", 6), ("video", 8), ("image", 8), ("depth", 2), ("thermal", 2), ("audio", 8)]
)
def test_a_kind_is_named_by_the_captions_of_its_own(bench, name, kinds):
    prompts = bench.prompts(name)
    shown = [bench.scene(bench.HELD_OUT, number) for number in range(40)]
    judged = [one for one in shown if bench.label(name, one) is not None]
    assert len(prompts) == kinds == len({bench.label(name, one) for one in judged})
    for one in judged:
        named = [place for place, told in enumerate(prompts) if bench.caption(name, one) in told]
        assert named == [bench.label(name, one)]
    assert (len(judged) < len(shown)) is (name == "thermal")


@pytest.fixture(scope="module")
def shards(bench, tmp_path_factory) -> tuple[Path, Path]:
    return bench.datasets(tmp_path_factory.mktemp("worlds"), bench.CLIPS)


@pytest.mark.slow
@pytest.mark.timeout(5400)
@pytest.mark.parametrize("name", ["depth", "thermal", "video", "image", "audio"])
def test_a_trained_tower_finds_what_it_has_not_seen(bench, shards, tmp_path, name):
    row = bench.measured(name, *shards, tmp_path)
    print(bench.HEADING, bench.line(row), sep="\n")
    assert row.text_unchanged
    assert row.minutes <= 10
    top, objects, share = REACHED[name]
    assert row.trained.top >= top
    assert not row.trained.object < objects
    assert row.trained.recall >= max(share * row.ceiling, row.start.recall)
