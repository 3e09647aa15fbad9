"""What a shard set holds, counted and by sample."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vidal.engine.errors import ConfigError, MissingError
from vidal.engine.ranges import RangeError, whole
from vidal.shard.index import Index
from vidal.shard.load import added, load, scanned_row
from vidal.shard.read import Shards


@dataclass(frozen=True)
class Held:
    """The samples of the shards that are there, the bytes of each of those shards, and the names of others that the
    index speaks of. `index.scanned` names the shards that it does not speak of, of which the headers were read."""

    index: Index
    sizes: Mapping[str, int]
    absent: tuple[str, ...]


@dataclass(frozen=True)
class Overview:
    """Samples and bytes per shard, and how many samples and bytes each member name stands for."""

    shards: Mapping[str, Mapping[str, int]]
    members: Mapping[str, Mapping[str, int]]
    kinds: Mapping[str, int]


def held(location: str) -> Held:
    """What lies at a location, by its index as far as there is one; a tar is opened only where none speaks of it. Of a
    site that cannot be listed, the shards are those of the index."""
    index = load(location)
    try:
        paths = {path.rpartition("/")[2]: path for path in Shards(location).paths}
    except MissingError:
        paths = {}
    sizes, absent = {}, []
    for name in sorted({*paths, *index.shards}):
        try:
            sizes[name] = int(index.fs.info(index.path(name))["size"] or 0)
        except FileNotFoundError:
            absent.append(name)
    if not sizes:
        raise MissingError(f"{location}: none of the shards that its index speaks of is there")
    strangers = sorted(set(paths) - {*index.shards, *index.scanned})
    shards = Shards(location) if strangers else None
    rows = [scanned_row(sample) for name in strangers for sample in shards.samples(paths[name])]
    if absent:
        there = pc.is_in(index.facts["shard"], pa.array(sorted(sizes), pa.string()))
        index = index.where(pc.indices_nonzero(there).to_numpy())
    return Held(added(index, rows, strangers) if rows else index, sizes, tuple(absent))


def overview(index: Index, sizes: Mapping[str, int] | None = None) -> Overview:
    """Count the samples of an index. The bytes of a shard are its size, where sizes are given, else those of the
    members counted of it."""
    facts, places = index.facts, index.places
    most = len(places.names)
    counts = np.bincount(places.codes, minlength=most).tolist()
    members = np.bincount(places.codes, places.sizes, most).astype(np.int64).tolist()
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(places.sizes, dtype=np.int64)])[places.starts]
    held = pa.table({"shard": facts["shard"], "bytes": np.diff(ends)}).group_by("shard")
    homes = {row["shard"]: row for row in held.aggregate([("bytes", "sum"), ("bytes", "count")]).to_pylist()}
    samples = {name: row["bytes_count"] for name, row in homes.items()}
    told = {name: row["bytes_sum"] for name, row in homes.items()} if sizes is None else sizes
    return Overview(
        {name: {"samples": samples.get(name, 0), "bytes": told[name]} for name in sorted(told)},
        {
            name: {"samples": counts[at], "bytes": members[at]}
            for at, name in sorted(enumerate(places.names), key=_name)
            if counts[at]
        },
        dict(sorted(Counter(facts["kind"].to_pylist()).items())),
    )


def _name(numbered: tuple[int, str]) -> str:
    return numbered[1]


@dataclass(frozen=True)
class Content:
    """A sample's members as far as they can be read, and what is wrong, by member."""

    key: str
    shard: str
    members: Mapping[str, bytes]
    damage: Mapping[str, str]


def positions(index: Index, keys: Sequence[str]) -> list[int]:
    """The rows of these keys, each once. Raises ConfigError, with a few keys that exist, for an unknown one."""
    found = {key: index.position(key) for key in keys}
    for key, position in found.items():
        if position is None:
            known = ", ".join(index.keys.slice(0, 3).to_pylist())
            raise ConfigError(f"{index.folder}: no sample {key!r}; the first keys are {known}")
    return [position for position in found.values() if position is not None]


def content_of(index: Index, position: int) -> Content:
    """The members of a sample. What is not as the index says is among the members all the same."""
    row = index.row(position)
    members, damage = {}, {}
    for place, found in index.contents(position, list(row["members"].values())):
        if isinstance(found, RangeError):
            damage[place.name] = "the shard ends before it does"
            continue
        members[place.name] = whole(found)
        if place.sha256 not in (None, hashlib.sha256(members[place.name]).hexdigest()):
            damage[place.name] = "differs from its checksum in the index"
    return Content(row["key"], row["shard"], members, damage)


def described(content: Content) -> dict[str, Any]:
    """A sample as JSON-ready values: its members with their sizes, its texts, its record, and what is damaged. A record
    that cannot be read is empty."""
    texts = {name: data.decode("utf-8", "replace") for name, data in content.members.items() if name.endswith("txt")}
    sizes, damage, record = {name: len(data) for name, data in content.members.items()}, dict(content.damage), {}
    try:
        record = json.loads(content.members.get("json", b"{}"))
        if not isinstance(record, dict):
            raise ValueError("no object")
    except ValueError as error:
        damage["json"] = f"holds no record: {error}"
        record = {}
    told = {"key": content.key, "shard": content.shard, "members": sizes, "texts": texts, "record": record}
    return {**told, "damage": damage}


def stem(key: str) -> str:
    """What stands before the member in the name of a sample's files: its key without folders."""
    return key.rpartition("/")[2]


def export(key: str, content: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write a sample's members as `KEY.MEMBER` files, KEY without its folders. Names come from a shard, so only plain
    ones are written, and none through a link that lies in the folder."""
    targets = {folder / f"{stem(key)}.{name}": data for name, data in sorted(content.items())}
    for target in targets:
        name = target.name
        plain = target.parent == folder and name.isprintable() and "\\" not in name and name not in ("", ".", "..")
        if not plain or target.is_symlink():
            raise ConfigError(f"{key!r}: {name!r} is not a plain file name; nothing exported")
    folder.mkdir(parents=True, exist_ok=True)
    for target, data in targets.items():
        target.write_bytes(data)
    return list(targets)
