"""Take-downs from a workspace of real clips, with pieces of several numbers and of stale settings."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.shard.dataset import SHARDS, TARS, Dataset, dataset
from tests.stopping import Stopped, Stopping
from vidal.engine import forgotten
from vidal.engine.attempt import Retry
from vidal.engine.build import Build, Options
from vidal.engine.commits import Piece, Store, all_pieces
from vidal.engine.errors import ConfigError
from vidal.engine.progress import Lines, StepReport
from vidal.engine.runners.local import LocalRunner
from vidal.engine.runs import RunRecord, new_id
from vidal.engine.schemas import CANDIDATE_COLUMNS
from vidal.engine.step import OK, Result
from vidal.engine.workspace import Workspace
from vidal.forget import Found, find, forget
from vidal.harvest import names
from vidal.harvest.candidate import safe_id
from vidal.shard.read import Shards
from vidal.shard.verify import verify
from vidal.status import failures, step_statuses

VICTIM, TWIN, COPY, FAILED, STILL, SOUND = (
    "clip-0.mp4", "clip-1.mp4", "copy.mp4", "broken.mp4", "still-7.mp4", "sound-6.ogg",
)  # fmt: skip
TITLE = "Quokkas of Zanzibar parade"
SOUNDS = ("sound-5.ogg", "sound-6.ogg", "sound-7.ogg")
KILLED = """
import sys
from tests.stopping import Stopping, kill
from vidal.forget import find, forget
workspace = Stopping(sys.argv[1], int(sys.argv[2]), kill)
with workspace.lock():
    workspace.sweep()
    forget(workspace, "vidal", find(workspace, sys.argv[3:]))
"""


@dataclass(frozen=True)
class World:
    """A copy of the built dataset."""

    made: Dataset

    @property
    def workspace(self) -> Workspace:
        return self.made.workspace

    def forget(self, *entries: str) -> tuple[Found, dict[str, str]]:
        found = find(self.workspace, entries)
        return found, forget(self.workspace, "vidal", found)

    def build(self, **options) -> dict[str, StepReport]:
        """Build, and the report of every step."""
        build = Build(self.workspace, self.made.nodes(SHARDS), Options(retry=Retry(attempts=1), **options))
        record = RunRecord(self.workspace, new_id(), {}, ["test"])
        try:
            reports = build.run(lambda pending: LocalRunner(0), Lines(lambda line: None), record)
        finally:
            record.close()
        return {report.step: report for report in reports}

    def retitle(self, file: str, title: str) -> None:
        (self.made.media / file).with_suffix(".json").write_text(json.dumps({"title": title, "licence": "CC0-1.0"}))


def key(file: str) -> str:
    return safe_id("clips", file)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Built three times: with another title of a clip, with another checkpoint, and as it is."""
    made, _ = dataset(tmp_path_factory.mktemp("forget") / "dataset")
    world = World(made)
    world.retitle(VICTIM, TITLE)
    made.build(SHARDS, checkpoint="other")
    world.build()
    return world


@pytest.fixture
def world(built: World, tmp_path: Path) -> World:
    folder = shutil.copytree(built.workspace.root, tmp_path / "w")
    media = shutil.copytree(built.made.media, tmp_path / "media")
    world = World(replace(built.made, workspace=Workspace(str(folder)), media=media))
    world.build()
    return world


