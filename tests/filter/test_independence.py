"""A sample's scores depend on the sample alone: not on the size of batches, the number of workers, or the order."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests import tiny
from vidal.demo import language
from vidal.demo.clips import write_sound
from vidal.demo.render import render
from vidal.demo.scene import scene
from vidal.demo.sound import waveform
from vidal.engine.attempt import Retry
from vidal.engine.batches import Clock, batches_of
from vidal.engine.build import Build, Options
from vidal.engine.progress import Lines
from vidal.engine.runners.local import LocalRunner
from vidal.engine.runs import RunRecord, new_id
from vidal.engine.step import Sample
from vidal.engine.workspace import Workspace
from vidal.filter.clap import ClapScore
from vidal.filter.clip import ClipScore
from vidal.filter.config import ClipConfig, HeadConfig, ModelConfig
from vidal.filter.heads import Heads
from vidal.filter.overlay import Overlay
from vidal.filter.tagger import Tagger
from vidal.harvest.config import HarvestConfig, MediaConfig
from vidal.harvest.sources.local import LocalConfig
from vidal.harvest.stage import harvest
from vidal.media.images import encode_jpeg
from vidal.media.sound import encode_flac
from vidal.media.write import write_clip
from vidal.terms.config import TermsConfig
from vidal.terms.table import Terms

RATE = 16000
SIZES = [(96, 128), (128, 96), (64, 64), (40, 72)]
TITLES = ["A red ball", "", "小さな赤い円 🎈", "كرة حمراء", "word " * 90, "\x00\u202e"]


@pytest.fixture(scope="module")
def samples():
    """Nineteen samples: pictures of four sizes, sounds of 0.1 to 9 seconds, without sound, title, terms or company."""
    found = []
    for number in range(19):
        truth = scene(77, number)
        height, width = SIZES[number % len(SIZES)]
        shown = replace(truth, width=width, height=height)
        count = (8, 1, 3)[number % 3]
        members = {
            f"frm{n}.jpg": encode_jpeg(render(shown, float(t), min(width, height)).rgb)
            for n, t in enumerate(np.linspace(0, 1, count))
        }
        wave = np.concatenate([waveform(truth, RATE)] * 3)[: (1600, 16000, 144000, 0)[number % 4]]
        members |= {"flac": encode_flac(wave, RATE)} if number % 5 else {}
        columns = {
            "title": TITLES[number % len(TITLES)] or (None if number % 2 else ""),
            "hashtags": language.hashtags(truth) if number % 4 == 0 else [],
            "terms": ([], ["a circle"], ["a circle", "rain falling"], None)[number % 4],
        }
        found.append(Sample(f"s{number:02d}", "video", columns, members))
    return found


def clip(folder):
    return ClipScore(ClipConfig(checkpoint="demo:clip"))


def clap(folder):
    return ClapScore(ModelConfig(checkpoint="demo:clap"))


def tagger(folder):
    return Tagger(ModelConfig(checkpoint=str(tiny.tagger(folder))))


def overlay(folder):
    return Overlay(ModelConfig(checkpoint=str(tiny.detector(folder))))


def bits(columns):
    """Columns that compare by their bits."""
    return {name: value.tobytes() if isinstance(value, np.ndarray) else value for name, value in columns.items()}


def given(step, sample):
    """The sample as the engine hands it to a step: with the members it reads."""
    read = next(read for read in step.reads if read.members)
    members = {name: content for name, content in sample.members.items() if read.wants(name)}
    return Sample(sample.id, sample.kind, sample.columns, members)


def run(step, samples, size):
    """The columns of all samples as the engine makes them, in batches of `size`."""
    step.resources = replace(step.resources, batch_size=size)
    fresh = [given(step, sample) for sample in samples]
    results = [one for batch in batches_of(step, fresh, Retry(attempts=1), Clock()) for one in batch]
    assert {result.status for result in results} == {"ok"} and len(results) == len(samples)
    return {result.id: bits(result.columns) for result in results}


@pytest.mark.parametrize("made", [clip, clap, tagger, overlay])
def test_neither_batch_size_nor_order_changes_a_bit(made, samples, tmp_path):
    step = made(tmp_path)
    step.setup()
    expected = run(step, samples, 16)
    order = np.random.default_rng(2).permutation(len(samples))
    shuffled = [samples[place] for place in order]
    for company, size in ((samples, 1), (shuffled, 3), (samples[::-1], 16)):
        assert run(step, company, size) == expected
    fresh = made(tmp_path)
    fresh.setup()
    assert run(fresh, shuffled[:5], 3) == {one.id: expected[one.id] for one in shuffled[:5]}
    columns = list(expected.values())
    for name in step.columns:
        assert len({str(one[name]) for one in columns}) > 3, name


def test_what_does_not_apply_is_null_and_nothing_else_is(samples, tmp_path):
    shown, heard = (run(step, samples, 16) for step in _ready(clip(tmp_path), clap(tmp_path)))
    for sample in samples:
        said = bool(sample.columns["title"] or sample.columns["hashtags"])
        asked, sound = bool(sample.columns["terms"]), "flac" in sample.members and int(sample.id[1:]) % 4 != 3
        assert {name for name, value in shown[sample.id].items() if value is None} == {
            *(() if said else ("clip_title", "clip_title_max")),
            *(() if asked else ("clip_term", "clip_term_max")),
            *(() if "frm1.jpg" in sample.members else ("clip_frames",)),
        }
        assert {name for name, value in heard[sample.id].items() if value is None} == {
            *(() if said and sound else ("clap_title",)),
            *(() if asked and sound else ("clap_term",)),
            *(() if sound else ("clap_embedding",)),
        }


def _ready(*steps):
    for step in steps:
        step.setup()
    return steps


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """A folder of six clips and two sounds."""
    files = tmp_path_factory.mktemp("independence") / "files"
    files.mkdir()
    for number in range(8):
        truth = replace(scene(78, number), width=(96, 72)[number % 2], height=72, fps=8, seconds=1.0)
        if number < 6:
            frames = [render(truth, n / 8).rgb for n in range(truth.frames)]
            write_clip(files / f"{number}.mp4", frames, 8, waveform(truth) if number % 3 else None)
        else:
            write_sound(files / f"{number}.ogg", waveform(truth, 48000), 48000)
        told = {"title": language.title(truth), "hashtags": language.hashtags(truth)}
        (files / f"{number}.json").write_text(json.dumps(told))
    return files


def build(folder, media, workers, part_size, size):
    """Score the media in a workspace of their own; each step's columns by id."""
    config = HarvestConfig(
        sources=(LocalConfig(type="local", name="files", path=str(media)),), media=MediaConfig(short_side=72)
    )
    heads = Heads("clip", [HeadConfig(name="liked", checkpoint=str(tiny.head(folder / "head")))])
    steps = [clip(folder), clap(folder), heads]
    for step in steps:
        step.resources = replace(step.resources, batch_size=size)
    nodes = [Terms(TermsConfig(), folder, 0), *harvest(config, folder, part_size).nodes, *steps]
    workspace = Workspace(str(folder / "w"))
    made = Build(workspace, nodes, Options(retry=Retry(attempts=1)))
    record = RunRecord(workspace, new_id(), {}, ["test"])
    try:
        made.run(lambda pending: LocalRunner(workers), Lines(lambda line: None), record)
    finally:
        record.close()
    found = {}
    for step in steps:
        for row in made.store(step.name).table(["status", *step.columns]).to_pylist():
            assert row["status"] == "ok"
            found[step.name, row["id"]] = {name: np.array(row[name]).tobytes() for name in step.columns}
    return found


@pytest.mark.slow
def test_nor_does_the_number_of_workers(media, tmp_path):
    """Whole builds: in one process and in two, parts and batches of other sizes."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    alone = build(tmp_path / "one", media, 0, part_size=8, size=16)
    assert len(alone) == 6 + 8 + 6
    assert build(tmp_path / "two", media, 2, part_size=3, size=2) == alone
