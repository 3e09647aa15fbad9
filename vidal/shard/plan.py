"""Which samples go into which shard, in which order: a pure function of ids, sizes and the seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from vidal.shard.config import ShardConfig


def plan(sizes: Mapping[str, int], config: ShardConfig, seed: int) -> list[tuple[str, ...]]:
    """Keys per shard. `sizes` maps each key to the bytes of its members.

    Keys are shuffled by a seeded hash, so that a shard is a fair draw from the dataset; a shard is full at
    `config.samples` keys or when its members reach `config.megabytes`.
    """
    return list(_filled(sorted(sizes, key=lambda key: _draw(key, seed)), sizes, config))


def _filled(keys: Iterable[str], sizes: Mapping[str, int], config: ShardConfig) -> Iterator[tuple[str, ...]]:
    shard: list[str] = []
    size = 0
    for key in keys:
        if shard and (len(shard) >= config.samples or size >= config.megabytes * 1e6):
            yield tuple(shard)
            shard, size = [], 0
        shard.append(key)
        size += sizes[key]
    if shard:
        yield tuple(shard)


def _draw(key: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()
