"""Shards as tables, a row for each sample and a column for each member: Parquet, or Lance where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vidal.engine.errors import ConfigError
from vidal.shard.exchange.reading import Exported, Taken, taken, whole_folder
from vidal.shard.read import ShardError, Shards

OWN = ("key", "kind", "shard")
TEXT = ("txt", "json")
"""Suffixes of members that are texts; all others are bytes."""
GROUP_BYTES = 64 << 20
"""Bytes of members after which a row group ends: what a reader of one row has to skip."""


def export_parquet(shards: Shards, out: Path) -> Exported:
    """Write `NAME.parquet` for each `NAME.tar` of the shards below `out`, which appears whole.

    Columns are `key`, `kind`, `shard` and the members that any sample has, a dot in their names made `_` (`frm0_jpg`),
    null where a sample lacks one: texts as strings, media as the bytes they are in the tar. The text columns are
    compressed, media are already.
    """
    schema, done = table_schema(shards), Exported()
    packed = {name: "zstd" if schema.field(name).type == pa.string() else "none" for name in schema.names}
    with whole_folder(out) as folder:
        for stem, samples in groupby(taken(shards), key=lambda sample: sample.shard):
            with pq.ParquetWriter(folder / f"{stem}.parquet", schema, compression=packed) as writer:
                for batch in batches(samples, schema):
                    writer.write_table(pa.Table.from_batches([batch]))
                    done.samples += len(batch)
    return done


def export_lance(shards: Shards, out: Path) -> Exported:
    """Write the shards as one Lance dataset at `out`, with the columns of `export_parquet`. Raises ConfigError where
    Lance is not installed."""
    try:
        import lance
    except ImportError as error:
        raise ConfigError("Lance is not installed: pip install 'vidal[lance]'") from error
    schema, done = table_schema(shards), Exported()
    with whole_folder(out) as folder:
        reader = pa.RecordBatchReader.from_batches(schema, batches(taken(shards), schema))
        done.samples = lance.write_dataset(reader, str(folder), schema, mode="create").count_rows()
    return done


def table_schema(shards: Shards) -> pa.Schema:
    """The columns of a shard set, by the headers of its tars. Raises ConfigError for a tar that cannot be read to its
    end, and for members whose columns would have one name."""
    try:
        samples = chain.from_iterable(shards.samples(path) for path in shards.paths)
        names = sorted({name for sample in samples for name in sample.members})
    except ShardError as error:
        raise ConfigError(f"{error}; `vidal inspect {shards.location} --verify` tells what is whole") from error
    columns: dict[str, str] = {}
    for name in names:
        column = _column(name)
        if column in OWN or column in columns:
            other = f"the member {columns[column]}" if column in columns else "a column that every table has"
            raise ConfigError(f"{shards.location}: the member {name} would be the column {column}, as is {other}")
        columns[column] = name
    fields = [pa.field(column, pa.string() if _is_text(name) else pa.binary()) for column, name in columns.items()]
    return pa.schema([*(pa.field(name, pa.string()) for name in OWN), *fields])


def batches(samples: Iterator[Taken], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of samples in batches of about GROUP_BYTES."""
    waiting: list[dict[str, str | bytes]] = []
    size = 0
    for sample in samples:
        waiting.append(_row(sample))
        size += sum(map(len, sample.members.values()))
        if size >= GROUP_BYTES:
            yield pa.RecordBatch.from_pylist(waiting, schema)
            waiting, size = [], 0
    if waiting:
        yield pa.RecordBatch.from_pylist(waiting, schema)


def _row(sample: Taken) -> dict[str, str | bytes]:
    members = {
        _column(name): data.decode("utf-8", "replace") if _is_text(name) else data
        for name, data in sample.members.items()
    }
    return {"key": sample.key, "kind": sample.kind, "shard": f"{sample.shard}.tar", **members}


def _column(member: str) -> str:
    return member.replace(".", "_")


def _is_text(member: str) -> bool:
    return member.rpartition(".")[2] in TEXT
