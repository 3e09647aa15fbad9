"""A dataset as it may be made public: where each sample is to be had and the texts made of it, and no media."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vidal.shard.annotations import whole_file
from vidal.shard.exchange.reading import FRAMES, Exported, Taken, taken
from vidal.shard.read import Shards

ORIGIN = ("source", "url", "licence", "uploader", "language", "published", "captions")
"""What is told of where a sample comes from: enough to find it again and to name its maker, as its licence may ask."""
VIEWS = ("raw", "mplug", "polish_mplug", "sound_mplug")


def export_release(shards: Shards, out: Path) -> Exported:
    """Write a JSON line for each sample of the shards, in their order: `id`, `kind`, ORIGIN, `seconds` and `sha256` of
    the file as it was fetched, and `views`, the texts. What is not known is absent.

    Read by the source `release`, which makes the same samples of it. Samples whose record names no address are left
    out: nobody could have them again.
    """
    done = Exported()
    with whole_file(out) as stream:
        for sample in taken(shards):
            row = _row(sample)
            if "url" not in row:
                done.left_out["no address"] += 1
                continue
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
            done.samples += 1
    return done


def _row(sample: Taken) -> dict[str, Any]:
    record = sample.record
    origin, probe = _part(record, "origin"), _part(record, "probe")
    ofa = [sample.text(f"ofa{number}") for number in range(FRAMES)]
    views = {**{view: sample.text(view) for view in VIEWS}, "ofa": ofa if all(ofa) else None}
    return _known(
        {
            "id": sample.key,
            "kind": sample.kind,
            **{name: origin.get(name) for name in ORIGIN},
            "seconds": probe.get("seconds"),
            "sha256": probe.get("source_sha256"),
            "views": _known(views),
        }
    )


def _part(record: dict[str, Any], name: str) -> dict[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}
