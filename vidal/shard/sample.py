"""One sample as the members of a shard (docs/shard-format.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import pyarrow as pa

from vidal.engine.schemas import PROBE_COLUMNS
from vidal.engine.step import Read, Sample, Step

VIEWS = ("mplug", "polish_mplug", "sound_mplug")
TOLD = ("title", "hashtags", "views")
ORIGIN = ("source", "url", "captions", "terms")
NORMALISED = ("width", "height", "frame_index", "frame_seconds", "audio_seconds")
DIGITS = 6
"""Significant digits of a float in a sample's JSON, which has no infinities: they and what is no number become null."""


class ShardSample(Step):
    """What a shard takes of each kind of sample: the reads of all steps that must be ok for it, and of its scores.

    `producers` are the steps whose columns and members go into shards; those of another kind are not asked for. A
    score may have failed for a sample that the rules keep.
    """

    name = "shard/sample"
    gate = "filter/verdicts"

    def __init__(self, kind: str, producers: Sequence[Step]) -> None:
        self.kinds = frozenset({kind})
        wanted = [step for step in producers if kind in step.kinds]
        self.reads = (
            Read("harvest/candidates", (*TOLD, *ORIGIN)),
            *(Read(s.name, s.published, s.members, optional=s.stage == "filter") for s in wanted),
        )


def members(
    row: Mapping[str, Any], sample: Sample, provenance: Mapping[str, Any], flags: Sequence[str] = ()
) -> list[tuple[str, bytes]]:
    """A sample's members by name, sorted. `row` maps each step read to its columns, `provenance` to its settings;
    `flags` are the rules that marked the sample."""
    views = text_views(row)
    found = dict(sample.members)
    found["txt"] = best_text(row, views).encode()
    for name, text in views.items():
        if name == "ofa":
            found |= {f"ofa{number}.txt": caption.encode() for number, caption in enumerate(text)}
        else:
            found[f"{name}.txt"] = text.encode()
    record = describe(row, sample, views, provenance, flags)
    found["json"] = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    return sorted(found.items())


def text_views(row: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """`raw` (title and hashtags as the site gave them), and every view that was made or else came with the sample."""
    told = row["harvest/candidates"]
    came = told["views"] or {}
    made = {name: value for columns in row.values() for name, value in columns.items()}
    raw = came.get("raw") or " ".join([told["title"], *(f"#{tag}" for tag in told["hashtags"] or ())]).strip()
    views = {name: text for name in VIEWS if (text := made.get(name) or came.get(name))}
    if ofa := made.get("ofa") or came.get("ofa"):
        views["ofa"] = list(ofa)
    return {"raw": raw, **views}


def best_text(row: Mapping[str, Mapping[str, Any]], views: Mapping[str, Any]) -> str:
    """The one text for plain image-text loaders: refined caption, else video caption, else a caption that came with
    the media, else the cleaned title, else the raw one."""
    captions = row["harvest/candidates"]["captions"] or ()
    candidates = [
        views.get("polish_mplug"),
        views.get("mplug"),
        *captions,
        row["harvest/screen"]["title"],
        views["raw"],
    ]
    return next((text for text in candidates if text), "")


def describe(
    row: Mapping[str, Mapping[str, Any]],
    sample: Sample,
    views: Mapping[str, Any],
    provenance: Mapping[str, Any],
    flags: Sequence[str],
) -> dict[str, Any]:
    """The sample's JSON: everything that is neither a picture nor a sound."""
    told, media = row["harvest/candidates"], row["harvest/media"]
    depth = row.get("generate/depth")
    cost = row.get("caption/refine", {})
    record = {
        "key": sample.id,
        "kind": sample.kind,
        "views": views,
        "title": row["harvest/screen"]["title"],
        "hashtags": list(row["harvest/screen"]["hashtags"] or ()),
        "origin": {**{name: told[name] for name in ORIGIN}, **row["harvest/admit"]},
        "probe": {name: media[name] for name in PROBE_COLUMNS},
        "normalised": {name: media[name] for name in NORMALISED},
        "scores": scores(row),
        "flags": list(flags) or None,
        "depth": {name.removeprefix("depth_"): value for name, value in depth.items()} if depth else None,
        "tokens": {name.removesuffix("_tokens"): cost[name] for name in ("prompt_tokens", "answer_tokens") if cost},
        "provenance": {step: provenance[step] for step in sorted(row) if step in provenance},
    }
    return rounded({name: value for name, value in record.items() if value not in (None, {})})


def scores(row: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Every score of a sample, by name."""
    return {
        name: value for step, columns in row.items() if step.startswith("filter/") for name, value in columns.items()
    }


def score_types(producers: Sequence[Step]) -> dict[str, pa.DataType]:
    """The scores that the steps of `filter` among these publish."""
    return {name: step.columns[name] for step in producers if step.stage == "filter" for name in step.published}


def rounded(value: Any) -> Any:
    """The value with every float in it of DIGITS digits."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(inner) for inner in value]
    return value
