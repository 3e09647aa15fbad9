"""The stored demo checkpoints keep what the table in docs/models.md says, on a small sample of held-out scenes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vidal.demo.train.__main__ import NAMES
from vidal.demo.train.evaluate import Found, Measure, Separation, evaluate, tables
from vidal.models.checkpoints import DEMO_FOLDER

DOCUMENT = Path(__file__).parents[2] / "docs" / "models.md"


@pytest.fixture(scope="module")
def found() -> Found:
    return evaluate(clips=32)


@pytest.fixture(scope="module")
def measures(found) -> list[Measure]:
    return found[0]


def test_every_goal_is_met(measures):
    goals = [one for one in measures if one.goal is not None]
    assert len(goals) == 10
    assert [one.name for one in goals if not one.passed] == []


def test_thresholds_tell_right_texts_from_wrong_ones(found):
    assert len(found[1]) == 6
    for one in found[1]:
        assert one.precision >= 0.95 and one.recall >= 0.95, one.name


def test_infrared_is_near_the_temperature(measures):
    (found,) = [one for one in measures if one.name.startswith("infrared mean absolute error")]
    assert found.value <= 0.06


def test_the_table_of_the_document_has_these_measures(measures):
    rows = re.findall(r"^\| (.+?) \| ([\d.]+) \|", DOCUMENT.read_text(), re.MULTILINE)
    written = {name: float(value) for name, value in rows}
    for one in measures:
        assert one.name in written
        if "CPU" not in one.name:
            assert abs(written[one.name] - one.value) < 0.1


def test_a_missed_goal_is_marked():
    measures = [Measure("high", 0.5, 0.8), Measure("low", 0.5, 0.1, at_most=True), Measure("free", 0.5)]
    assert [line.count("missed") for line in tables(measures, []).splitlines()[2:5]] == [1, 1, 0]


def test_precision_and_recall_of_a_threshold():
    one = Separation("score", np.array([0.9, 0.8, 0.7, 0.1]), np.array([0.75, 0.2, 0.1, 0.0]), 0.7)
    assert (one.precision, one.recall) == (0.75, 0.75)


def test_the_checkpoints_are_small_and_hold_no_pickle():
    files = [file for file in DEMO_FOLDER.rglob("*") if file.is_file()]
    assert {file.parent.name for file in files} == set(NAMES)
    assert sum(file.stat().st_size for file in files) < 13e6
    assert {file.suffix for file in files} <= {".json", ".safetensors", ".model", ".txt"}


@pytest.mark.parametrize(
    ("name", "model_type", "tokenizer"),
    [("captioner", "ofa", {"vocab.json", "merges.txt"}), ("video-captioner", "mplug-owl", {"tokenizer.model"})],
)
def test_the_captioners_have_the_form_of_the_published_ones(name, model_type, tokenizer):
    folder = DEMO_FOLDER / name
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == model_type
    assert {file.name for file in folder.iterdir()} == {
        "config.json", "generation_config.json", "model.safetensors", *tokenizer,
    }  # fmt: skip
    weights = load_file(folder / "model.safetensors")
    assert {weight.dtype for weight in weights.values() if weight.is_floating_point()} == {torch.float16}
    assert (folder / "model.safetensors").stat().st_size <= 3.5e6
