"""Outcomes on a terminal and in JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from rich.console import Console

from vidal.train.evaluate.evaluation import Measured, Outcome
from vidal.train.evaluate.report import as_json, tables

FIGURES = {"R@1": 42.55, "R@5": 65.4, "R@10": 75.5, "MdR": 2.0, "MnR": 15.25}
OTHERS = {"R@1": 40.0, "R@5": 65.4, "R@10": 76.0, "MdR": 2.0, "MnR": 14.0}
OUTCOME = Outcome(
    benchmark="msr-vtt-1k-a",
    title="MSR-VTT [bold]",
    items=990,
    texts=990,
    missing=10,
    stated_items=1000,
    stated_texts=None,
    measured=(Measured("text", "video", 990, FIGURES, {**FIGURES, "R@1": 41.0}),),
)
BASELINE = (Measured("text", "video", 990, OTHERS, {**OTHERS, "R@1": 39.0}),)
NAMED = Outcome(
    "nyu-v2", "NYU", 654, 0, 0, 654, None, (Measured("depth", "text", 654, {"top-1": 65.1, "top-5": 90.0}),)
)


def printed(outcomes, width: int = 120) -> str:
    console = Console(width=width, no_color=True)
    with console.capture() as capture:
        console.print(tables(outcomes, name="ours", baseline="open_clip"))
    return capture.get()


def cells(text: str, figure: str) -> list[str]:
    line = next(line for line in text.splitlines() if f" {figure} " in line)
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_figures_stand_beside_those_of_the_baseline():
    text = printed([replace(OUTCOME, baseline=BASELINE), NAMED])
    assert cells(text, "R@1") == ["text → video", "R@1", "42.5", "41.0", "40.0", "39.0", "+2.5"]
    assert cells(text, "MnR")[2:] == ["15.2", "15.2", "14.0", "14.0", "+1.2"]
    assert cells(text, "top-1") == ["depth → text", "top-1", "65.1", "–"]


def test_without_a_baseline_there_are_no_columns_for_it():
    text = printed([OUTCOME, NAMED], 80)
    assert cells(text, "R@1") == ["text → video", "R@1", "42.5", "41.0"]
    assert "open_clip" not in text and "±" not in text


def test_what_was_left_out_and_what_the_published_split_has_is_told():
    text = printed([OUTCOME])
    for part in ("MSR-VTT [bold]", "990 items, 990 texts", "10 left out: no file"):
        assert part in text
    assert "published: 1,000 items" in text
    assert "published" not in printed([NAMED])


def test_json_holds_the_figures_in_full():
    (found,) = json.loads(json.dumps(as_json([replace(OUTCOME, baseline=BASELINE)])))
    assert found["benchmark"] == "msr-vtt-1k-a" and found["missing"] == 10
    assert found["measured"][0]["figures"]["R@1"] == 42.55 and found["measured"][0]["unnormalised"]["R@1"] == 41.0
    assert found["baseline"][0]["figures"]["MnR"] == 14.0
