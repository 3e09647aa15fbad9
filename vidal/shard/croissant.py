"""Croissant metadata: what the files of a dataset are, in the JSON-LD that dataset search engines and loaders read.

Croissant format specification 1.0 (MLCommons, 2024). `date` and `creator` are unknown to a build and left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

CONFORMS = "http://mlcommons.org/croissant/1.0"
TERMS = (
    "citeAs", "column", "extract", "field", "fileProperty", "fileObject", "fileSet", "format", "includes",
    "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated",
    "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in TERMS},
}
"""The context of the specification, appendix 1."""
INDEX = "index.parquet"
COLUMNS = {
    "key": "The sample's id; its members in the tar are named KEY.MEMBER.",
    "kind": "video or audio.",
    "split": "train or validation.",
    "shard": "The tar that holds the sample.",
    "offset": "The first byte of the sample's entries in the tar.",
    "size": "The bytes of the sample's entries in the tar.",
    "seconds": "The length of the sample.",
    "text": "The one text for plain image-text loaders.",
    "source": "The source that the sample was found at.",
    "licence": "The licence its source states.",
    "language": "The language its source states.",
}


def croissant(prefix: str, stats: Mapping[str, Any], schema: pa.Schema, index_sha256: str) -> dict[str, Any]:
    """The metadata of a dataset by its statistics, the columns of its index and the checksum of that: each file, the
    samples in the tars, and a record of each sample, as the index has it."""
    kinds = " and ".join(f"{count} {'clips' if k == 'video' else 'sounds'}" for k, count in stats["samples"].items())
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS,
        "name": prefix,
        "description": f"{kinds or 'No samples'} with their texts in {len(stats['shards'])} WebDataset shards.",
        "license": list(stats["licences"]) or ["unknown"],
        "url": ".",
        "version": "1.0.0",
        "distribution": [_index(index_sha256), *_tars(stats["shards"]), *_samples(stats)],
        "recordSet": [_records(schema)],
    }


def _index(sha256: str) -> dict[str, Any]:
    return _file(INDEX, "application/x-parquet", sha256) | {"description": "One row for each sample."}


def _tars(shards: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        _file(name, "application/x-tar", shard["sha256"]) | {"contentSize": f"{shard['bytes']} B"}
        for name, shard in shards.items()
    ]


def _file(name: str, encoding: str, sha256: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": encoding,
        "sha256": sha256,
    }


def _samples(stats: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The members of all tars, as one set of files."""
    if not stats["shards"]:
        return []
    return [
        {
            "@type": "cr:FileSet",
            "@id": "members",
            "name": "members",
            "description": f"Members of the samples: {', '.join(stats['members'])}.",
            "containedIn": [{"@id": name} for name in stats["shards"]],
            "encodingFormat": "application/octet-stream",
            "includes": "*",
        }
    ]


def _records(schema: pa.Schema) -> dict[str, Any]:
    """The index as records. Columns of lists and structs are not told of: Croissant 1.0 has no plain way to."""
    fields = [(field.name, kind) for field in schema if (kind := _type(field.type))]
    return {
        "@type": "cr:RecordSet",
        "@id": "samples",
        "name": "samples",
        "key": {"@id": "samples/key"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"samples/{name}",
                "name": name,
                "description": COLUMNS.get(name, f"The score {name.removeprefix('score_')}."),
                "dataType": kind,
                "source": {"fileObject": {"@id": INDEX}, "extract": {"column": name}},
            }
            for name, kind in fields
        ],
    }


def _type(type_: pa.DataType) -> str | None:
    if pa.types.is_boolean(type_):
        return "sc:Boolean"
    if pa.types.is_integer(type_):
        return "sc:Integer"
    if pa.types.is_floating(type_):
        return "sc:Float"
    return "sc:Text" if pa.types.is_string(type_) else None
