"""What can be wrong with a sample, with its row of the index, and with the counts of shards."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

from vidal.shard.read import MEMBER_BYTES, ShardSampleEntry, kind_of

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
            decoder(name)(data)
        except Exception as error:
            yield Problem(sample.shard, sample.key, name, f"does not decode: {reason(error)}"[:300])
    for name in sorted(expected(content) - set(content)):
        yield Problem(sample.shard, sample.key, name, "missing")


def expected(content: Collection[str]) -> set[str]:
    """The members a sample of this kind must have, and those of each series it has, for every number it has in any."""
    kind = kind_of(content)
    found: dict[str, set[int]] = defaultdict(set)
    for name in content:
        match = NUMBERED.fullmatch(name)
        if match and SERIES[match[1]] == match[3]:
            found[match[1]].add(int(match[2]))
    numbers = set().union(*found.values(), range(len(found["frm"])))
    series = {f"{prefix}{number}.{SERIES[prefix]}" for prefix, own in found.items() if own for number in numbers}
    return {*REQUIRED[kind], *series}


def check_index(sample: ShardSampleEntry, sums: Mapping[str, str], row: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems between a sample, of whose members these are the checksums, and its row of the index."""
    if any(sample.members[m["name"]].offset != m["offset"] for m in row["members"] if m["name"] in sample.members):
        yield Problem(sample.shard, sample.key, "", "does not lie where the index says")
    listed = {member["name"]: member["sha256"] for member in row["members"]}
    for name in sorted(set(listed) | set(sums)):
        if name not in sums:
            yield Problem(sample.shard, sample.key, name, "in the index, not in the shard")
        elif name not in listed:
            yield Problem(sample.shard, sample.key, name, "in the shard, not in the index")
        elif sums[name] != listed[name]:
            yield Problem(sample.shard, sample.key, name, "differs from its checksum in the index")


def decoder(name: str) -> Callable[[bytes], Any]:
    """What opens a member of this name, raising where it is damaged; members of unknown kinds pass."""
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


def reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
