"""Two builds compared, against what was done to the second."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import vidal
from vidal.engine.errors import MissingError
from vidal.report.diff import terminal
from vidal.report.diff.difference import compare
from vidal.report.diff.records import record
from vidal.report.diff.sides import build_side, set_side
from vidal.report.diff.texts import NEW, OLD, SAME
from vidal.report.diff.wording import outcome
from vidal.report.outcomes import Outcome


@pytest.fixture(scope="module")
def names(finished, sides) -> dict[str, str]:
    """The names of the files by the ids of their samples."""
    found = finished[1].store("harvest/candidates").table(["url"]).to_pylist()
    return {**{row["id"]: row["url"] for row in found}, "clips-again": "again.mp4"}


def index(side) -> dict[str, dict]:
    table = pq.read_table(f"{side.location}/shards/index.parquet")
    return {row["key"]: row for row in table.to_pylist()}


def test_every_fate_that_changed_is_told_with_its_rule(differing, names):
    told = {
        (outcome(one.before), outcome(one.after)): [names[key] for key in one.samples.all()]
        for one in differing.fates.changed
    }
    assert {key: sorted(value) for key, value in told.items() if "duplicate" not in key[0] + key[1]} == {
        ("dropped by still", "kept"): ["still-7.mp4"],
        ("dropped by disagreeing", "kept"): ["unscored-10.mp4"],
    }
    assert [(one.outcome, [names[key] for key in one.samples.all()]) for one in differing.fates.lost] == [
        (Outcome("kept"), ["clip-0.mp4"])
    ]
    assert sum(len(one.samples) for one in differing.fates.gained) == 1
    assert differing.before.found == differing.after.found == 14 and differing.fates.both == 13


def test_samples_gained_lost_and_moved_are_those_of_the_indexes(differing, sides):
    old, new = index(sides[0]), index(sides[1])
    sets, both = differing.sets, old.keys() & new.keys()
    assert set(sets.lost.all()) == old.keys() - new.keys() and set(sets.gained.all()) == new.keys() - old.keys()
    assert set(sets.moved.all()) == {key for key in both if any(old[key][n] != new[key][n] for n in ("shard", "split"))}
    [split] = [one for one in sets.places if one.name == "split"]
    held = {key for key in both if new[key]["split"] == "validation"}
    assert held and set(split.samples.all()) == held
    assert [(turn.before, turn.after) for turn in split.turns] == [("train", "validation")]


def test_members_are_told_apart_by_their_checksums(differing, sides):
    old, new = index(sides[0]), index(sides[1])
    for one in differing.sets.members.series:
        first, last = one.name.split("*") if "*" in one.name else (one.name, None)

        def own(row, first=first, last=last):
            return [
                (m["name"], m["sha256"])
                for m in row["members"]
                if m["name"] == first
                or (last and m["name"].endswith(last) and m["name"].removesuffix(last)[len(first) :].isdigit())
            ]

        changed = {key for key in old.keys() & new.keys() if own(old[key]) != own(new[key])}
        assert set(one.changed.all()) | set(one.came.all()) | set(one.went.all()) == changed
    names = {one.name for one in differing.sets.members.series if one.some}
    assert {"json", "raw.txt", "txt"} <= names and "mp4" not in names and differing.sets.members.by == "sha256"


def test_texts_that_changed_are_shown_word_by_word(differing, sides):
    [view] = [one for one in differing.sets.texts if one.change.name == "txt"]
    assert len(view.change.changed) == 1
    [example] = view.examples
    old, new = (vidal.open(f"{side.location}/shards")[example.key].text() for side in sides)
    assert " ".join(one.text for one in example.words if one.of != NEW) == old
    assert " ".join(one.text for one in example.words if one.of != OLD) == new == "Quite another sound"
    assert {one.of for one in example.words} >= {OLD, NEW} <= {SAME, OLD, NEW}


def test_scores_are_those_of_all_that_was_judged(differing, sides):
    assert differing.judged
    found = {one.name: one for one in differing.scores}
    old, new = (pq.read_table(f"{side.location}/filter/scores.parquet") for side in sides)
    for name in ("motion", "brightness", "silence"):
        one = found[name]
        assert one.before.samples == len(old) - old[name].null_count and one.before.nulls == old[name].null_count
        assert one.after.samples == len(new) - new[name].null_count
        for side, table in enumerate((old, new)):
            counted = sum(counts[side] for counts in one.histogram.counts)
            assert counted == len(table) - table[name].null_count
        assert len(one.changed) == 0 and (0 < one.apart < 1) == (name != "silence")


def test_a_build_against_itself_has_no_difference(sides):
    found = compare(sides[0], sides[0])
    assert found.same and record(found)["same"] is True
    assert "No difference" in shown(found, 80)


def test_a_build_against_shards_is_compared_by_its_shards(sides):
    found = compare(sides[0], set_side(f"{sides[1].location}/shards"))
    assert found.fates is None and not found.judged and found.sets.lost.all() and not found.same


def test_shards_without_an_index_are_compared_by_size_and_records(sides, tmp_path):
    old, new = (
        Path(shutil.copytree(f"{side.location}/shards", tmp_path / name))
        for side, name in zip(sides, "ab", strict=True)
    )
    with_index = compare(set_side(str(old)), set_side(str(new)))
    (old / "index.parquet").unlink()
    found = compare(set_side(str(old)), set_side(str(new)))
    assert found.sets.members.by == "size" and found.sets.lost.all() == with_index.sets.lost.all()
    assert "no checksums" in shown(found, 100)
    [motion] = [one for one in found.scores if one.name == "motion"]
    [told] = [one for one in with_index.scores if one.name == "motion"]
    assert motion.before.samples == told.before.samples and motion.before.median == pytest.approx(told.before.median)


@pytest.mark.parametrize(
    ("name", "value", "told"), [("licence", "CC BY 4.0", ["licence"]), ("score_motion", 0.5, []), ("seconds", 9.0, [])]
)
def test_a_fact_or_score_that_changed_alone_is_a_difference(sides, tmp_path, name, value, told):
    copy = Path(shutil.copytree(f"{sides[0].location}/shards", tmp_path / "copy"))
    table = pq.read_table(copy / "index.parquet")
    at = table.schema.get_field_index(name)
    values = pa.array([value, *table[name].to_pylist()[1:]], table.schema.field(name).type)
    pq.write_table(table.set_column(at, table.schema.field(name), values), copy / "index.parquet")
    found = compare(set_side(f"{sides[0].location}/shards"), set_side(str(copy)))
    facts = [one for one in found.sets.facts if len(one.samples)]
    assert [one.name for one in facts] == told and not found.same
    assert [(turn.before, turn.after) for one in facts for turn in one.turns] == [("CC0-1.0", value) for _ in told]
    changed = {one.name for one in found.scores if len(one.changed)}
    assert changed == ({name.removeprefix("score_")} if not told else set())
    assert len(found.sets.moved) == len(found.sets.changed) == 0


def test_all_of_it_is_in_the_json(differing):
    told = json.loads(json.dumps(record(differing)))
    assert told["same"] is False and told["sets"]["lost"] == {
        "samples": len(differing.sets.lost),
        "keys": differing.sets.lost.all(),
    }
    [still] = [one for one in told["fates"]["changed"] if one["before"]["reason"] == "still"]
    assert still["after"]["status"] == "kept" and len(still["samples"]["keys"]) == 1


def test_a_build_that_wrote_no_shards_is_told_by_its_fates(sides, finished, tmp_path):
    from tests.shard.dataset import SHARDS
    from vidal.engine.build import Build, Options
    from vidal.engine.workspace import Workspace

    made, original = finished
    folder = Path(shutil.copytree(original.workspace.root, tmp_path / "half"))
    shutil.rmtree(folder / "shards")
    half = build_side("half.yaml", Build(Workspace(str(folder)), made.nodes(SHARDS), Options()))
    found = compare(sides[0], half)
    assert found.sets is None and {outcome(one.after) for one in found.fates.changed} == {"pending at shard/write"}
    with pytest.raises(MissingError, match=r"half\.yaml: no shards"):
        compare(set_side(f"{sides[0].location}/shards"), half)
    empty = Build(Workspace(str(tmp_path / "empty")), made.nodes(SHARDS), Options())
    with pytest.raises(MissingError, match=r"vidal build e\.yaml"):
        build_side("e.yaml", empty)


def shown(found, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(terminal.difference(found))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_shows_it_within_its_width(differing, width):
    told = shown(differing, width)
    assert max(map(len, told.splitlines())) <= width
    flat = " ".join(told.split())
    assert "gained" in flat and "dropped by still" in flat and "validation" in flat
    assert "[-A drum beating-] {+Quite another sound+}" in flat
    assert told.index("gained") < told.index("What became of candidates")
