"""The division of an epoch, as numbers."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from vidal.train.data.datasets import Shard
from vidal.train.data.plan import Layout, Order, Piece, Plan, generator, left, steps_of, training_order

sizes = st.lists(st.integers(1, 12), min_size=1, max_size=6)


def shards_of(counts):
    return tuple(Shard(f"s{number}.tar", count, count) for number, count in enumerate(counts))


def slots(pieces):
    return [(piece.shard.url, number, piece.copy) for piece in pieces for number in range(piece.first, piece.last)]


@given(sizes, st.integers(0, 80), st.integers(0, 80))
def test_what_lies_between_two_slots(counts, first, last):
    order = Order([Piece(shard, 0, shard.samples) for shard in shards_of(counts)])
    last = min(last, len(order))
    assert slots(order.between(first, last)) == slots(order.pieces)[first:last]


@given(sizes, st.floats(0.05, 3), st.integers(0, 5))
def test_an_order_holds_each_sample_by_its_weight(counts, weight, epoch):
    shards = shards_of(counts)
    found = slots(training_order([(weight, shards)], 3, epoch).pieces)
    assert len(found) == len(set(found))
    assert abs(len(found) - weight * sum(counts)) <= 1 + weight
    times = Counter(Counter((url, number) for url, number, _ in found).values())
    assert set(times) <= {int(weight), int(weight) + 1}
    assert found == slots(training_order([(weight, shards)], 3, epoch).pieces)


def test_orders_differ_by_seed_and_epoch():
    shards = shards_of([3] * 8)
    orders = {
        tuple(slots(training_order([(1.0, shards)], seed, epoch).pieces)) for seed in range(3) for epoch in range(3)
    }
    assert len(orders) == 9


layouts = st.builds(Layout, st.integers(1, 4), st.integers(1, 3), st.integers(1, 9))


def walked(stream, until):
    """The samples of a stream in order, block by block, to one at least."""
    found, start = [], 0
    while start < until:
        block = stream.block(start)
        held = slots(block.pieces)
        assert len(held) == block.samples
        found += [held[place] for place in stream.shuffled(start, block.samples)]
        start += block.samples
    return found


@given(sizes, layouts, st.integers(1, 5), st.integers(0, 2))
def test_streams_share_an_epoch(counts, layout, batch_size, turn):
    order = training_order([(1.0, shards_of(counts))], 1, 0)
    steps = steps_of([(1.0, shards_of(counts))], batch_size, layout.world)
    plan = Plan(order, layout, steps, turn % layout.workers, (1, 0))
    names = [(rank, worker) for rank in range(layout.world) for worker in range(layout.workers)]
    streams = [plan.stream(*name) for name in names]
    assert sum(plan.batches_of(worker) for worker in range(layout.workers)) == steps
    own = [walked(stream, stream.own)[: stream.own] for stream in streams]
    assert sorted(slot for part in own for slot in part) == sorted(slots(order.pieces))
    for (_, worker), stream in zip(names, streams, strict=True):
        assert stream.own <= plan.batches_of(worker) * batch_size
        assert set(walked(stream, stream.own + len(order))) == set(slots(order.pieces))


@given(sizes, layouts, st.data())
def test_what_is_left_is_what_was_not_taken(counts, layout, data):
    order = training_order([(1.0, shards_of(counts))], 1, 0)
    plan = Plan(order, layout, steps_of([(1.0, shards_of(counts))], 2, layout.world), 0, (1, 0))
    taken, seen = [], set()
    for number in range(layout.world * layout.workers):
        stream = plan.stream(*divmod(number, layout.workers))
        start = 0
        for _ in range(data.draw(st.integers(0, 3))):
            start += stream.block(start).samples
        block = stream.block(start)
        used = data.draw(st.integers(0, block.samples))
        taken.append((start, used, block.samples))
        held = slots(block.pieces)
        seen |= set(walked(stream, start)) if start else set()
        seen |= {held[place] for place in stream.shuffled(start, block.samples)[:used]}
    rest = slots(left(plan, taken).pieces)
    assert len(rest) == len(set(rest))
    assert set(rest) >= set(slots(order.pieces)) - seen
    within = [
        min(start + used, plan.stream(*divmod(n, layout.workers)).own) for n, (start, used, _) in enumerate(taken)
    ]
    assert len(rest) == len(order) - sum(within)


def test_generators_are_named():
    assert generator(1, "a").random() == generator(1, "a").random() != generator(1, "b").random()
    assert generator("a", "b").random() != generator("ab", "").random()
    assert generator(7, 0, 0, "key").bit_generator.random_raw() == 12815626457823724241
