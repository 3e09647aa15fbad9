"""The loader as a trainer uses it: real tars, real decoding, worker processes."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice

import pytest
import torch

from tests.train.data.world import clip, folder, key, loader, pair, write
from vidal.engine.errors import ConfigError, MissingError
from vidal.train.data import Dataset, joined

SIZES = (7, 1, 12, 5)
ALL = {key(number) for number in range(sum(SIZES))}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("shards"), SIZES)


def keys(batches):
    return [name for batch in batches for name in batch.keys]


def equal(one, other):
    assert [batch.keys for batch in one] == [batch.keys for batch in other]
    for first, second in zip(one, other, strict=True):
        assert torch.equal(first.pixels, second.pixels) and torch.equal(first.ids, second.ids)
        assert first.texts == second.texts and torch.equal(first.mask, second.mask)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_holds_every_sample_and_the_next_another_order(shards, workers):
    load = loader(shards, workers=workers)
    assert load.steps_per_epoch == 7
    batches = list(islice(load, 14))
    assert {tuple(batch.pixels.shape) for batch in batches} == {(4, 3, 32, 32)}
    first, second = keys(batches[:7]), keys(batches[7:])
    assert set(first) == set(second) == ALL and first != second
    assert max(Counter(first).values()) == 2 and len(first) - len(ALL) == 3
    assert first != sorted(first) and load.skipped == Counter() and load.waited > 0
    assert load.position["epoch"] == 2 and load.position["batches"] == 0


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("stop", [0, 5, 7, 9, 17])
def test_batches_after_a_resume_are_those_of_a_run_without(shards, workers, stop):
    whole = list(islice(loader(shards, workers=workers), 22))
    begun = loader(shards, workers=workers)
    list(islice(begun, stop))
    stored = json.loads(json.dumps(begun.position))
    equal(list(islice(loader(shards, workers=workers, position=stored), 22 - stop)), whole[stop:])


def test_a_resume_of_a_resume_with_random_crops(tmp_path):
    place = folder(tmp_path, (5, 6), clip)
    whole = list(islice(loader(place, "video", "mix"), 7))
    assert len({batch.pixels.flatten()[0].item() for batch in whole}) == 7
    position = None
    for number in range(7):
        again = loader(place, "video", "mix", position=position)
        equal(list(islice(again, 1)), whole[number : number + 1])
        position = again.position


def test_crops_are_drawn_anew_in_each_epoch(tmp_path):
    place = folder(tmp_path, (4,), clip)
    first, second = islice(loader(place, "video", "txt"), 2)
    for place_, name in enumerate(first.keys):
        assert not torch.equal(first.pixels[place_], second.pixels[second.keys.index(name)])


def test_ranks_share_an_epoch_and_make_equally_many_batches(shards):
    ranks = [loader(shards, rank=rank, world=3, batch_size=2) for rank in range(3)]
    assert [load.steps_per_epoch for load in ranks] == [5, 5, 5]
    made = [keys(islice(load, 5)) for load in ranks]
    assert set().union(*made) == ALL
    assert sum(map(len, made)) == 30
    assert all(len(set(part)) >= 8 for part in made)


def test_more_streams_than_samples(tmp_path):
    place = folder(tmp_path, (3,))
    for rank in range(4):
        assert len(keys(islice(loader(place, rank=rank, world=4, workers=2, batch_size=2), 3))) == 6


@pytest.mark.parametrize(("world", "workers", "batch_size"), [(1, 1, 4), (3, 1, 2), (1, 2, 4), (2, 1, 1)])
def test_with_other_ranks_or_workers_the_rest_of_the_epoch_is_divided_anew(shards, world, workers, batch_size):
    old = [loader(shards, rank=rank, world=2, batch_size=2) for rank in range(2)]
    before = [name for load in old for name in keys(islice(load, 4))]
    assert len(set(before)) == 16
    position = joined([load.position for load in old])
    new = [
        loader(shards, rank=rank, world=world, workers=workers, batch_size=batch_size, position=position)
        for rank in range(world)
    ]
    left = {load.steps_per_epoch - load.position["batches"] for load in new}
    assert len(left) == 1
    after = [name for load in new for name in keys(islice(load, left.copy().pop()))]
    assert set(before) | set(after) == ALL
    assert set(before).isdisjoint(after)


def test_a_resume_behind_a_change_of_workers(shards):
    first = loader(shards)
    list(islice(first, 2))
    changed = loader(shards, workers=2, position=first.position)
    whole = list(islice(changed, 9))
    begun = loader(shards, workers=2, position=first.position)
    list(islice(begun, 3))
    equal(list(islice(loader(shards, workers=2, position=begun.position), 6)), whole[3:])
    again = loader(shards, workers=0, position=begun.position)
    rest = keys(islice(again, 2))
    assert again.position["batches"] == 0 and again.position["epoch"] == 1
    assert set(rest).isdisjoint(keys(islice(loader(shards), 2))) and set(rest).isdisjoint(keys(whole[:3]))


def test_a_position_of_other_data_or_of_one_rank_is_refused(shards, tmp_path):
    load = loader(shards, world=2)
    next(iter(load))
    with pytest.raises(ConfigError, match="another seed"):
        loader(shards, world=2, seed=8, position=load.position)
    with pytest.raises(ConfigError, match="other datasets"):
        loader(folder(tmp_path, (3, 4)), world=2, position=load.position)
    with pytest.raises(ConfigError, match="streams 1/0: join"):
        loader(shards, world=1, position=load.position)
    with pytest.raises(ConfigError, match="streams 1/0: join"):
        loader(shards, world=2, rank=1, position=load.position)
    with pytest.raises(ConfigError, match="no position"):
        loader(shards, position={"epoch": 1})


def test_moved_shards_are_the_same_data(shards, tmp_path):
    load = loader(shards)
    list(islice(load, 3))
    moved = folder(tmp_path / "elsewhere", SIZES)
    equal(list(islice(loader(moved, position=load.position), 4)), list(islice(load, 4)))


@pytest.mark.parametrize("workers", [0, 2])
def test_evaluation_is_every_sample_once_in_order(shards, workers):
    load = loader(shards, train=False, workers=workers)
    batches = list(load)
    assert keys(batches) == sorted(ALL) and load.steps_per_epoch == len(batches) == 7
    assert [len(batch.keys) for batch in batches] == [4] * 6 + [1]
    halves = [keys(loader(shards, train=False, rank=rank, world=2, workers=workers)) for rank in range(2)]
    assert list(loader(shards, train=False, rank=0, world=30)) == []
    assert halves[0] + halves[1] == sorted(ALL) and abs(len(halves[0]) - len(halves[1])) <= 1


def test_weights(shards, tmp_path):
    few = write(tmp_path / "few.tar", range(100, 110))
    load = loader([Dataset(str(shards), 0.4), Dataset(str(few), 2)], batch_size=5)
    assert load.steps_per_epoch == 6
    epochs = [Counter(keys(islice(load, 6))) for _ in range(2)]
    for epoch in epochs:
        assert {epoch[key(number)] for number in range(100, 110)} == {2}
        assert sum(epoch[name] for name in ALL) == 10 and max(epoch[name] for name in ALL) == 1
    assert epochs[0] != epochs[1]
    with pytest.raises(ConfigError, match="a weight of 0"):
        loader([Dataset(str(few), 0)])


def test_bad_samples_are_skipped_and_counted(tmp_path):
    def make(number):
        members = pair(number)
        if number == 1:
            members["jpg"] = members["jpg"][:200]
        if number == 2:
            del members["jpg"]
        if number == 3:
            members["txt"] = b"\xff\xfe"
        if number == 4:
            members["txt"] = b"  "
        if number == 5:
            del members["txt"]
        if number == 6:
            members["json"] = b"[" * 100_000
        if number == 7:
            members["jpg"] = b"no picture"
        return members

    load = loader(folder(tmp_path, (6, 6), make), batch_size=2)
    assert set(keys(islice(load, 3))) == {key(number) for number in (0, 8, 9, 10, 11)}
    load = loader(folder(tmp_path, (6, 6), make), train=False)
    assert keys(load) == [key(number) for number in (0, 8, 9, 10, 11)]
    assert load.skipped == {"DecodeFailed": 1, "Missing": 1, "BadText": 1, "NoText": 2, "BadRecord": 1, "NotMedia": 1}


def test_nothing_that_can_be_read_is_an_error_with_the_first_reason(tmp_path):
    place = folder(tmp_path, (3, 2), lambda number: {"jpg": b"no picture", "txt": b"text"})
    with pytest.raises(MissingError, match=r"can be read; the first: s000.: 10 bytes that are no"):
        next(iter(loader(place)))
    with pytest.raises(MissingError, match="NotMedia"):
        list(loader(place, train=False))
    with pytest.raises(MissingError, match="no sample with flac"):
        loader(folder(tmp_path / "counted", (3,), sized=False), "audio")
