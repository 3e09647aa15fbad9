from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.ordering import place
from vidal.shard.config import ShardConfig
from vidal.shard.plan import plan

SIZES = st.dictionaries(st.text("abcdef0123456789-_", min_size=1, max_size=6), st.integers(0, 3_000_000), max_size=60)
CONFIGS = st.builds(ShardConfig, samples=st.integers(1, 12), megabytes=st.floats(0.5, 12))


@given(SIZES, CONFIGS, st.integers(0, 5), st.randoms())
def test_the_order_of_input_decides_nothing(sizes, config, seed, random):
    keys = list(sizes)
    random.shuffle(keys)
    assert plan({key: sizes[key] for key in keys}, config, seed) == plan(sizes, config, seed)


@given(SIZES, CONFIGS, st.integers(0, 5))
def test_every_key_is_in_one_shard_once(sizes, config, seed):
    planned = [key for shard in plan(sizes, config, seed) for key in shard]
    assert sorted(planned) == sorted(sizes)


@given(SIZES, CONFIGS, st.integers(0, 5))
def test_shards_are_full_and_no_fuller(sizes, config, seed):
    """Within the limits but for the key that crossed the one on bytes; all but the last at a limit."""
    shards = plan(sizes, config, seed)
    limit = config.megabytes * 1e6
    for shard in shards:
        assert 1 <= len(shard) <= config.samples
        assert min(sum(sizes[key] for key in shard if key != left) for left in shard) < limit
    for shard in shards[:-1]:
        assert len(shard) == config.samples or sum(sizes[key] for key in shard) >= limit


def test_a_shard_is_closed_by_the_key_that_reaches_its_bytes():
    shards = plan({f"key-{number}": 1_000_000 for number in range(10)}, ShardConfig(megabytes=2.5), 0)
    assert [len(shard) for shard in shards] == [3, 3, 3, 1]


@given(SIZES, CONFIGS)
def test_the_seed_orders_a_shard_and_does_not_fill_it(sizes, config):
    members = {frozenset(map(frozenset, plan(sizes, config, seed))) for seed in range(3)}
    assert len(members) == 1


def test_seeds_give_orders_of_their_own():
    sizes = {f"key-{number}": 1 for number in range(50)}
    orders = {plan(sizes, ShardConfig(), seed)[0] for seed in range(5)}
    assert len(orders) == 5 and tuple(sorted(sizes)) not in orders


@given(st.sets(st.text("abcdef", min_size=1, max_size=6), min_size=1, max_size=40), st.integers(1, 7))
def test_a_key_that_comes_late_leaves_the_shards_before_its_place_alone(keys, samples):
    """Shards are filled in one fixed order of keys, so what one more key moves lies behind it."""
    config = ShardConfig(samples=samples)
    before = plan(dict.fromkeys(keys, 1), config, 0)
    after = plan(dict.fromkeys(keys | {"late"}, 1), config, 0)
    place = next(number for number, shard in enumerate(after) if "late" in shard)
    assert after[:place] == before[:place]


def test_no_keys_no_shards():
    assert plan({}, ShardConfig(), 0) == []


def test_a_plan_is_the_same_on_every_machine():
    """Pinned: built datasets must not move when the code is edited."""
    shards = plan({f"k{number}": 1 for number in range(7)}, ShardConfig(samples=3), 1)
    assert shards == [("k2", "k3", "k6"), ("k5", "k1", "k4"), ("k0",)]


@given(SIZES, CONFIGS, st.integers(0, 5), st.data())
def test_what_is_forgotten_moves_nothing_else(sizes, config, seed, data):
    """The plan of what is left is the plan of all, each shard without what was forgotten of it."""
    gone = data.draw(st.sets(st.sampled_from(sorted(sizes))) if sizes else st.just(set()))
    left = {key: size for key, size in sizes.items() if key not in gone}
    places = {place(key): sizes[key] for key in gone}
    whole = plan(sizes, config, seed)
    assert plan(left, config, seed, places) == [tuple(key for key in shard if key not in gone) for shard in whole]


def test_without_its_place_a_lost_key_moves_those_behind_it():
    """What the places are for."""
    sizes = {f"key-{number}": 1 for number in range(9)}
    whole = plan(sizes, ShardConfig(samples=3), 0)
    left = {key: 1 for key in sizes if key != whole[0][0]}
    assert plan(left, ShardConfig(samples=3), 0)[1] != whole[1]
    assert plan(left, ShardConfig(samples=3), 0, {place(whole[0][0]): 1})[1:] == whole[1:]


def test_a_shard_of_which_all_is_forgotten_is_empty_and_keeps_its_number():
    sizes = {f"key-{number}": 1 for number in range(9)}
    whole = plan(sizes, ShardConfig(samples=3), 0)
    left = {key: 1 for key in sizes if key not in whole[1]}
    assert plan(left, ShardConfig(samples=3), 0, {place(key): 1 for key in whole[1]}) == [whole[0], (), whole[2]]
