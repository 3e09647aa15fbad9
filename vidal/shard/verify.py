"""Opening every member of every shard, and comparing what is there with what the index says."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, BinaryIO, TypeVar

import pyarrow.parquet as pq

from vidal.shard.read import MEMBER_BYTES, ShardError, Shards, ShardSampleEntry

T = TypeVar("T")

REQUIRED = {"video": ("mp4", "json", "txt", "frm0.jpg"), "audio": ("flac", "json", "txt")}
SERIES = {"frm": "jpg", "dep": "png", "tml": "jpg", "ofa": "txt"}
"""Members that come one per keyframe: all or none of them."""
NUMBERED = re.compile(r"(frm|dep|tml|ofa)(\d{1,4})\.(jpg|png|txt)", re.ASCII)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a shard set; `key` and `member` are empty where it is not one sample's."""

    shard: str
    key: str
    member: str
    message: str


@dataclass(frozen=True)
class Verified:
    """What verification read, and what it found wrong."""

    shards: int
    samples: int
    members: int
    bytes: int
    problems: tuple[Problem, ...]


def verify(shards: Shards) -> Verified:
    """Read and decode everything once. Problems are collected, none stops the check of the next sample.

    Where a folder is named, every shard its index or `sizes.json` speaks of is looked for; where shards are named, what
    is said of others is left aside.
    """
    problems: list[Problem] = []
    index = _beside(shards, "index.parquet", _read_index, problems)
    sizes = _beside(shards, "sizes.json", _read_sizes, problems)
    seen: dict[str, str] = {}
    counts: dict[str, int | None] = {}
    members = size = 0
    for path in shards.paths:
        name, count = path.rpartition("/")[2], 0
        counts[name] = None
        try:
            for sample in shards.samples(path):
                count += 1
                if sample.key in seen:
                    problems.append(Problem(name, sample.key, "", f"the key stands in {seen[sample.key]} too"))
                seen[sample.key] = name
                content = shards.content(path, sample)
                members += len(content)
                size += sample.size
                problems += check_sample(sample, content)
                if index is not None:
                    problems += check_index(sample, content, index.get(sample.key))
            counts[name] = count
        except ShardError as error:
            problems.append(Problem(name, "", "", str(error)))
    if index is not None:
        wanted = [(key, row["shard"]) for key, row in index.items() if shards.whole or row["shard"] in counts]
        problems += [Problem(shard, key, "", "in the index, in no shard") for key, shard in wanted if key not in seen]
    if sizes is not None:
        problems += check_counts(counts, {name: sizes[name] for name in sizes if shards.whole or name in counts})
    return Verified(len(shards.paths), len(seen), members, size, tuple(problems))


def check_counts(counts: Mapping[str, int | None], stated: Mapping[str, int]) -> Iterator[Problem]:
    """Problems between the samples counted in each shard (None: it could not be read) and those `sizes.json` states."""
    for name in sorted(set(counts) | set(stated)):
        if name not in counts:
            yield Problem(name, "", "", f"no such shard; sizes.json says {stated[name]} samples")
        elif name not in stated:
            yield Problem(name, "", "", "not in sizes.json")
        elif counts[name] not in (None, stated[name]):
            yield Problem(name, "", "", f"{counts[name]} samples; sizes.json says {stated[name]}")


def check_sample(sample: ShardSampleEntry, content: Mapping[str, bytes]) -> Iterator[Problem]:
    """Problems inside one sample: members that are missing, repeated, or do not decode."""
    for name in sample.repeated:
        yield Problem(sample.shard, sample.key, name, "stands twice in the sample")
    for name, data in sorted(content.items()):
        try:
            _decoder(name)(data)
        except Exception as error:
            yield Problem(sample.shard, sample.key, name, f"does not decode: {_reason(error)}"[:300])
    for name in sorted(_expected(content) - set(content)):
        yield Problem(sample.shard, sample.key, name, "missing")


def _expected(content: Collection[str]) -> set[str]:
    """The members a sample of this kind must have, and those of each series it has, for every number it has in any."""
    kind = "video" if "mp4" in content or "frm0.jpg" in content else "audio"
    found: dict[str, set[int]] = defaultdict(set)
    for name in content:
        match = NUMBERED.fullmatch(name)
        if match and SERIES[match[1]] == match[3]:
            found[match[1]].add(int(match[2]))
    numbers = set().union(*found.values(), range(len(found["frm"])))
    series = {f"{prefix}{number}.{SERIES[prefix]}" for prefix, own in found.items() if own for number in numbers}
    return {*REQUIRED[kind], *series}


def check_index(
    sample: ShardSampleEntry, content: Mapping[str, bytes], row: Mapping[str, Any] | None
) -> Iterator[Problem]:
    """Problems between a sample and its row of the index."""
    if row is None:
        yield Problem(sample.shard, sample.key, "", "not in the index")
        return
    if row["shard"] != sample.shard:
        yield Problem(sample.shard, sample.key, "", f"the index says {row['shard']}")
    elif any(sample.members[m["name"]].offset != m["offset"] for m in row["members"] if m["name"] in sample.members):
        yield Problem(sample.shard, sample.key, "", "does not lie where the index says")
    listed = {member["name"]: member["sha256"] for member in row["members"]}
    for name in sorted(set(listed) | set(content)):
        if name not in content:
            yield Problem(sample.shard, sample.key, name, "in the index, not in the shard")
        elif name not in listed:
            yield Problem(sample.shard, sample.key, name, "in the shard, not in the index")
        elif hashlib.sha256(content[name]).hexdigest() != listed[name]:
            yield Problem(sample.shard, sample.key, name, "differs from its checksum in the index")


def _decoder(name: str) -> Callable[[bytes], Any]:
    from vidal.media.depth_png import decode_depth
    from vidal.media.images import decode_image
    from vidal.media.sound import decode_audio

    decoders: dict[str, Callable[[bytes], Any]] = {
        "json": partial(json.loads, parse_constant=_no_number),
        "txt": lambda data: data.decode("utf-8"),
        "flac": decode_audio,
        "mp4": _probe_clip,
        "png": decode_depth if name.startswith("dep") else decode_image,
        "jpg": decode_image,
    }
    return decoders.get(name.rpartition(".")[2], bytes)


def _probe_clip(data: bytes) -> Any:
    import tempfile
    from pathlib import Path

    from vidal.media.limits import MediaLimits
    from vidal.media.probe import probe

    with tempfile.NamedTemporaryFile(prefix="vidal-", suffix=".mp4") as file:
        file.write(data)
        file.flush()
        return probe(Path(file.name), MediaLimits(max_seconds=inf, max_bytes=MEMBER_BYTES))


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _beside(shards: Shards, name: str, read: Callable[[BinaryIO], T], problems: list[Problem]) -> T | None:
    """What a file beside the shards says; None where there is none or, which is a problem, it cannot be read."""
    path = f"{shards.folder}/{name}"
    if not shards.fs.exists(path):
        return None
    try:
        with shards.fs.open(path, "rb") as stream:
            return read(stream)
    except Exception as error:
        problems.append(Problem(name, "", "", f"cannot be read: {_reason(error)}"[:300]))
        return None


def _read_index(stream: BinaryIO) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(stream, columns=["key", "shard", "members"], use_threads=False).to_pylist()
    return {row["key"]: row for row in rows}


def _read_sizes(stream: BinaryIO) -> dict[str, int]:
    return {name: int(count) for name, count in json.load(stream).items()}


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
