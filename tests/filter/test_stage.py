"""The stage over real files: media normalised by `harvest`, scored by the demo checkpoints, judged by rules."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from vidal.demo import language
from vidal.demo.clips import write_sound
from vidal.demo.render import render
from vidal.demo.scene import scene
from vidal.demo.sound import waveform
from vidal.engine.attempt import Retry
from vidal.engine.build import Build, Options
from vidal.engine.progress import Lines
from vidal.engine.runners.local import LocalRunner
from vidal.engine.runs import RunRecord, new_id
from vidal.engine.workspace import Workspace
from vidal.filter.config import ClipConfig, FilterConfig, ModelConfig, RuleConfig
from vidal.filter.stage import filtering
from vidal.filter.tables import VERDICTS
from vidal.harvest.config import HarvestConfig, MediaConfig
from vidal.harvest.sources.local import LocalConfig
from vidal.harvest.stage import harvest
from vidal.media.write import write_clip
from vidal.terms.config import TermsConfig
from vidal.terms.table import Terms

FPS = 8
RULES = (
    RuleConfig(name="duplicate", where="duplicate"),
    RuleConfig(name="still", where="motion < 0.03", kinds=("video",)),
    RuleConfig(name="silence", where="silence > 0.98"),
    RuleConfig(name="mismatch", where="clip_title < 0.5"),
    RuleConfig(name="mute", where="silence IS NULL", action="flag"),
)


def truth(number):
    return replace(scene(9, number), width=128, height=96, fps=FPS, seconds=1.0)


def write_clip_of(path, number, title=None, sound=1.0, still=False):
    one = truth(number)
    frames = [render(one, 0.0 if still else n / FPS).rgb for n in range(one.frames)]
    write_clip(path, frames, FPS, None if sound is None else sound * waveform(one))
    told = {"title": title or language.title(one), "hashtags": []}
    path.with_suffix(".json").write_text(json.dumps(told))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder of files and a function that scores and judges them; the first build is done."""
    folder = tmp_path_factory.mktemp("filter")
    files = folder / "files"
    files.mkdir()
    write_clip_of(files / "good.mp4", 0)
    write_clip_of(files / "mute.mp4", 1, sound=None)
    write_clip_of(files / "quiet.mp4", 2, sound=0.0)
    write_clip_of(files / "still.mp4", 3, still=True)
    write_clip_of(files / "wrong.mp4", 4, title=language.title(truth(5)))
    (files / "good-copy.mp4").write_bytes((files / "good.mp4").read_bytes())
    (files / "good-copy.json").write_text((files / "good.json").read_text())
    write_sound(files / "bell.ogg", waveform(truth(6), 48000), 48000)
    (files / "bell.json").write_text(json.dumps({"title": language.sound_title(truth(6))}))
    workspace = Workspace(str(folder / "w"))

    def build(rules=RULES):
        config = HarvestConfig(
            sources=(LocalConfig(type="local", name="files", path=str(files)),), media=MediaConfig(short_side=96)
        )
        found = harvest(config, folder, 4)
        clip, clap = ClipConfig(checkpoint="demo:clip"), ModelConfig(checkpoint="demo:clap")
        judged = filtering(FilterConfig(clip=clip, clap=clap, rules=rules), folder, found.media, found.admit)
        nodes = [Terms(TermsConfig(), folder, 0), *found.nodes, *judged.nodes]
        made = Build(workspace, nodes, Options(retry=Retry(attempts=1)))
        record = RunRecord(workspace, new_id(), {}, ["test"])
        try:
            reports = made.run(lambda pending: LocalRunner(0), Lines(lambda line: None), record)
        finally:
            record.close()
        return made, {report.step: report for report in reports}

    return build, build()


@pytest.fixture
def names(world):
    """The file each sample came from, by id."""
    found = world[1][0].store("harvest/candidates").table(["url"]).to_pylist()
    return {row["id"]: row["url"].rsplit("/", 1)[-1] for row in found}


def rows(build, step, *columns):
    return build.store(step).table(["status", *columns]).to_pylist()


def test_every_sample_has_every_score_that_its_media_allow(world, names):
    build, reports = world[1]
    sound = {names[row["id"]]: row for row in rows(build, "filter/sound", "silence", "loudness")}
    assert set(sound) == set(names.values()) and {row["status"] for row in sound.values()} == {"ok"}
    assert {name for name, row in sound.items() if row["silence"] is None} == {"mute.mp4"}
    assert sound["quiet.mp4"]["silence"] == 1.0 and sound["bell.ogg"]["silence"] < 0.5
    quality = {names[row["id"]]: row for row in rows(build, "filter/quality", "motion", "brightness")}
    assert set(quality) == set(names.values()) - {"bell.ogg"}
    assert quality["still.mp4"]["motion"] < 0.03 < quality["good.mp4"]["motion"]
    clip = {names[row["id"]]: row for row in rows(build, "filter/clip", "clip_title", "clip_title_max")}
    assert set(clip) == set(names.values()) - {"bell.ogg"}
    assert clip["wrong.mp4"]["clip_title"] < 0.5 < clip["good.mp4"]["clip_title"]
    clap = {names[row["id"]]: row for row in rows(build, "filter/clap", "clap_title")}
    assert set(clap) == set(names.values())
    assert {name for name, row in clap.items() if row["clap_title"] is None} == {"mute.mp4"}
    assert not any(report.failed for report in reports.values())


def test_verdicts_follow_the_rules(world, names):
    build, _ = world[0]()
    found = {names[row["id"]]: row for row in build.workspace.read_table(VERDICTS).to_pylist()}
    copy = max(id_ for id_, name in names.items() if name.startswith("good"))
    assert {name: row["rule"] for name, row in found.items() if row["rule"]} == {
        names[copy]: "duplicate",
        "still.mp4": "still",
        "quiet.mp4": "silence",
        "wrong.mp4": "mismatch",
    }
    assert {name for name, row in found.items() if row["flags"]} == {"mute.mp4"}
    kept = {id_ for ids in build.nodes[-1].kept(build.workspace).values() for id_ in ids}
    assert kept == {id_ for id_, name in names.items() if found[name]["kept"]} and len(kept) == 3


def test_moving_a_threshold_judges_again_and_scores_nothing(world, names):
    build, _ = world[0]()
    strict = RuleConfig(name="strict", where="clap_title < 2")
    _, reports = world[0]((strict,))
    assert {step: report.done for step, report in reports.items() if report.done} == {"filter/verdicts": 7}
    assert reports["filter/verdicts"].rejected == {"strict": 6}
    kept = [names[row["id"]] for row in build.workspace.read_table(VERDICTS).to_pylist() if row["kept"]]
    assert kept == ["mute.mp4"]
    _, again = world[0]((strict,))
    assert not any(report.done for report in again.values())
