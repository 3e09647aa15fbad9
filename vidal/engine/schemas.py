"""The Arrow schema of every manifest a workspace holds."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

MEMBER = pa.struct(
    [
        pa.field("name", pa.string()),
        pa.field("offset", pa.int64()),
        pa.field("size", pa.int64()),
        pa.field("sha256", pa.string()),
    ]
)

COMMIT = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("rule", pa.string()),
        pa.field("error_class", pa.string()),
        pa.field("error_message", pa.string()),
        pa.field("traceback_hash", pa.string()),
        pa.field("attempts", pa.int32()),
        pa.field("inputs", pa.string()),
        pa.field("members", pa.list_(MEMBER)),
    ]
)
"""What every step writes for every sample, before its own columns."""

TERM_COUNTS = pa.schema([pa.field("text", pa.string(), nullable=False), pa.field("count", pa.int64(), nullable=False)])
"""Texts as a reader of the term corpora counts them, one row group per bucket."""

TERM_POOL = pa.schema(
    [
        pa.field("text", pa.string(), nullable=False),
        pa.field("hash", pa.uint64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("sources", pa.list_(pa.int32())),
        pa.field("modality", pa.int32(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("keywords", pa.list_(pa.string())),
    ]
)
"""Every distinct text that may become a term; `sources` are numbers of corpora, `modality` is a set of bits."""

TERMS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("term", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("sources", pa.list_(pa.string())),
        pa.field("count", pa.int64()),
        pa.field("language", pa.string()),
        pa.field("modality", pa.string()),
        pa.field("keywords", pa.list_(pa.string())),
        pa.field("weight", pa.float64()),
    ]
)
"""`terms/terms.parquet`. `count` is how often the term stands in the sources, `modality` what it should search
(`video`, `audio` or `both`), `weight` how likely MetaCLIP's rule would have drawn it under the cap of the choice."""

QUERY_COLUMNS = {"source": pa.string(), "term": pa.string(), "slice": pa.string(), "revision": pa.string()}
"""A question to a source: a term, or a slice of what it lists. `revision` changes when it should be asked again: with
the source's settings, and with the slice's content."""

TEXT_VIEWS = pa.struct(
    [
        pa.field("raw", pa.string()),
        pa.field("mplug", pa.string()),
        pa.field("polish_mplug", pa.string()),
        pa.field("sound_mplug", pa.string()),
        pa.field("ofa", pa.list_(pa.string())),
    ]
)
"""The text views of VIDAL-10M's annotation file; null where a sample lacks one."""

CANDIDATE_COLUMNS = {
    "source": pa.string(),
    "url": pa.string(),
    "title": pa.string(),
    "hashtags": pa.list_(pa.string()),
    "description": pa.string(),
    "seconds": pa.float64(),
    "licence": pa.string(),
    "uploader": pa.string(),
    "uploader_id": pa.string(),
    "language": pa.string(),
    "published": pa.string(),
    "captions": pa.list_(pa.string()),
    "views": TEXT_VIEWS,
    "live": pa.bool_(),
    "age_limit": pa.int32(),
    "rating": pa.float64(),
    "downloads": pa.int64(),
    "comments": pa.int64(),
    "watched": pa.int64(),
    "revision": pa.string(),
}
"""What a site says of one clip or sound before a byte of media is fetched; null where it says nothing.
`views` are text views that came with it, `age_limit` is in years, `rating` from 0 to 1, `watched` how often it was
played. `revision` changes when the media behind an unchanged URL do."""

CANDIDATE = pa.struct(
    [pa.field("id", pa.string()), pa.field("kind", pa.string())]
    + [pa.field(name, type_) for name, type_ in CANDIDATE_COLUMNS.items()]
)

PAGE = pa.struct(
    [
        pa.field(name, CANDIDATE_COLUMNS[name])
        for name in (
            "title", "hashtags", "description", "seconds", "licence", "uploader", "uploader_id", "language",
            "published", "live", "age_limit", "comments", "watched",
        )
    ]
)  # fmt: skip
"""What the page of a clip says of it, learnt on the way to its media: the same facts as a candidate's, and fuller."""

PROBE_COLUMNS = {
    "container": pa.string(),
    "video_codec": pa.string(),
    "audio_codec": pa.string(),
    "source_width": pa.int32(),
    "source_height": pa.int32(),
    "rotation": pa.int32(),
    "fps": pa.float64(),
    "seconds": pa.float64(),
    "source_frames": pa.int64(),
    "sample_rate": pa.int32(),
    "channels": pa.int32(),
    "source_bytes": pa.int64(),
    "source_sha256": pa.string(),
}
"""The probe record of the file as it was fetched (`harvest/media`)."""

VERDICTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("part", pa.int64(), nullable=False),
        pa.field("kept", pa.bool_(), nullable=False),
        pa.field("rule", pa.string()),
        pa.field("failed", pa.list_(pa.string())),
        pa.field("flags", pa.list_(pa.string())),
    ]
)
"""`filter/verdicts.parquet`. `rule` is the rule that decided, if one did; `failed` are the scores that failed."""

INDEX = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("kind", pa.string()),
        pa.field("split", pa.string()),
        pa.field("shard", pa.string()),
        pa.field("offset", pa.int64()),
        pa.field("size", pa.int64()),
        pa.field("seconds", pa.float64()),
        pa.field("text", pa.string()),
        pa.field("source", pa.string()),
        pa.field("licence", pa.string()),
        pa.field("language", pa.string()),
        pa.field("members", pa.list_(MEMBER)),
    ]
)
"""`shards/index.parquet`: where each sample's bytes lie. `offset` and `size` span the sample's tar entries;
each member's offset is that of its content. Columns `score_NAME` follow, one for each score of the build: with columns
of their own, and no dot in their names, DuckDB needs no quotes and pandas no unpacking."""


def commit_schema(columns: Mapping[str, pa.DataType]) -> pa.Schema:
    """The schema of a step's parts: what all steps write, then the step's own columns by name."""
    return pa.schema([*COMMIT, *(pa.field(name, type_) for name, type_ in sorted(columns.items()))])
