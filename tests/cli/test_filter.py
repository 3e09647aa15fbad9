"""`vidal filter explain` as a user meets it: over a real workspace of a few clips."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.whole.local import Project, good_clips
from vidal.cli.app import main
from vidal.demo.clips import write_sound
from vidal.engine.workspace import Workspace
from vidal.filter.explain.pictures import SOUND_WIDTH
from vidal.media.images import decode_image

RULES = [
    {"name": "duplicate", "where": "duplicate"},
    {"name": "wordy", "where": "words > 6", "kinds": ["video"]},
    {"name": "quiet", "where": "loudness < -60", "missing": "drop", "kinds": ["audio"]},
    {"name": "lively", "where": "motion > 2", "action": "flag"},
    {"name": "silent", "where": "silence > 0.5"},
]
FILTER = {"rules": RULES, "duplicates": {"perceptual": None}}
LONG = "Many words <script>alert(1)</script> in a title \u202e of a \x1b[31mclip"
STAGES = ("--stage", "terms", "--stage", "harvest", "--stage", "filter")


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    error: str


def vidal(project: Project, *words: str) -> Said:
    """Run a command in a project's folder and in this process."""
    out, error = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(error):
        patch.chdir(project.folder)
        patch.setattr(sys, "argv", ["vidal", *words])
        patch.setenv("COLUMNS", "110")
        with pytest.raises(SystemExit) as ended:
            main()
    return Said(ended.value.code or 0, out.getvalue(), error.getvalue())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three clips, of which one has a long and hostile title and one is another's copy, a silent sound, a file that is
    no clip and one with a title of one word; scored."""
    project = Project(tmp_path_factory.mktemp("own"))
    ball, wordy = (project.add(entry) for entry in good_clips(2))
    clips = ball.parent
    for path in clips.glob("*.json"):
        path.unlink()
    ball, wordy = ball.rename(clips / f"ball{ball.suffix}"), wordy.rename(clips / f"wordy{wordy.suffix}")
    (clips / f"copy{ball.suffix}").write_bytes(ball.read_bytes())
    (clips / "broken.mp4").write_bytes(b"no clip")
    (clips / "word.mp4").write_bytes(b"no clip either")
    write_sound(clips / "silent.ogg", np.zeros(48000, np.float32), 48000)
    titles = {"wordy": LONG, "word": "Word"}
    for path in list(clips.iterdir()):
        path.with_suffix(".json").write_text(json.dumps({"title": titles.get(path.stem, "A red ball rolls")}))
    project.configure(filter=FILTER, tolerance=1, runner={"kind": "local", "workers": 0})
    assert vidal(project, "build", *STAGES).code == 0
    return project


@pytest.fixture
def explain(built) -> Callable[..., Said]:
    """The command in the project built, or in another."""
    return lambda *words, project=built: vidal(project, "filter", "explain", *words)


@pytest.fixture
def copy(built, tmp_path) -> Project:
    return Project(Path(shutil.copytree(built.folder, tmp_path, dirs_exist_ok=True)))


def ids(project: Project, of: str) -> str:
    """The id of the one sample whose file begins so."""
    rows = [
        row for path in project.folder.glob("w/harvest/candidates/*.parquet") for row in pq.read_table(path).to_pylist()
    ]
    return next(row["id"] for row in rows if row["url"].startswith(of))


def loaded(said: Said) -> dict:
    assert said.code == 0, said
    return json.loads(said.out)


def test_the_counts_are_those_of_the_build(explain, built):
    found = loaded(explain("--json"))
    verdicts = pq.read_table(built.folder / "w/filter/verdicts.parquet").to_pylist()
    assert {rule["name"]: rule["total"]["in_order"] for rule in found["rules"] if rule["action"] == "drop"} == {
        name: sum(row["rule"] == name for row in verdicts) for name in ("duplicate", "wordy", "quiet", "silent")
    }
    assert {kind: fates["kept"] for kind, fates in found["samples"].items()} == {"video": 1, "audio": 0}
    assert found["changes"] == {"newly_kept": 0, "newly_dropped": 0}
    assert {row["rule"]: row["thresholds"][0]["value"] for row in found["scores"]} == {
        "wordy": 6,
        "quiet": -60,
        "lively": 2,
        "silent": 0.5,
    }
    shown = explain()
    assert shown.code == 0 and "4 samples: 1 kept" in shown.out and "words > 6" in shown.out and "--report" in shown.out


def test_a_moved_threshold_is_explained_without_a_build(explain, built):
    before = {path: path.stat().st_mtime_ns for path in (built.folder / "w").rglob("*")}
    found = loaded(explain("--json", "--set", "filter.rules.1.where=words > 1"))
    assert found["changes"] == {"newly_kept": 0, "newly_dropped": 1} and found["samples"]["video"]["kept"] == 0
    assert "1 more kept" in explain("--set", "filter.rules.1.where=words > 100").out
    assert {path: path.stat().st_mtime_ns for path in (built.folder / "w").rglob("*")} == before


def test_the_page_shows_the_samples_at_each_threshold(explain, built, tmp_path):
    said = explain("--report", str(tmp_path / "new/page"))
    content = (tmp_path / "new/page/index.html").read_text(encoding="utf-8")
    assert said.code == 0 and str(tmp_path / "new/page/index.html") in said.out
    assert "<script>" not in content and "&lt;script&gt;alert(1)" in content
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', content)
    shapes = [decode_image(base64.b64decode(picture)).shape[1] == SOUND_WIDTH for picture in pictures]
    assert (len(pictures), sum(shapes), "no picture" in content) == (10, 4, False)
    (tmp_path / "file").write_text("")
    assert "--report" in explain("--report", str(tmp_path / "file")).error


def test_a_key_tells_why_a_sample_is_dropped_or_kept(explain, built):
    shown = explain("--key", ids(built, "wordy."))
    assert shown.code == 0 and "dropped by wordy" in shown.out and "holds, decides" in shown.out
    assert "\x1b[31m" not in shown.out and "\u202e" not in shown.out and "words = " in shown.out
    assert "frm0.jpg" in shown.out and "harvest/media/part-" in shown.out and "words " in shown.out
    twins = [loaded(explain("--json", "--key", ids(built, name))) for name in ("ball.", "copy.")]
    [dropped] = [one for one in twins if not one["kept"]]
    [kept] = [one for one in twins if one["kept"]]
    assert dropped["rule"] == "duplicate" and dropped["same_as"] == {"duplicate": kept["id"]}
    assert kept["rule"] is None and [one["says"] for one in kept["rules"]] == [
        "does not hold", "does not hold", "is for other kinds", "does not hold", "does not hold"
    ]  # fmt: skip


def test_a_key_tells_what_cannot_be_told_and_why(explain):
    found = loaded(explain("--json", "--key", "silent.ogg"))
    quiet = next(one for one in found["rules"] if one["name"] == "quiet")
    assert (quiet["says"], quiet["holds"], quiet["decides"]) == ("cannot be told", True, True)
    assert quiet["unknown"] == {"loudness": "does not apply"} and found["rule"] == "quiet"
    lively = next(one for one in found["rules"] if one["name"] == "lively")
    assert lively["unknown"] == {"motion": "filter/quality is not for audio"} and not lively["holds"]
    assert "missing: drop, so it holds" in explain("--key", "silent.ogg").out


def test_a_key_of_what_never_came_to_the_filter_says_where_it_left(explain):
    broken = loaded(explain("--json", "--key", "broken.mp4"))["departure"]
    assert (broken["step"], broken["status"], broken["why"]) == ("harvest/media", "failed", "NotMedia")
    assert "failed in harvest/media: NotMedia" in explain("--key", "broken.mp4").out
    assert "rejected by the rule title_words of harvest/screen" in explain("--key", "word.mp4").out
    unknown = explain("--key", "nobody")
    assert unknown.code == 2 and "nobody" in unknown.error and not unknown.out


def test_a_key_that_was_forgotten_or_withdrawn(explain, copy):
    key, withdrawn = ids(copy, "silent."), ids(copy, "copy.")
    for path in copy.folder.glob("clips/copy.*"):
        path.unlink()
    assert vidal(copy, "forget", key).code == 0
    assert "run `vidal build --stage filter` first" in explain("--key", key, project=copy).error
    assert vidal(copy, "build", *STAGES).code == 0
    gone = explain("--key", key, project=copy)
    assert gone.code == 0 and "taken down" in gone.out
    assert "rejected by the rule withdrawn of harvest/candidates" in explain("--key", withdrawn, project=copy).out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("--set", "workspace=none"),
            "run `vidal build --stage terms --stage harvest --stage filter --set workspace=none`",
        ),
        (("--set", "filter.duplicates.perceptual={}"), "run `vidal build --stage filter --set"),
        (("--set", "filter.rules.0.where=nothing < 1"), "filter.rules.0.where: duplicate: 'nothing < 1'"),
        (("none.yaml",), "none.yaml does not exist"),
        (("--key", "a", "--report", "b"), "give one of them"),
    ],
)
def test_what_cannot_be_explained_is_one_message(explain, words, says):
    said = explain(*words)
    assert said.code == 2 and says in said.error and not said.out and "Traceback" not in said.error


def test_scores_older_than_the_samples_are_not_explained(explain, copy):
    (copy.folder / "clips/word.json").write_text(json.dumps({"title": "Now three words"}))
    assert vidal(copy, "build", "--stage", "harvest").code == 0
    said = explain(project=copy)
    assert said.code == 2 and "older than its samples; run `vidal build --stage filter` first" in said.error


def test_damaged_media_leave_the_page_without_a_picture(explain, copy, tmp_path):
    for tar in copy.folder.glob("w/harvest/media/*.tar"):
        tar.write_bytes(b"\0" * tar.stat().st_size)
    assert explain("--report", str(tmp_path / "page"), project=copy).code == 0
    content = (tmp_path / "page/index.html").read_text(encoding="utf-8")
    assert "data:image" not in content and "no picture" in content
    assert Workspace(str(copy.folder / "w")).exists("filter/scores.parquet")
