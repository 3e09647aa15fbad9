"""Taking samples out of the parts of a step: pieces are not changed, they are replaced by pieces without them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vidal.engine.commits import Piece, all_pieces
from vidal.engine.errors import MissingError
from vidal.engine.forgotten import Forgotten
from vidal.engine.pending import READERS
from vidal.engine.tar import TarWriter
from vidal.engine.workspace import Workspace

LISTED = ".list.element."
"""What stands, in the path Parquet gives a field of listed entries, between the column's name and the field's."""
LISTED_ID = f"{LISTED}id"


def holding(workspace: Workspace, step: str, forgotten: Forgotten) -> dict[Piece, frozenset[str]]:
    """The pieces of a step, under whatever fingerprint, that hold forgotten samples, each with their ids: as rows, or
    in a row that lists samples. Reads the ids of every piece."""

    def found(piece: Piece) -> frozenset[str]:
        ids = (sample["id"] for sample in samples(workspace, _file(step, piece), ["id"]))
        return frozenset(id_ for id_ in ids if id_ in forgotten)

    pieces = all_pieces(workspace, step)
    with ThreadPoolExecutor(READERS) as pool:
        return {piece: ids for piece, ids in zip(pieces, pool.map(found, pieces), strict=True) if ids}


def purge(workspace: Workspace, step: str, pieces: Collection[Piece], forgotten: Forgotten) -> None:
    """Replace pieces of a step by later ones of the same part and fingerprint that lack what is forgotten.

    A new piece takes over only rows of which its piece is the latest, so the order of pieces decides as before. It is
    committed before the old rows go, and those before their tars: interrupted anywhere, the same call ends the work.
    """
    series: dict[tuple[int, str], list[Piece]] = defaultdict(list)
    for piece in all_pieces(workspace, step):
        series[piece.part, piece.fingerprint].append(piece)
    for piece in sorted(pieces):
        own = series[piece.part, piece.fingerprint]
        later = {id_ for other in own if other.number > piece.number for id_ in _row_ids(workspace, step, other)}
        table = without(workspace.read_table(_file(step, piece)), forgotten)
        table = table.filter(pa.array([id_ not in later for id_ in table["id"].to_pylist()], pa.bool_()))
        if len(table):
            new = Piece(piece.part, own[-1].number + 1, piece.fingerprint)
            _commit(workspace, step, piece, new, table)
            own.append(new)
        workspace.remove(_file(step, piece))
        own.remove(piece)
    remove_strays(workspace, step)


def remove_strays(workspace: Workspace, step: str) -> None:
    """Remove tars that lie beside no rows: what an interrupted write or removal left."""
    names = set(workspace.list(step))
    for name in names:
        rows = f"{name.removesuffix('.tar')}.parquet"
        if name.endswith(".tar") and Piece.parse(rows) and rows not in names:
            workspace.remove(f"{step}/{name}")


def without(table: pa.Table, forgotten: Forgotten) -> pa.Table:
    """A step's rows without those of forgotten samples or, where rows list samples, without these in the lists."""
    lists = [column for column in table.schema if _lists_samples(column.type)]
    if not lists:
        return table.filter(pa.array([id_ not in forgotten for id_ in table["id"].to_pylist()], pa.bool_()))
    for column in lists:
        rows = [_entries(row, forgotten) for row in table[column.name].to_pylist()]
        position = table.schema.get_field_index(column.name)
        table = table.set_column(position, column, pa.array(rows, column.type))
    return table


def samples(workspace: Workspace, file: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The columns named of every sample in a file of rows: of those listed where rows list samples (what a search has
    found, say), else of the rows."""
    with workspace.open(file) as stream:
        parquet = pq.ParquetFile(stream)
        leaves = [parquet.schema.column(position).path for position in range(parquet.metadata.num_columns)]
        lists = [leaf.removesuffix(LISTED_ID) for leaf in leaves if leaf.endswith(LISTED_ID)]
        wanted = [f"{name}{LISTED}{column}" for name in lists for column in columns] or list(columns)
        table = parquet.read(columns=wanted, use_threads=False)
    if not lists:
        yield from table.to_pylist()
    for name in lists:
        for chunk in table[name].chunks:
            yield from chunk.flatten().to_pylist()


def _entries(row: list[dict[str, Any]] | None, forgotten: Forgotten) -> list[dict[str, Any]] | None:
    return None if row is None else [entry for entry in row if entry["id"] not in forgotten]


def _lists_samples(type_: pa.DataType) -> bool:
    entry = type_.value_type if pa.types.is_list(type_) else None
    return entry is not None and pa.types.is_struct(entry) and entry.get_field_index("id") >= 0


def _commit(workspace: Workspace, step: str, old: Piece, new: Piece, table: pa.Table) -> None:
    """Commit rows of an old piece as a new one: their members first, copied one at a time, then the rows."""
    members = table["members"].to_pylist()
    if any(members):
        source, target = f"{step}/{old.stem}.tar", f"{step}/{new.stem}.tar"
        with workspace.open(source) as stream, workspace.create(target) as copy:
            writer = TarWriter(copy)
            for id_, listing in zip(table["id"].to_pylist(), members, strict=True):
                for member in listing or ():
                    stream.seek(member["offset"])
                    content = stream.read(member["size"])
                    if len(content) < member["size"]:
                        raise MissingError(f"{workspace.url}/{source} ends inside {id_}.{member['name']}")
                    member["offset"] = writer.add(f"{id_}.{member['name']}", content).offset
            writer.close()
        column = table.schema.field("members")
        table = table.set_column(table.schema.get_field_index("members"), column, pa.array(members, column.type))
    workspace.write_table(_file(step, new), table)


def _row_ids(workspace: Workspace, step: str, piece: Piece) -> Iterable[str]:
    return workspace.read_table(_file(step, piece), columns=["id"])["id"].to_pylist()


def _file(step: str, piece: Piece) -> str:
    return f"{step}/{piece.stem}.parquet"
