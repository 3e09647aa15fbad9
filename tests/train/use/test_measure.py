"""Evaluation files on shards, held against figures worked out by hand from the same vectors."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from tests.docs.pages import ROOT, blocks
from tests.train.data import world
from tests.train.use.made import stored
from vidal.engine.config import load as load_config
from vidal.engine.errors import ConfigError
from vidal.train.data.texts import text_policy
from vidal.train.evaluate.embedder import unit
from vidal.train.loop.distributed import World
from vidal.train.modalities import modality
from vidal.train.use import measure as measuring
from vidal.train.use.config import EvalConfig
from vidal.train.use.loading import load
from vidal.train.use.measure import measure
from vidal.train.use.samples import Samples

CLASSES = ("cat", "dog", "bird")
COUNT = 11
ALONE = World(0, 1, torch.device("cpu"))


def labelled(number: int) -> world.Members:
    """A clip whose record tells its class, but for number 9; of number 3 the depth is damaged."""
    members = world.clip(number)
    record = json.loads(members["json"])
    record["truth"] = {"animal": CLASSES[number % 3]} if number != 9 else {}
    damaged = {f"dep{frame}.png": b"no map" for frame in range(world.FRAMES)} if number == 3 else {}
    return {**members, **damaged, "json": json.dumps(record).encode()}


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> str:
    return str(world.folder(tmp_path_factory.mktemp("shards"), (6, COUNT - 6), labelled))


@pytest.fixture(scope="module")
def names(tmp_path_factory) -> dict[str, str]:
    return {"depth": stored(tmp_path_factory.mktemp("depth"), "depth")}


def config(names: dict[str, str], *tasks: dict[str, Any], **more: Any) -> EvalConfig:
    return EvalConfig.model_validate({"models": names, "device": "cpu", "measure": list(tasks), **more})


def task(shards: str, type_: str, **more: Any) -> dict[str, Any]:
    return {"type": type_, "shards": shards, "modality": "depth", **more}


def vectors(names: dict[str, str], shards: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Unit vectors of the shards' depth and titles, in order, and the keys."""
    towers = load(names, "cpu")
    samples = list(Samples(shards, modality("depth"), towers.vision("depth"), text_policy("raw")))
    media = towers.tensors("depth", [one.pixels for one in samples])
    return unit(media), unit(towers.texts([one.text for one in samples])), [one.key for one in samples]


def test_texts_and_samples_find_each_other_within_groups(names, shards):
    (outcome,) = measure(config(names, task(shards, "retrieval", text="raw", among=4)), ALONE)
    media, texts, keys = vectors(names, shards)
    assert keys == [world.key(number) for number in range(COUNT) if number != 3]
    found = {}
    for name, asked, shown in (("text", texts, media), ("depth", media, texts)):
        ranks = []
        for start in (0, 4):
            scores = asked[start : start + 4] @ shown[start : start + 4].T
            ranks += [1 + int((row >= row[n]).sum() - 1) for n, row in enumerate(scores)]
        found[name] = ranks
    for one in outcome.measured:
        assert one.queries == 8 and one.figures["MnR"] == pytest.approx(np.mean(found[one.query]))
        assert one.figures["R@1"] == pytest.approx(100 * np.mean(np.array(found[one.query]) == 1))
    assert [one.query for one in outcome.measured] == ["text", "depth"] and outcome.items == outcome.texts == 8
    assert "left out: 1 " in outcome.title and "among 4" in outcome.title


def test_without_among_all_are_looked_for_among_all(names, shards):
    (outcome,) = measure(config(names, task(shards, "retrieval", text="raw")), ALONE)
    assert outcome.items == 10 and outcome.measured[0].figures["MnR"] <= 10
    with pytest.raises(ConfigError, match="10 samples can be read; `among` asks for 64"):
        measure(config(names, task(shards, "retrieval", text="raw", among=64)), ALONE)


def test_samples_find_the_class_that_their_record_tells(names, shards):
    (outcome,) = measure(config(names, task(shards, "classes", label="truth.animal", word="depth photo")), ALONE)
    media, _, keys = vectors(names, shards)
    towers = load(names, "cpu")
    lines = (ROOT / "manifests/benchmarks/templates/clip.txt").read_text().splitlines()
    lines = [line.replace("photo", "depth photo") for line in lines if line and not line.startswith("#")]
    ordered = sorted(CLASSES)
    words = np.stack([unit(towers.texts([line.replace("{}", n) for line in lines])).mean(0) for n in ordered])
    kept = [n for n, key in enumerate(keys) if key != world.key(9)]
    right = [ordered.index(CLASSES[int(keys[n][1:]) % 3]) for n in kept]
    found = (media[kept] @ unit(words).T).argmax(1)
    assert outcome.measured[0].figures["top-1"] == pytest.approx(100 * np.mean(found == right))
    assert outcome.items == 9 and "1 NoLabel" in outcome.title and outcome.measured[0].figures["top-5"] == 100