def everything(workspace: Workspace) -> dict[str, bytes]:
    """Every file of a workspace but the records of runs."""
    root = Path(workspace.root)
    found = {str(path.relative_to(root)): path for path in sorted(root.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(("runs/", ".lock"))}


def told(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """All text of every file of a workspace by its name: of Parquet files, what they hold."""
    for path in sorted(Path(workspace.root).rglob("*")):
        name = str(path.relative_to(workspace.root))
        if name.endswith(".parquet"):
            yield name, f"{workspace.read_table(name).to_pylist()} {workspace.table_metadata(name)}"
        elif path.is_file():
            yield name, path.read_bytes().decode("latin-1")


def members(workspace: Workspace) -> Iterator[tuple[str, str, str]]:
    """The tar, the name and the SHA-256 of every member in a workspace."""
    for path in sorted(Path(workspace.root).rglob("*.tar")):
        with tarfile.open(path) as tar:
            for info in tar:
                yield path.name, info.name, hashlib.sha256(tar.extractfile(info).read()).hexdigest()


def traces(workspace: Workspace, words: list[str], digests: set[str]) -> list[str]:
    """Where a workspace tells of something: by words or by the hash of a member."""
    found = [f"{word} in {name}" for name, text in told(workspace) for word in words if word in text]
    return found + [f"{member} in {tar}" for tar, member, digest in members(workspace) if digest in digests]


def of(workspace: Workspace, file: str) -> set[str]:
    """The hashes of a file's own members: those that no other file has too."""
    own = {digest for _, name, digest in members(workspace) if name.startswith(f"{key(file)}.")}
    return own - {digest for _, name, digest in members(workspace) if not name.startswith(f"{key(file)}.")}


def times(world: World) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in Path(world.workspace.path("shards")).glob("*.tar")}


def held(world: World) -> set[str]:
    shards = Shards(world.workspace.path("shards"))
    return {sample.key for path in shards.paths for sample in shards.samples(path)}


def test_nothing_of_a_forgotten_sample_is_left_anywhere(world: World) -> None:
    words, digests = [key(VICTIM), VICTIM, TITLE.split()[0]], of(world.workspace, VICTIM)
    before = traces(world.workspace, words, digests)
    assert len({trace.rpartition(" ")[2].partition("/")[0] for trace in before}) > 5 and len(digests) > 30
    numbers = {(piece.number, piece.fingerprint) for step in ("harvest/candidates", "generate/depth")
               for piece in all_pieces(world.workspace, step)}  # fmt: skip
    assert {number for number, _ in numbers} >= {0, 1} and len({printed for _, printed in numbers}) == 3
    world.forget(key(VICTIM))
    assert traces(world.workspace, words, digests) == []
    world.build()
    assert traces(world.workspace, words, digests) == []


def test_only_its_shard_is_rewritten_and_a_build_finds_nothing_to_do(world: World) -> None:
    rest = held(world) - {key(VICTIM)}
    before = times(world)
    [shard] = {row["shard"] for row in world.workspace.read_table("shards/index.parquet").to_pylist()
               if row["key"] == key(VICTIM)}  # fmt: skip
    found, outcomes = world.forget(key(VICTIM))
    assert outcomes == {shard.removesuffix(".tar"): "rewritten"} and found.ids == {key(VICTIM)}
    assert set(found.steps) == {
        "harvest/search", "harvest/candidates", "harvest/screen", "harvest/media", "harvest/admit", "filter/quality",
        "filter/sound", "filter/score", "generate/depth", "generate/infrared", "caption/refine",
    }  # fmt: skip
    assert set(found.steps.values()) == {1} and (found.unknown, found.already, found.copies) == ((), (), ())
    after = times(world)
    assert {name for name in TARS if after[name] != before[name]} == {shard} and held(world) == rest
    assert verify(Shards(world.workspace.path("shards"))).problems == ()
    reports = world.build()
    assert {name for name, report in reports.items() if report.done} == {
        "filter/scores", "filter/duplicates", "filter/verdicts",
    }  # fmt: skip
    assert times(world) == after and world.build()["filter/verdicts"].done == 0


def test_it_never_comes_back(world: World) -> None:
    """Not when its source lists it anew with other texts, not on asking for what failed, nothing is fetched for it."""
    rest = held(world) - {key(VICTIM)}
    world.forget(key(VICTIM), key(FAILED))
    world.retitle(VICTIM, "Quokkas come back")
    world.retitle(FAILED, "Quokkas were broken")
    reports = world.build(retry_failed=frozenset())
    assert reports["harvest/search"].done == 1 and reports["harvest/media"].done == 0
    assert traces(world.workspace, [key(VICTIM), "Quokkas", key(FAILED)], set()) == [] and held(world) == rest
    assert key(FAILED) not in {row.id for row in failures(Build(world.workspace, world.made.nodes(SHARDS), Options()))}
    statuses = {step.step: step for step in step_statuses(Build(world.workspace, world.made.nodes(SHARDS), Options()))}
    assert all(step.state == "done" for step in statuses.values())
    assert statuses["harvest/candidates"].statuses == {"ok": 12}


def test_forgotten_twice_is_forgotten_once(world: World) -> None:
    world.forget(key(VICTIM), "nobody")
    once, before = everything(world.workspace), times(world)
    found, outcomes = world.forget(key(VICTIM), "nobody")
    assert (found.ids, found.steps, outcomes, found.unknown) == (frozenset(), {}, {}, ())
    assert found.already == (key(VICTIM), "nobody")
    assert everything(world.workspace) == once and times(world) == before


@pytest.mark.parametrize("file", [STILL, FAILED], ids=["dropped", "failed"])
def test_a_sample_that_is_in_no_shard(world: World, file: str) -> None:
    before, digests = times(world), of(world.workspace, file)
    found, outcomes = world.forget(file)
    assert found.ids == {key(file)} and outcomes == {} and times(world) == before
    assert traces(world.workspace, [key(file), file], digests) == []
    assert world.build()["shard/write"].done == 0 and times(world) == before


def test_all_samples_of_a_shard(world: World) -> None:
    """Its number stays unused."""
    before = times(world)
    _, outcomes = world.forget(*SOUNDS)
    assert outcomes == {TARS[2].removesuffix(".tar"): "removed"}
    assert world.build()["shard/write"].done == 0
    assert times(world) == {name: before[name] for name in TARS[:2]}
    assert held(world).isdisjoint(map(key, SOUNDS)) and verify(Shards(world.workspace.path("shards"))).problems == ()


def test_what_is_not_there_is_said_and_kept_out_once_it_is_found(world: World) -> None:
    late = "late-4.mp4"
    found, _ = world.forget(late)
    assert found.unknown == (late,) and found.ids == frozenset()
    (world.made.media / late).write_bytes((world.made.media / VICTIM).read_bytes() + b"\0\0\0\x08free")
    world.retitle(late, "Comes too late")
    reports = world.build()
    assert reports["harvest/search"].done == 1 and reports["harvest/media"].done == 0
    assert traces(world.workspace, [key(late), "Comes too late"], set()) == []


def test_the_same_bytes_under_another_id_stay_and_are_told(world: World) -> None:
    found, _ = world.forget(TWIN)
    assert found.copies == (key(COPY),) and key(TWIN) not in held(world)
    world.build()
    assert key(COPY) in held(world)


def found_at(workspace: Workspace, urls: dict[str, str]) -> None:
    """Commit candidates found at addresses."""
    results = [Result(id_, "video", OK, {"url": url, "source": id_.partition("_")[0]}) for id_, url in urls.items()]
    store = Store(workspace, "harvest/candidates", "a" * 12)
    store.write(Piece(0, 0, store.fingerprint), results, dict.fromkeys(urls, ""), CANDIDATE_COLUMNS)


@pytest.mark.parametrize(
    "entry", ["youtube_abc", "https://www.youtube.com/watch?v=abc&t=5", "youtu.be/abc", "other_abc"]
)
def test_a_clip_found_under_two_ids_at_one_address_is_forgotten_under_both(tmp_path: Path, entry: str) -> None:
    workspace = Workspace(str(tmp_path / "w"))
    watched, short = "https://www.youtube.com/watch?v=abc", "https://www.youtube.com/shorts/abc"
    found_at(workspace, {"youtube_abc": watched, "other_abc": short, "youtube_abcd": f"{watched}d"})
    found = find(workspace, [entry])
    assert found.ids == {"youtube_abc", "other_abc"} and found.unknown == ()
    forget(workspace, "vidal", found)
    assert [row["id"] for row in Store(workspace, "harvest/candidates", "a" * 12).table([]).to_pylist()] == [
        "youtube_abcd"
    ]
    assert "https://m.youtube.com/watch?v=abc" not in forgotten.read(workspace)
    assert (
        names.without([{"id": "third_x", "url": "https://m.youtube.com/watch?v=abc"}], forgotten.read(workspace)) == []
    )


def test_an_uploader_is_no_sample(world: World) -> None:
    before = everything(world.workspace)
    with pytest.raises(ConfigError, match=r"names an uploader.*harvest\.screen\.deny"):
        world.forget(key(VICTIM), "uploader:somebody")
    assert everything(world.workspace) == before


def test_why_a_run_stopped_names_it_no_more(world: World) -> None:
    record = RunRecord(world.workspace, new_id(), {"deny": [key(VICTIM), f"{key(VICTIM)}-2"]}, ["vidal", "build"])
    record.event("part_committed", step="harvest/media", samples=4)
    record.event("run_stopped", error="OSError", traceback=f"File {VICTIM!r}: {key(VICTIM)}\n")
    record.close()
    world.forget(key(VICTIM))
    settings = world.workspace.read_json(f"runs/{record.id}/run.json")["pipeline"]
    assert settings["deny"] == ["(forgotten)", f"{key(VICTIM)}-2"]
    committed, stopped = world.workspace.read_bytes(f"runs/{record.id}/events.jsonl").decode().splitlines()
    assert json.loads(committed)["samples"] == 4
    assert json.loads(stopped)["traceback"] == "File '(forgotten)': (forgotten)\n"


def test_a_workspace_without_shards_forgets_the_rest(world: World) -> None:
    digests = of(world.workspace, VICTIM)
    for folder in ("shards", "shard"):
        shutil.rmtree(world.workspace.path(folder))
    _, outcomes = world.forget(key(VICTIM))
    assert outcomes == {} and traces(world.workspace, [key(VICTIM), VICTIM], digests) == []
    assert not world.workspace.exists("shards/index.parquet")


def test_a_build_after_an_interrupted_take_down_does_not_bring_it_into_the_shards(world: World) -> None:
    """The list is written first, and everything that finds or writes samples asks it."""
    rest, before = held(world) - {key(VICTIM)}, times(world)
    with pytest.raises(Stopped):
        forget(Stopping(world.workspace.url, 2), "vidal", find(world.workspace, [key(VICTIM)]))
    assert key(VICTIM) in forgotten.read(world.workspace) and key(VICTIM) in held(world)
    assert world.build()["harvest/candidates"].rejected == {"withdrawn": 1}
    assert held(world) == rest and sum(times(world)[name] != before[name] for name in TARS) == 1
    digests = of(world.workspace, VICTIM)
    world.forget(key(VICTIM))
    assert traces(world.workspace, [key(VICTIM), VICTIM], digests) == []


def changes(world: World, *entries: str) -> int:
    """How many changes a take-down makes."""
    counting = Stopping(world.workspace.url, 10**6)
    forget(counting, "vidal", find(counting, entries))
    return 10**6 - counting.left


@pytest.mark.slow
def test_interrupted_anywhere_the_same_command_ends_in_the_same_files(world: World, tmp_path: Path) -> None:
    entries = (VICTIM, SOUND)
    whole = Workspace(str(shutil.copytree(world.workspace.root, tmp_path / "whole")))
    total = changes(World(replace(world.made, workspace=whole)), *entries)
    expected = everything(whole)
    assert total > 60
    for stops in range(total):
        url = str(shutil.copytree(world.workspace.root, tmp_path / "stopped"))
        with pytest.raises(Stopped):
            forget(Stopping(url, stops), "vidal", find(Workspace(url), entries))
        forget(Workspace(url), "vidal", find(Workspace(url), entries))
        assert everything(Workspace(url)) == expected, f"stopped at change {stops}"
        shutil.rmtree(url)


def test_a_killed_take_down_is_ended_by_the_same_command(world: World, tmp_path: Path) -> None:
    whole = Workspace(str(shutil.copytree(world.workspace.root, tmp_path / "whole")))
    total = changes(World(replace(world.made, workspace=whole)), key(VICTIM))
    for stops in (total // 3, total - 1):
        folder = shutil.copytree(world.workspace.root, tmp_path / f"killed-{stops}")
        command = [sys.executable, "-c", KILLED, str(folder), str(stops), key(VICTIM)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert ended.returncode == -9, ended.stderr
        assert subprocess.run([*command[:4], "-1", key(VICTIM)], timeout=120).returncode == 0
        assert everything(Workspace(str(folder))) == everything(whole), f"killed at change {stops}"
