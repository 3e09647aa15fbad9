"""Which samples go into which shard, in which order: a pure function of ids, sizes and the seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from vidal.shard.config import ShardConfig


def plan(sizes: Mapping[str, int], config: ShardConfig, seed: int) -> list[tuple[str, ...]]:
    """Keys per shard. `sizes` maps each key to the bytes of its members.

    Shards take keys in the order of a hash: each is a fair draw of the dataset, and, since parts are filled in the
    same order, is written from few parts. Inside a shard the order is that of a seeded hash. A shard is full at
    `config.samples` keys, or once its members reach `config.megabytes`.
    """
    shards = _filled(sorted(sizes, key=_place), sizes, config)
    return [tuple(sorted(shard, key=lambda key: _draw(key, seed))) for shard in shards]


def _filled(keys: Iterable[str], sizes: Mapping[str, int], config: ShardConfig) -> Iterator[list[str]]:
    shard: list[str] = []
    size = 0
    for key in keys:
        if shard and (len(shard) >= config.samples or size >= config.megabytes * 1e6):
            yield shard
            shard, size = [], 0
        shard.append(key)
        size += sizes[key]
    if shard:
        yield shard


def _place(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _draw(key: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()