def test_a_file_may_tell_the_classes_and_their_names(names, shards, tmp_path):
    rows = [f"{world.key(number)},{'even' if number % 2 == 0 else 'odd'}" for number in range(COUNT)]
    (tmp_path / "labels.csv").write_text("\n".join(["key,side", *rows]))
    classes = {"names": {"even": "an even number", "odd": "an odd one"}}
    told = {"label": "side", "labels": str(tmp_path / "labels.csv")}
    (outcome,) = measure(config(names, task(shards, "classes", **told, classes=classes)), ALONE)
    assert outcome.items == 10 and outcome.measured[0].queries == 10
    with pytest.raises(ConfigError, match="'odd', which `classes` does not name"):
        measure(config(names, task(shards, "classes", **told, classes={"names": {"even": "x"}})), ALONE)


def test_a_benchmark_and_a_baseline_stand_beside(names, tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        for number in range(2):
            path = tmp_path / "data" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(500, 9000, (40, 40), np.uint16)).save(path)
    (tmp_path / "own.yaml").write_text(
        "{name: own, title: Own, origin: here, licence: none, bring: nothing, "
        "rows: {format: folders, path: .}, id: '{class}-{stem}', media: {depth: '{class}/{file}'}, "
        "compare: [[depth, text]], classification: {label: class}}"
    )
    asked = {"type": "benchmark", "name": str(tmp_path / "own.yaml"), "folder": str(tmp_path / "data")}
    (outcome,) = measure(config(names, asked, baseline="demo:clip"), ALONE)
    assert outcome.items == 4 and len(outcome.measured) == len(outcome.baseline) == 1
    (tmp_path / "data" / "cat" / "0.png").write_bytes(b"none")
    with pytest.raises(ConfigError, match=r"0\.png cannot be read as depth: NotMedia"):
        measure(config(names, asked), ALONE)


@dataclass
class Threads:
    """Ranks as threads, which meet where processes would."""

    size: int
    parts: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parts, self.met = [None] * self.size, threading.Barrier(self.size)

    def gather(self, rank: int, part: Any) -> list[Any]:
        self.parts[rank] = part
        self.met.wait(60)
        found = list(self.parts)
        self.met.wait(60)
        return found


@dataclass(frozen=True)
class Rank(World):
    threads: Any = None

    def gathered(self, value: Any) -> list[Any]:
        return self.threads.gather(self.rank, value)


def test_several_processes_measure_what_one_measures(names, shards, monkeypatch):
    threads, own = Threads(2), threading.local()
    monkeypatch.setattr(measuring, "all_gather", lambda part: threads.gather(own.rank, part))
    asked = config(
        names, task(shards, "retrieval", text="raw"), task(shards, "classes", label="truth.animal"),
        baseline="demo:clip",
    )  # fmt: skip

    def run(rank: int) -> Any:
        own.rank = rank
        torch.set_num_threads(1)
        return measure(asked, Rank(rank, 2, torch.device("cpu"), threads))

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(run, range(2)))
    assert found[0] == found[1] == measure(asked, ALONE)


def test_a_file_that_is_wrong_is_told_with_its_line(tmp_path):
    path = tmp_path / "eval.yaml"
    for text, told in (
        ("models: {depth: m}\nmeasure:\n- {type: retrieval, shards: s, modality: audio}", "looks at audio"),
        ("models: {}\nmeasure:\n- {type: benchmark, name: msvd, folder: f}", "eval.yaml:1: models"),
        ("models: {depth: m}\nmeasure:\n- {type: classes, shards: s, modality: depth, label: a, views: 3}", "one view"),
        ("models: {depth: m}\nmeasure:\n- {type: retrieval, shards: s, modality: depth, amogn: 3}", "`among`"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=told):
            load_config(EvalConfig, path, [])


def test_the_file_on_the_page_is_a_file_of_this_kind():
    (text,) = blocks(ROOT / "docs" / "evaluation.md", "yaml")
    shown = EvalConfig.model_validate(yaml.safe_load(text))
    assert [one.type for one in shown.measure] == ["benchmark", "retrieval", "classes"]
