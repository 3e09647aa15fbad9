"""What a shard set holds, counted and by sample."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vidal.engine.errors import ConfigError
from vidal.shard.read import Shards, kind_of


@dataclass
class Overview:
    """Samples and bytes per shard, and how many samples and bytes each member name stands for."""

    shards: dict[str, dict[str, int]] = field(default_factory=dict)
    members: dict[str, dict[str, int]] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)


def overview(shards: Shards) -> Overview:
    """Count a shard set from its tar headers alone."""
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    found = Overview()
    for path in shards.paths:
        name, samples = path.rpartition("/")[2], 0
        for sample in shards.samples(path):
            samples += 1
            kinds[kind_of(sample.members)] += 1
            for member in sample.members.values():
                counts[member.name] += 1
                sizes[member.name] += member.size
        found.shards[name] = {"samples": samples, "bytes": int(shards.fs.info(path)["size"])}
    found.members = {name: {"samples": counts[name], "bytes": sizes[name]} for name in sorted(counts)}
    found.kinds = dict(sorted(kinds.items()))
    return found


def sample_of(shards: Shards, key: str) -> tuple[str, dict[str, bytes]]:
    """A sample's shard and member bytes. Raises ConfigError, with a few keys that exist, for an unknown key."""
    found = shards.find(key)
    if found is None:
        known = [sample.key for sample in shards.samples(shards.paths[0])][:3]
        raise ConfigError(f"{shards.location}: no sample {key!r}; the first keys are {', '.join(known)}")
    path, sample = found
    return sample.shard, shards.content(path, sample)


def described(shard: str, key: str, content: Mapping[str, bytes]) -> dict[str, Any]:
    """A sample as JSON-ready values: its members with their sizes, its texts, its record. Raises ConfigError for a
    record that is no JSON."""
    texts = {name: data.decode("utf-8", "replace") for name, data in content.items() if name.endswith("txt")}
    try:
        record = json.loads(content.get("json", b"{}"))
    except ValueError as error:
        raise ConfigError(f"{shard}: {key}.json is no JSON ({error}); --export writes it as it is") from error
    sizes = {name: len(data) for name, data in content.items()}
    return {"key": key, "shard": shard, "members": sizes, "texts": texts, "record": record}


def export(key: str, content: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write a sample's members as `KEY.MEMBER` files, KEY without its folders. Names come from a shard, so only plain
    ones are written, and none through a link that lies in the folder."""
    stem = key.rpartition("/")[2]
    targets = {folder / f"{stem}.{name}": data for name, data in sorted(content.items())}
    for target in targets:
        name = target.name
        plain = target.parent == folder and name.isprintable() and "\\" not in name and name not in ("", ".", "..")
        if not plain or target.is_symlink():
            raise ConfigError(f"{key!r}: {name!r} is not a plain file name; nothing exported")
    folder.mkdir(parents=True, exist_ok=True)
    for target, data in targets.items():
        target.write_bytes(data)
    return list(targets)
