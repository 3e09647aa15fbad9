"""Which shards a dataset has, and how many samples each: from what stands beside them, else from the tars' headers."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import fsspec
import numpy as np

from vidal.engine.errors import ConfigError, MissingError
from vidal.train.data.tars import ShardError, samples
from vidal.train.modalities import Modality

COUNTERS = 8
"""Tars whose headers are read at a time."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Dataset:
    """Shards of one kind: a folder of tars, a tar, a glob or a range in braces, local or at any fsspec URL.

    `weight` is how often an epoch holds each of its samples: of 0.5, every epoch draws another half.
    """

    location: str
    weight: float = 1.0


@dataclass(frozen=True)
class Shard:
    """A tar, the number of its samples, and how many of them are of the modality, as far as that is known unread."""

    url: str
    samples: int
    usable: int


def shards(dataset: Dataset, modality: Modality, say: Say) -> tuple[Shard, ...]:
    """The shards of a dataset that hold any sample of the modality, in order of name.

    Counts are those of `index.parquet` beside the shards, else of `sizes.json`, else of the headers of each tar. A tar
    that cannot be read is said once and left out. MissingError where none is left, ConfigError for an address that is
    no place of shards.
    """
    if not dataset.weight > 0:
        raise ConfigError(f"{dataset.location}: a weight of {dataset.weight:g}; give one above 0, or leave it out")
    urls = _urls(dataset.location)
    found: dict[str, Shard] = {}
    faults: list[str] = []
    for folder in sorted({posixpath.dirname(url) for url in urls}):
        inside = [url for url in urls if posixpath.dirname(url) == folder]
        counts = _index(folder, modality) or _sizes(folder) or {}
        told = {url: counts[name] for url in inside if (name := posixpath.basename(url)) in counts}
        found |= {url: Shard(url, *count) for url, count in told.items()}
        found |= _counted([url for url in inside if url not in told], modality, faults)
    for fault in faults:
        say(fault)
    kept = tuple(found[url] for url in urls if url in found and found[url].usable)
    if not kept and faults:
        raise MissingError(f"{dataset.location}: no shard can be read; the first: {faults[0]}")
    if not kept:
        wanted = " or ".join(modality.members)
        raise MissingError(f"{dataset.location}: no sample with {wanted}, so nothing for the modality {modality.name}")
    return kept


def _urls(location: str) -> list[str]:
    """The addresses of the tars that a location stands for."""
    from braceexpand import braceexpand

    if location.startswith("pipe:") or "::" in location:
        raise ConfigError(f"{location}: shards are read from files and addresses, not from programs or chains")
    found: list[str] = []
    for place in braceexpand(location) if "{" in location else [location]:
        found += _listed(place)
    if not found:
        raise MissingError(f"{location}: no .tar shards there; name a folder of shards, one shard, or a glob")
    return list(dict.fromkeys(found))


def _listed(place: str) -> list[str]:
    try:
        fs, path = fsspec.core.url_to_fs(place)
        if place.endswith(".tar") and not any(letter in place for letter in "*?["):
            return [place]
        names = fs.ls(path, detail=False) if fs.isdir(path) else fs.glob(path)
    except (ValueError, ImportError) as error:
        raise ConfigError(f"{place}: {error}") from error
    except Exception as error:  # each filesystem has errors of its own
        raise MissingError(f"{place} cannot be listed: {_reason(error)}") from error
    tars = sorted(name for name in names if name.endswith(".tar") and not posixpath.basename(name).startswith("."))
    return [fs.unstrip_protocol(name) if "://" in place else name for name in tars]


def _sizes(folder: str) -> dict[str, tuple[int, int]] | None:
    """Samples of each tar by `sizes.json`, which does not tell modalities."""
    stored = _beside(folder, "sizes.json")
    if stored is None:
        return None
    try:
        return {str(name): (int(count), int(count)) for name, count in json.loads(stored).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"{folder}/sizes.json: {error}; write it anew, or remove it") from error


def _index(folder: str, modality: Modality) -> dict[str, tuple[int, int]] | None:
    """Samples of each tar by `index.parquet`: all, and those of the modality."""
    url = posixpath.join(folder, "index.parquet")
    try:
        fs, path = fsspec.core.url_to_fs(url)
        if not fs.exists(path):
            return None
        with fs.open(path, "rb") as stream:
            return _index_counts(stream, modality)
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{url}: {_reason(error)}; write it anew, or remove it") from error
    except OSError as error:
        raise MissingError(f"{url} cannot be read: {_reason(error)}") from error


def _index_counts(stream: Any, modality: Modality) -> dict[str, tuple[int, int]]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    counts: dict[str, tuple[int, int]] = {}
    columns = ["shard", "members.list.element.name"]
    for batch in pq.ParquetFile(stream).iter_batches(columns=columns, use_threads=False):
        lists = batch.column("members")
        names = pc.dictionary_encode(lists.flatten().field("name"))
        read = np.array([bool(modality.series([name])) for name in names.dictionary.to_pylist()], bool)
        usable = np.zeros(len(batch), bool)
        usable[np.asarray(pc.list_parent_indices(lists))[read[np.asarray(names.indices)]]] = True
        table = pa.table({"shard": batch.column("shard"), "usable": usable})
        for row in table.group_by("shard").aggregate([("usable", "count"), ("usable", "sum")]).to_pylist():
            before = counts.get(row["shard"], (0, 0))
            counts[row["shard"]] = (before[0] + row["usable_count"], before[1] + row["usable_sum"])
    return counts


def _beside(folder: str, name: str) -> bytes | None:
    """The content of a file beside the shards, or None where there is none."""
    url = posixpath.join(folder, name)
    try:
        with fsspec.open(url, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except Exception as error:
        raise MissingError(f"{url} cannot be read: {_reason(error)}") from error


def _counted(urls: Sequence[str], modality: Modality, faults: list[str]) -> Mapping[str, Shard]:
    """Shards whose samples are counted by their headers; of one that is cut off, those before the cut."""
    with ThreadPoolExecutor(COUNTERS) as pool:
        counted = list(pool.map(partial(_count, modality=modality), urls))
    for url, (shard, fault) in zip(urls, counted, strict=True):
        if fault is not None:
            faults.append(f"{url}: {fault}; {shard.samples} samples of it are read")
    return {shard.url: shard for shard, _ in counted}


def _count(url: str, modality: Modality) -> tuple[Shard, str | None]:
    number = usable = 0
    try:
        for sample in samples(url, lambda member: False):
            number, usable = number + 1, usable + bool(modality.series(sample.names))
    except ShardError as error:
        return Shard(url, number, usable), str(error)
    except Exception as error:  # each filesystem has errors of its own
        return Shard(url, number, usable), f"cannot be read ({_reason(error)})"
    return Shard(url, number, usable), None


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
