"""A dataset made again of what may be made public of it: from the sites, by another who has the file alone."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from vidal.shard.read import Shards

AGAIN = {
    "name": "again",
    "workspace": "again",
    "runner": {"kind": "local"},
    "harvest": {
        "sources": [{"type": "release", "name": "again", "path": "release.jsonl"}],
        "screen": {"words_or_hashtags": False},
        "network": {"allow": ["127.0.0.1"], "per_second": 1000, "total_per_second": 1000},
    },
    "filter": {"rules": []},
    "generate": {"depth": {"checkpoint": "demo:depth"}, "infrared": {"checkpoint": "demo:srgb-tir"}},
    "shard": {"samples": 16, "validation": 0.25},
}


def contents(folder) -> dict[str, dict[str, dict[str, bytes]]]:
    shards = Shards(str(folder / "shards"))
    return {
        path.rpartition("/")[2]: {sample.key: shards.content(path, sample) for sample in shards.samples(path)}
        for path in shards.paths
    }


@pytest.mark.slow
def test_the_same_samples_come_out_of_a_release(few, tmp_path):
    """The same keys in the same shards and order; media, depth, infrared and texts byte for byte."""
    few.build(tmp_path / "first", "--runner", "local", "--set", "shard.validation=0.25")
    for words in (("export", "release", "first/shards", "release.jsonl"), ("build", "again.yaml")):
        (tmp_path / "again.yaml").write_text(yaml.safe_dump(AGAIN))
        done = subprocess.run([sys.executable, "-m", "vidal", *words], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    first, again = contents(tmp_path / "first"), contents(tmp_path / "again")
    assert any("validation" in name for name in first)
    assert {name: list(found) for name, found in again.items()} == {name: list(found) for name, found in first.items()}
    for name, found in first.items():
        for key, members in found.items():
            other = again[name][key]
            assert {each for each in {*members, *other} if members.get(each) != other.get(each)} == {"json"}
