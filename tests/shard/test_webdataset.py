"""The shards read by stock tools alone."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import webdataset
from PIL import Image

from tests.shard.dataset import CLIPS, SHARDS, SIDE, scene_of
from vidal.demo import language
from vidal.demo.render import render
from vidal.filter.config import FilterConfig, RuleConfig

PAGE = Path(__file__).parents[2] / "docs" / "shard-format.md"


@pytest.fixture
def urls(shards) -> list[str]:
    return [str(path) for path in sorted(shards.glob("*.tar"))]


def clips(urls):
    return webdataset.WebDataset(urls, shardshuffle=False).select(lambda sample: "mp4" in sample)


def test_frames_and_texts_as_pairs(urls):
    pairs = list(clips(urls).decode("pilrgb").to_tuple("frm0.jpg", "txt"))
    assert len(pairs) == CLIPS
    assert all(image.mode == "RGB" and image.size == (SIDE * 4 // 3 // 2 * 2, SIDE) for image, _ in pairs)
    assert {text for _, text in pairs} == {f"Refined: {language.caption(scene_of(f'{n}'))}" for n in range(CLIPS)}


def test_the_frame_is_the_scenes_picture(urls):
    for image, record in clips(urls).decode("rgb8").to_tuple("frm0.jpg", "json"):
        truth = render(scene_of(record["origin"]["url"]), 0.0).rgb
        assert np.abs(image.astype(int) - truth).mean() < 12


def test_depth_is_16_bits_by_stock_loaders(urls):
    """Pillow alone, and webdataset with Pillow as the reader of depth; its own `pilrgb` would make colour of it."""
    for sample in clips(urls):
        with Image.open(io.BytesIO(sample["dep0.png"])) as image:
            assert image.mode == "I;16" and image.format == "PNG"
    pillow = webdataset.handle_extension("dep0.png", lambda data: np.asarray(Image.open(io.BytesIO(data))))
    for depth, record in clips(urls).decode(pillow, "pilrgb").to_tuple("dep0.png", "json"):
        truth = render(scene_of(record["origin"]["url"]), 0.0).depth_mm
        assert depth.dtype == np.uint16 and depth.max() > 1000 and np.array_equal(depth, truth)


def test_the_index_file_counts_what_a_loader_yields(urls, shards):
    assert sum(1 for _ in webdataset.WebDataset(urls, shardshuffle=False)) == int((shards / "__len__").read_text())


def test_the_examples_of_the_page_run(built, copy, capsys):
    """Every webdataset example of docs/shard-format.md, on a dataset of clips as the page has it."""
    no_sounds = RuleConfig(name="sound", where="kind = 'audio'")
    replace(built, workspace=copy).build(SHARDS, rules=(no_sounds, *FilterConfig().rules))
    blocks = [code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S) if "open_clip" not in code]
    assert len(blocks) == 2 and all("workspaces/local-videos" in code for code in blocks)
    for code in blocks:
        exec(compile(code.replace("workspaces/local-videos", copy.root), str(PAGE), "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if line.startswith("(84, 64) Refined: ")] == said[:3]
    assert all(line.endswith(" uint16 metric") for line in said[3:]) and len(said) == 6
