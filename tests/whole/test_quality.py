"""How well the shipped rules find the flaws planted in worlds that no checkpoint was trained on."""

from __future__ import annotations

import pytest

from vidal.demo.flaws import flawed_world, write_world
from vidal.demo.quality import GOAL, good_kept, judged, measure, missed


def judge(folder, entries):
    write_world(folder / "clips", entries)
    fates = judged(folder, entries)
    return measure(entries, fates), good_kept(entries, fates)


@pytest.mark.timeout(600)
def test_the_shipped_rules_find_one_of_each_flaw(tmp_path):
    lines, kept = judge(tmp_path, flawed_world(31, 1, 0))
    assert {line.flaw: line.others for line in lines if line.recall < 1 or line.precision not in (1, None)} == {}
    assert kept == 1


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_of_four_hundred_clips_the_rules_find_the_flaws_and_keep_the_good(tmp_path):
    entries = flawed_world(31415, 20, 100)
    assert sum(entry.kind == "video" for entry in entries) >= 400
    lines, kept = judge(tmp_path, entries)
    assert not missed(lines)
    assert kept >= GOAL
    assert min(line.recall for line in lines if line.rule is None) >= 0.8
