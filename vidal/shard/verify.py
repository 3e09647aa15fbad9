"""Opening every member of every shard, and comparing what is there with what the index says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from vidal.shard.read import ShardError, Shards, ShardSampleEntry

REQUIRED = {"video": ("mp4", "json", "txt", "frm0.jpg"), "audio": ("flac", "json", "txt")}
SERIES = {"frm": "jpg", "dep": "png", "tml": "jpg", "ofa": "txt"}
"""Members that come one per keyframe: all or none of them."""


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
    """Read and decode everything once. Problems are collected, none stops the check of the next sample."""
    index = load_index(shards)
    seen: dict[str, str] = {}
    problems: list[Problem] = []
    members = size = 0
    for path in shards.paths:
        name = path.rpartition("/")[2]
        try:
            for sample in shards.samples(path):
                if sample.key in seen:
                    problems.append(Problem(name, sample.key, "", f"the key stands in {seen[sample.key]} too"))
                seen[sample.key] = name
                content = shards.content(path, sample)
                members += len(content)
                size += sample.size
                problems += check_sample(sample, content)
                if index is not None:
                    problems += check_index(sample, content, index.get(sample.key))
        except ShardError as error:
            problems.append(Problem(name, "", "", str(error)))
    if index is not None:
        lost = [key for key in index if key not in seen]
        problems += [Problem(index[key]["shard"], key, "", "in the index, in no shard") for key in lost]
    return Verified(len(shards.paths), len(seen), members, size, tuple(problems))


def load_index(shards: Shards) -> dict[str, dict[str, Any]] | None:
    """The rows of `index.parquet` beside the shards by key, limited to the shards read; None where there is none."""
    path = f"{shards.folder}/index.parquet"
    if not shards.fs.exists(path):
        return None
    with shards.fs.open(path, "rb") as stream:
        rows = pq.read_table(stream, columns=["key", "shard", "members"]).to_pylist()
    names = {path.rpartition("/")[2] for path in shards.paths}
    return {row["key"]: row for row in rows if row["shard"] in names}


def check_sample(sample: ShardSampleEntry, content: Mapping[str, bytes]) -> Iterator[Problem]:
    """Problems inside one sample: members that are missing, repeated, or do not decode."""
    for name in sample.repeated:
        yield Problem(sample.shard, sample.key, name, "stands twice in the sample")
    for name, data in sorted(content.items()):
        try:
            _decoder(name)(data)
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            yield Problem(sample.shard, sample.key, name, f"does not decode: {reason}"[:300])
    kind = "video" if "mp4" in content or "frm0.jpg" in content else "audio"
    for name in REQUIRED[kind]:
        if name not in content:
            yield Problem(sample.shard, sample.key, name, "missing")
    count = sum(name.startswith("frm") for name in content)
    for prefix, suffix in SERIES.items():
        found = {name for name in content if name.startswith(prefix) and name.endswith(suffix)}
        for name in sorted({f"{prefix}{number}.{suffix}" for number in range(count)} - found) if found else ():
            yield Problem(sample.shard, sample.key, name, "missing")


def check_index(
    sample: ShardSampleEntry, content: Mapping[str, bytes], row: Mapping[str, Any] | None
) -> Iterator[Problem]:
    """Problems between a sample and its row of the index."""
    if row is None:
        yield Problem(sample.shard, sample.key, "", "not in the index")
        return
    listed = {member["name"]: member["sha256"] for member in row["members"]}
    for name in sorted(set(listed) | set(content)):
        if name not in content:
            yield Problem(sample.shard, sample.key, name, "in the index, not in the shard")
        elif name not in listed:
            yield Problem(sample.shard, sample.key, name, "in the shard, not in the index")
        elif hashlib.sha256(content[name]).hexdigest() != listed[name]:
            yield Problem(sample.shard, sample.key, name, "differs from its checksum in the index")


def _decoder(name: str) -> Callable[[bytes], Any]:
    from vidal.media.images import decode_depth, decode_image
    from vidal.media.sound import decode_audio

    decoders: dict[str, Callable[[bytes], Any]] = {
        "json": json.loads,
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

    from vidal.media.probe import probe

    with tempfile.NamedTemporaryFile(prefix="vidal-", suffix=".mp4") as file:
        file.write(data)
        file.flush()
        return probe(Path(file.name))
