"""The shards read by stock tools alone."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from dataclasses import replace
from importlib.metadata import version
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


def test_plain_tarfile_reads_every_member(urls, built):
    index = {row["key"]: row for row in built.workspace.read_table("shards/index.parquet").to_pylist()}
    seen = set()
    for url in urls:
        with tarfile.open(url) as tar:
            for entry in tar:
                key, _, name = entry.name.partition(".")
                [told] = [member for member in index[key]["members"] if member["name"] == name]
                assert hashlib.sha256(tar.extractfile(entry).read()).hexdigest() == told["sha256"]
                seen.add((key, name))
    assert len(seen) == sum(len(row["members"]) for row in index.values())


def test_the_parts_of_open_clips_loader_read_them(urls, shards):
    """Those of its training pipeline that its `jpg` does not stand in the way of: the members are named instead."""
    import open_clip

    pipeline = webdataset.DataPipeline(
        webdataset.SimpleShardList([url for url in urls if "audio" not in url]),
        webdataset.tarfile_to_samples(),
        webdataset.select(lambda sample: "txt" in sample and "frm0.jpg" in sample),
        webdataset.decode("pilrgb"),
        webdataset.rename(image="frm0.jpg", text="txt"),
        webdataset.map_dict(
            image=open_clip.image_transform(32, is_train=False),
            text=lambda text: open_clip.get_tokenizer("ViT-B-32")(text)[0],
        ),
        webdataset.to_tuple("image", "text"),
        webdataset.batched(2, partial=True),
    )
    shapes = [(tuple(image.shape[1:]), tuple(text.shape[1:])) for image, text in pipeline]
    assert shapes == [((3, 32, 32), (77,))] * 3
    assert sum(json.loads((shards / "sizes.json").read_text()).values()) == int((shards / "__len__").read_text())


def test_open_clips_trainer_reads_a_set_with_a_picture_named_jpg(urls, tmp_path):
    """`open_clip_train` itself, where it is installed with the webdataset that it asks for."""
    if tuple(map(int, version("webdataset").split(".")[:3])) > (0, 2, 86):
        pytest.skip("open_clip_train asks for webdataset up to 0.2.86, and its loader fails with a later one")
    data = pytest.importorskip("open_clip_train.data", reason="open_clip_train's requirements are not installed")
    import argparse

    import open_clip

    renamed = tmp_path / "renamed-000000.tar"
    with webdataset.TarWriter(str(renamed)) as writer:
        for sample in clips(urls):
            writer.write({"__key__": sample["__key__"], "jpg": sample["frm0.jpg"], "txt": sample["txt"]})
    options = argparse.Namespace(
        train_data=str(renamed), val_data=None, train_num_samples=CLIPS, val_num_samples=None, dataset_resampled=False,
        train_data_upsampling_factors=None, batch_size=1, world_size=1, workers=1, seed=0,
    )  # fmt: skip
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    loader = data.get_wds_dataset(options, open_clip.image_transform(32, True), True, tokenizer=tokenizer).dataloader
    loader.num_workers = 0
    assert sum(len(texts) for _, texts in loader) == CLIPS


@pytest.mark.slow
def test_ray_data_reads_them(urls, tmp_path, monkeypatch):
    import ray

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(
        num_cpus=1, include_dashboard=False, object_store_memory=128 << 20, log_to_driver=False, logging_level="error"
    )
    try:
        rows = ray.data.read_webdataset([url for url in urls if "audio" not in url], decoder=None).take_all()
    finally:
        ray.shutdown()
    found = {sample["__key__"]: sample for sample in clips(urls)}
    assert len(rows) == CLIPS
    for row in rows:
        told = {name: value for name, value in row.items() if isinstance(value, bytes)}
        assert told == {name: value for name, value in found[row["__key__"]].items() if not name.startswith("__")}


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
