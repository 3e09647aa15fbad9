"""A shard set's samples as they are carried by a page: all that is told of them, and the media of as many as fit."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vidal.engine.errors import SampleError, VidalError
from vidal.engine.ordering import place
from vidal.report.gallery.rows import MEDIA, full, light, record
from vidal.shard.access import Sample, ShardSet
from vidal.shard.pictures import LAYERS, is_inverse, layer_members, strip

SAMPLES = 10_000
"""Most samples in a page."""
PICTURED = 240
"""Most samples with pictures."""
CHUNK = 100
"""Samples whose records are packed together."""


@dataclass(frozen=True)
class Embedded:
    """`blocks` are texts for the page by the id of their element: `index` and `chunk-N` are gzipped JSON, the others
    pictures and media, all in base64. `samples` of `total` are told of, `pictured` have pictures, `played` media."""

    samples: int
    total: int
    pictured: int
    played: int
    blocks: tuple[tuple[str, str], ...]


def embed(shards: ShardSet, budget: int) -> Embedded:
    """Samples in the order of the index, SAMPLES of them where there are more. Those told of, and those with pictures
    and media until `budget` bytes of base64 are full, are the first in order of a hash of their keys: a fair draw."""
    keys = list(shards)
    drawn = sorted(range(len(keys)), key=lambda row: place(keys[row]))[:SAMPLES]
    shown = sorted(drawn)
    at = {row: number for number, row in enumerate(shown)}
    records = [record(shards.index, row) for row in shown]
    blocks = [("index", packed(light(shards.index.where(shown), records)))]
    details = [full(shards[row], told) for row, told in zip(shown, records, strict=True)]
    for start in range(0, len(details), CHUNK):
        blocks.append((f"chunk-{start // CHUNK}", packed(details[start : start + CHUNK])))
    room = budget
    pictured = []
    for row in drawn[:PICTURED]:
        found = [(f"{layer}-{at[row]}", text) for layer, text in _pictures(shards[row], records[at[row]])]
        size = sum(len(text) for _, text in found)
        if size > room:
            break
        room -= size
        blocks += found
        pictured.append(row)
    played = 0
    for row in pictured:
        name, text = _medium(shards[row])
        if text and len(text) <= room:
            room -= len(text)
            blocks.append((f"{name}-{at[row]}", text))
            played += 1
    return Embedded(len(shown), len(keys), len(pictured), played, tuple(blocks))


def packed(value: Any) -> str:
    """JSON, gzipped without a time, in base64."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode("utf-8", "surrogatepass"), 6, mtime=0)).decode()


def picture(sample: Sample, layer: str, record: Any) -> bytes | None:
    """A layer of a sample as a JPEG; None where it has none or it cannot be read."""
    names = layer_members(layer, sample)
    try:
        return strip(layer, list(sample.read(names).values()), is_inverse(record))[0] if names else None
    except (SampleError, VidalError):
        return None


def _pictures(sample: Sample, record: Any) -> Iterator[tuple[str, str]]:
    for layer in LAYERS:
        if found := picture(sample, layer, record):
            yield layer, base64.b64encode(found).decode()


def _medium(sample: Sample) -> tuple[str, str]:
    for name in MEDIA:
        if name in sample:
            try:
                return name, base64.b64encode(sample[name]).decode()
            except VidalError:
                return name, ""
    return "", ""
