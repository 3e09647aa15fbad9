"""The benchmark of models, on small ones: the functions are those that a GPU would be measured with."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from vidal import models
from vidal.models.place import place
from vidal.models.trials import ANSWER


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """`bench/models.py` as a module, its measurements cut short."""
    path = Path(__file__).parents[2] / "bench" / "models.py"
    spec = importlib.util.spec_from_file_location("bench_models", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_models"] = module
    spec.loader.exec_module(module)
    module.LONG = 0.01
    return module


def test_the_table_has_a_line_for_each_batch(bench, capsys):
    loaders = {"depth demo:depth": ("depth", bench.loader("depth", "demo:depth"))}
    bench.show(loaders, place("cpu"), [1, 3])
    floor, heading, *lines = capsys.readouterr().out.splitlines()
    assert floor.startswith("floor: ") and heading.split() == bench.HEADING.split()
    cells = [line.split() for line in lines]
    assert [row[2] for row in cells] == ["1", "3"]
    assert all(float(row[3]) > 0 and row[4] == "–" and 0 < float(row[6].rstrip("%")) <= 100 for row in cells)


def test_operations_are_those_of_products(bench):
    a, b = torch.ones(8, 16), torch.ones(16, 32)
    assert bench.counted(lambda: a @ b) == 2 * 8 * 16 * 32


@pytest.mark.parametrize("role", ["clap", "depth", "infrared", "captioner", "video_captioner"])
def test_operations_of_every_role_are_counted(bench, role):
    model = models.load(role, bench.DEMO[role], device="cpu")
    assert bench.counted(lambda: bench.exercise(role).run(model, 1)) > 1e6


def test_operations_of_an_item_do_not_depend_on_the_batch(bench):
    model = models.load("clip", "demo:clip", device="cpu")
    one, four = bench.sweep("clip", model, [1, 4])
    assert one.flops == four.flops > 1e6


def test_random_weights_answer_with_a_fixed_number_of_tokens(bench):
    where = place("cpu", "bfloat16")
    model = bench.outlined("captioner", "demo:captioner", where)()
    assert {weight.dtype for weight in model.network.parameters()} == {torch.bfloat16}
    [row] = bench.sweep("captioner", model, [2])
    assert row.tokens == pytest.approx(row.items * ANSWER) and row.peak is None
    written = []
    real = model.network.generate
    model.network.generate = lambda *a, **k: written.append(real(*a, **k)) or written[-1]
    bench.exercise("captioner").run(model, 1)
    assert written[0].shape[-1] == ANSWER + 1, "after the token that starts a text"


def test_a_floor_is_a_rate(bench):
    assert 1e8 < bench.matrix_rate(place("cpu")) < 1e14
