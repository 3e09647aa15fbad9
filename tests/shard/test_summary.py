"""Counts of a shard set, against its records and texts as they lie in the tars."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vidal
from vidal.shard.grades import GRADES
from vidal.shard.load import load
from vidal.shard.summary import spread, summary


def test_a_set_is_summed_up_as_its_samples_are(shards):
    found, samples = summary(load(str(shards))), list(vidal.open(str(shards)).values())
    sounds = sum(sample.audio()[0].size / 16000 for sample in samples if sample.kind == "audio")
    assert found.hours["video"] == pytest.approx(10 / 3600, abs=1e-6)
    assert found.hours["audio"] == pytest.approx(sounds / 3600, rel=0.01)
    assert found.durations == {name: 8 if name == "1–7 s" else 0 for name in GRADES}
    assert found.records == 8 and sum(found.languages.values()) == 8 and found.missing == {}
    clips = [sample for sample in samples if sample.kind == "video"]
    assert found.resolutions == {"{}x{}".format(*clips[0].image("frm0.jpg").size): len(clips)}
    words = [len(sample.text("mplug").split()) for sample in clips]
    assert (found.words["mplug"]["min"], found.words["mplug"]["max"]) == (min(words), max(words))
    assert found.words["mplug"]["median"] == statistics.median_low(words)


def test_others_shards_are_summed_up_by_their_headers(tar):
    found = summary(load(str(tar([("a.mp4", b"1"), ("a.frm0.jpg", b"2"), ("b.flac", b"3"), ("b.json", b"[1]")]))))
    assert found.missing == {"json": 1, "txt": 2} and found.languages == {"unknown": 2}
    assert found.durations["unknown"] == 2 and found.words == {}


@given(st.lists(st.integers(0, 500), min_size=1))
def test_a_spread_is_of_counts_that_occur(counts):
    found = spread(counts)
    assert list(found.values()) == sorted(found.values()) and set(found.values()) <= set(counts)
    assert sum(count <= found["p95"] for count in counts) >= 0.95 * len(counts)
    assert found["median"] == statistics.median_low(counts)
