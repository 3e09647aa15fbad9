"""Which samples go into which shard, in which order: a pure function of ids, sizes and the seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from vidal.engine.ordering import place
from vidal.shard.config import ShardConfig

NOTHING: Mapping[str, int] = {}


def plan(
    sizes: Mapping[str, int], config: ShardConfig, seed: int, forgotten: Mapping[str, int] = NOTHING
) -> list[tuple[str, ...]]:
    """Keys per shard. `sizes` maps each key to the bytes of its members, `forgotten` the hash (`ordering.place`) of
    each key that was taken out of the shards to the bytes it had there.

    Shards take keys in the order of a hash: each is a fair draw of the dataset, and, since parts are filled in the
    same order, is written from few parts. Inside a shard the order is that of a seeded hash. A shard is full at
    `config.samples` keys, or once its members reach `config.megabytes`. What was forgotten fills its place with
    nothing, so that no other key moves; a shard of which all was forgotten is empty.
    """
    places = {**dict.fromkeys(forgotten), **{place(key): key for key in sizes}}
    weights = {**forgotten, **{place(key): size for key, size in sizes.items()}}
    shards = _filled(weights, config)
    return [tuple(sorted(_keys(shard, places), key=lambda key: _draw(key, seed))) for shard in shards]


def _filled(weights: Mapping[str, int], config: ShardConfig) -> Iterator[list[str]]:
    shard: list[str] = []
    size = 0
    for at in sorted(weights):
        if shard and (len(shard) >= config.samples or size >= config.megabytes * 1e6):
            yield shard
            shard, size = [], 0
        shard.append(at)
        size += weights[at]
    if shard:
        yield shard


def _keys(shard: list[str], places: Mapping[str, str | None]) -> Iterator[str]:
    return (key for at in shard if (key := places[at]) is not None)


def _draw(key: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()
