"""Shares of several processes, put together again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.train.evaluate.given import Hashed
from vidal.train.evaluate.data import Captioned, Items
from vidal.train.evaluate.distributed import Shared, all_gather, merge, share
from vidal.train.evaluate.evaluation import retrieval


@given(st.integers(0, 60), st.integers(1, 9))
def test_shares_are_of_one_size_and_hold_every_place(count, world):
    shares = [share(count, rank, world) for rank in range(world)]
    assert {len(one) for one in shares} == {-(-count // world)}
    assert set(np.concatenate(shares).tolist()) == set(range(count))


@given(st.integers(1, 40), st.integers(1, 9), st.randoms())
def test_parts_in_any_order_make_the_whole_without_the_padding(count, world, random):
    whole = np.random.default_rng(count).normal(size=(count, 3)).astype(np.float32)
    parts = [(places, whole[places]) for places in (share(count, rank, world) for rank in range(world))]
    random.shuffle(parts)
    assert np.array_equal(merge(count, parts), whole)


def test_of_a_place_that_two_have_the_first_counts():
    parts = [(np.array([0, 1]), np.float32([[1], [2]])), (np.array([2, 0]), np.float32([[3], [9]]))]
    assert merge(3, parts).tolist() == [[1], [2], [3]]


def test_a_place_that_none_has_is_told():
    with pytest.raises(ValueError, match="1 of 3 places were embedded by no process, the first is 1"):
        merge(3, [(np.array([0, 2]), np.zeros((2, 1), np.float32))])


def captioned(count: int) -> Captioned:
    items = Items(tuple(map(str, range(count))), {"video": list(range(count))})
    return Captioned(items, tuple(f"text {n}" for n in range(2 * count)), tuple(n // 2 for n in range(2 * count)))


@pytest.mark.parametrize("world", [2, 3])
def test_all_ranks_measure_what_one_measures(world):
    """Ranks as threads, which meet where a collective would make them."""
    met, parts = threading.Barrier(world), [None] * world

    def gather_as(rank):
        def gather(part):
            parts[rank] = part
            met.wait(30)
            all_ = list(parts)
            met.wait(30)
            return all_

        return gather

    def run(rank):
        return retrieval(captioned(7), [("text", "video")], Shared(Hashed(), rank, world, gather_as(rank)), "groups")

    with ThreadPoolExecutor(world) as pool:
        found = list(pool.map(run, range(world)))
    assert found == [retrieval(captioned(7), [("text", "video")], Hashed(), "groups")] * world


def _rank(rank: int, world: int, file: str) -> None:
    from torch import distributed

    distributed.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=world)
    whole = np.arange(15, dtype=np.float32).reshape(5, 3)
    places = share(5, rank, world)
    assert np.array_equal(merge(5, all_gather((places, whole[places]))), whole)
    distributed.destroy_process_group()


@pytest.mark.slow
def test_processes_of_torch_gather(tmp_path):
    from torch import multiprocessing

    multiprocessing.spawn(_rank, (2, str(tmp_path / "meet")), nprocs=2)
