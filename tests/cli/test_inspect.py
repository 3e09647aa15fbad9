"""`vidal inspect` as a user meets it: conditions, checks and repairs over real shards."""

from __future__ import annotations

import io
import json
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.shard.dataset import dataset
from vidal.cli.app import main
from vidal.engine.tar import pack
from vidal.shard.access import open_set as opened


@pytest.fixture
def shards(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = dataset(tmp_path_factory.getbasetemp() / "dataset")[0]
    return Path(shutil.copytree(Path(made.workspace.root) / "shards", tmp_path / "shards"))


def vidal(*words: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command in this process."""
    out, error = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(error):
        patch.setattr(sys, "argv", ["vidal", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
    return ended.value.code or 0, out.getvalue(), error.getvalue()


def test_a_condition_lists_samples(shards):
    code, out, _ = vidal("inspect", shards, "--where", "kind = 'audio' AND seconds > 1")
    assert code == 0 and out.endswith("3 of 8 samples\n") and out.count("vidal-audio-000000.tar") == 3
    found = json.loads(vidal("inspect", shards, "--where", "score_brightness >= 0", "--json")[1])
    assert [row["kind"] for row in found] == ["video"] * 5


def test_an_unknown_column_is_answered_with_those_there_are(shards):
    code, _, error = vidal("inspect", shards, "--where", "second > 1")
    assert code == 2 and "the columns are: " in error and "seconds" in error and "score_brightness" in error


def test_damage_is_named_and_repaired(shards, tmp_path):
    path = shards / "vidal-audio-000000.tar"
    path.write_bytes(path.read_bytes()[:60_000])
    code, out, _ = vidal("inspect", path, "--verify")
    assert code == 1 and "unexpected end of data" in out and "the shard ends at byte 60000" in out
    code, out, _ = vidal("inspect", shards, "--repair", tmp_path / "out")
    assert code == 0 and "2 shards as they were" in out
    assert vidal("inspect", tmp_path / "out", "--verify")[0] == 0
    assert vidal("inspect", shards, "--repair", tmp_path / "out")[0] == 2


def keys(shards: Path, expression: str) -> list[str]:
    return [row["key"] for row in json.loads(vidal("inspect", shards, "--where", expression, "--json")[1])]


def test_what_a_condition_chooses_is_counted(shards):
    code, out, _ = vidal("inspect", shards, "--where", "kind = 'audio'", "--summary")
    assert code == 0 and "3 samples (3 audio) in 1 shards" in out and "vidal-000000.tar" not in out
    found = json.loads(vidal("inspect", shards, "--where", "kind = 'audio'", "--summary", "--json")[1])
    rows = [row for row in pq.read_table(shards / "index.parquet").to_pylist() if row["kind"] == "audio"]
    size = sum(member["size"] for row in rows for member in row["members"])
    assert found["shards"] == {"vidal-audio-000000.tar": {"samples": 3, "bytes": size}} and found["records"] == 3
    assert list(found["hours"]) == ["audio"] and found["members"]["flac"]["samples"] == 3
    whole = json.loads(vidal("inspect", shards, "--json")[1])
    assert whole == json.loads(vidal("inspect", shards, "--summary", "--json")[1]) and whole["kinds"]["video"] == 5
    code, out, _ = vidal("inspect", shards, "--where", "false", "--summary")
    assert code == 0 and "0 samples (none) in 0 shards" in out


@pytest.mark.parametrize(("count", "lines"), [(20, 20), (21, 1)])
def test_series_of_members_and_of_many_shards_are_a_line_each(tmp_path, count, lines):
    for number in range(count):
        members = [(f"s{number}.{name}", b"x" * 500) for name in ("frm0.jpg", "frm1.jpg", "[b]x.y", "txt")]
        (tmp_path / f"own-{number:06d}.tar").write_bytes(pack(members)[0])
    code, out, _ = vidal("inspect", tmp_path)
    told = [line.split() for line in out.splitlines()]
    assert code == 0 and sum(line[:1] != [] and line[0].startswith("own-") for line in told) == lines
    assert (["own-*.tar", str(count), str(count), f"{10240 * count / 1000:.1f}", "kB"] in told) is (lines == 1)
    assert ["frm*.jpg", "2", str(count), f"{count}.0", "kB"] in told
    assert ["[b]x.y", "1", str(count), f"{count / 2:.1f}", "kB"] in told
    assert len(json.loads(vidal("inspect", tmp_path, "--json")[1])["shards"]) == count


def test_what_a_condition_chooses_is_exported(shards, tmp_path):
    code, out, _ = vidal("inspect", shards, "--where", "kind = 'audio'", "--export", tmp_path / "out")
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    samples = opened(str(shards)).where("kind = 'audio'").values()
    assert written == {f"{s.key}.{name}": data for s in samples for name, data in s.read().items()}
    assert code == 0 and sorted(out.split()) == sorted(str(tmp_path / "out" / name) for name in written)


def test_several_keys_choose_several_samples(shards, tmp_path):
    first, _, last = keys(shards, "kind = 'audio'")
    found = json.loads(vidal("inspect", shards, "--key", first, "--key", last, "--json")[1])
    assert [sample["key"] for sample in found] == [first, last]
    out = vidal("inspect", shards, "--key", first, "--key", last)[1]
    assert out.index(f"{first} in ") < out.index(f"{last} in ") and "\033" not in out
    assert "2 samples (2 audio)" in vidal("inspect", shards, "--key", first, "--key", last, "--summary")[1]


def test_samples_whose_files_would_have_the_same_names_are_not_exported(tmp_path):
    path = tmp_path / "x.tar"
    path.write_bytes(pack([("train/a.txt", b"1"), ("test/a.txt", b"2")])[0])
    code, _, error = vidal("inspect", path, "--where", "true", "--export", tmp_path / "out")
    assert code == 2 and "train/a and test/a would be files of the same names" in error
    assert not (tmp_path / "out").exists()


def test_a_damaged_sample_is_shown_as_far_as_it_can_be_read(shards, tmp_path):
    [key] = keys(shards, "kind = 'audio'")[-1:]
    path = shards / "vidal-audio-000000.tar"
    row = next(row for row in pq.read_table(shards / "index.parquet").to_pylist() if row["key"] == key)
    places = {member["name"]: member for member in row["members"]}
    data = bytearray(path.read_bytes()[: places["txt"]["offset"] + 1])
    data[places["json"]["offset"]] ^= 1
    path.write_bytes(data)
    code, out, _ = vidal("inspect", shards, "--key", key)
    lines = {line.split()[0]: line for line in out.splitlines() if line.startswith("  ")}
    assert code == 0 and lines["flac"].split()[1:] == [str(places["flac"]["size"]), "bytes"]
    assert "holds no record" in lines["json"] and lines["txt"].endswith("the shard ends before it does")
    code, out, error = vidal("inspect", shards, "--key", key, "--export", tmp_path / "out")
    assert code == 0 and f"{key} json: differs from its checksum" in error and f"{key} txt: the shard ends" in error
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".flac", ".json", ".txt"}
    assert not (tmp_path / "out" / f"{key}.txt").exists()


def test_texts_of_others_do_not_steer_the_terminal(tmp_path):
    path = tmp_path / "x.tar"
    path.write_bytes(pack([("a\x1b[2J.txt", b"\x1b]0;evil\x07\xc2\x9b2J"), ("a\x1b[2J.\x1b[1mjpg", b"?")])[0])
    for words in (["--key", "a\x1b[2J"], ["--where", "true"], ["--verify"]):
        out = vidal("inspect", path, *words)[1]
        assert "a[2J" in out and not {"\x1b", "\x07", "\x9b"} & set(out)


REFUSED = {
    "--verify is of whole shards; leave --where out": ["--verify", "--where", "true"],
    "--repair is of whole shards; leave --key out": ["--repair", "out", "--key", "a"],
    "--serve is of whole shards; leave --where out": ["--serve", "--where", "true"],
    "--key names samples and --where looks for them": ["--key", "a", "--where", "true"],
    "--export and --verify ask for different things": ["--export", "out", "--verify"],
    "--summary and --export ask for different things": ["--where", "true", "--summary", "--export", "out"],
    "--export writes chosen samples": ["--export", "out"],
    "--serve answers a browser": ["--serve", "--json"],
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_does_not_go_together_is_refused_in_a_line(shards, said):
    code, out, error = vidal("inspect", shards, *REFUSED[said])
    assert code == 2 and out == "" and error.startswith(f"vidal: {said}") and error.count("\n") == 1
