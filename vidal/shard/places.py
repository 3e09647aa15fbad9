"""Where the members of many samples lie, in arrays: 46 to 48 bytes a member, and one is found without a Python object
made of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vidal.engine.schemas import MEMBER
from vidal.shard.read import MEMBER_BYTES, Member

ROWS = 8192
"""Samples whose places are turned from or into Arrow at a time: what that needs besides is some MB."""
UNKNOWN = bytes(32)
"""The checksum of a member of which no index tells one."""


class Misplaced(ValueError):
    """A place that no member of a tar can have: the number of the sample, and what is said of the member."""

    def __init__(self, row: int, said: str) -> None:
        super().__init__(said)
        self.row = row


@dataclass(frozen=True)
class Places:
    """The members of n samples, m in all: those of sample i stand from `starts[i]` to before `starts[i + 1]`.

    `names` are the names there are, `codes` int [m] which of them; `offsets` int64 [m] and `sizes` int32 [m] are in
    bytes; `sums` uint8 [m, 32] are SHA-256, zero where unknown.
    """

    names: tuple[str, ...]
    starts: np.ndarray
    codes: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray
    sums: np.ndarray

    @cached_property
    def _code(self) -> dict[str, int]:
        return {name: code for code, name in enumerate(self.names)}

    def find(self, row: int, name: str) -> Member | None:
        """Where a sample's member lies; None where it has none of this name."""
        code = self._code.get(name)
        start, stop = int(self.starts[row]), int(self.starts[row + 1])
        codes = self.codes[start:stop].tolist()
        return self._member(start + codes.index(code), name) if code in codes else None

    def listed(self, row: int) -> list[str]:
        """The names of a sample's members."""
        return [self.names[code] for code in self.codes[self.starts[row] : self.starts[row + 1]].tolist()]

    def members(self, row: int) -> dict[str, Member]:
        """A sample's members by name."""
        return {name: self._member(at, name) for at, name in enumerate(self.listed(row), int(self.starts[row]))}

    def take(self, rows: np.ndarray) -> Places:
        """The places of these samples, in the order given."""
        counts = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(counts)])
        at = np.repeat(self.starts[rows] - starts[:-1], counts) + np.arange(starts[-1])
        return Places(self.names, starts, self.codes[at], self.offsets[at], self.sizes[at], self.sums[at])

    def column(self) -> pa.ChunkedArray:
        """The column `members` of an index, which takes about twice the memory."""
        rows = len(self.starts) - 1
        chunks = [self._column(start, min(start + ROWS, rows)) for start in range(0, rows, ROWS)]
        return pa.chunked_array(chunks, pa.list_(MEMBER))

    def _member(self, at: int, name: str) -> Member:
        digest = self.sums[at].tobytes()
        return Member(name, int(self.offsets[at]), int(self.sizes[at]), None if digest == UNKNOWN else digest.hex())

    def _column(self, first: int, last: int) -> pa.Array:
        start, stop = int(self.starts[first]), int(self.starts[last])
        names = pa.DictionaryArray.from_arrays(self.codes[start:stop], pa.array(self.names, pa.string()))
        sums = self.sums[start:stop]
        ends = pa.py_buffer(np.arange(0, 64 * len(sums) + 1, 64, dtype=np.int32))
        told = pa.StringArray.from_buffers(len(sums), ends, pa.py_buffer(sums.tobytes().hex().encode()))
        told = pc.if_else(pa.array(sums.any(axis=1)), told, pa.scalar(None, pa.string()))
        fields = [names.cast(pa.string()), pa.array(self.offsets[start:stop]), self.sizes[start:stop].astype(np.int64)]
        members = pa.StructArray.from_arrays([*fields, told], fields=list(MEMBER))
        lists = pa.ListArray.from_arrays((self.starts[first : last + 1] - start).astype(np.int32), members)
        return lists.cast(pa.list_(MEMBER))


def joined(parts: Sequence[Places]) -> Places:
    """Places one after the other."""
    parts = [part for part in parts if len(part.starts) > 1] or parts[:1]
    if len(parts) == 1:
        return parts[0]
    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    code = {name: number for number, name in enumerate(names)}
    small = np.int16 if len(names) < 1 << 15 else np.int32
    counts = [np.diff(part.starts) for part in parts]
    codes = [np.array([code[name] for name in part.names], small)[part.codes] for part in parts]
    return Places(
        names,
        np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate([np.zeros(0, np.int64), *counts]))]),
        np.concatenate([np.zeros(0, small), *codes]),
        np.concatenate([np.zeros(0, np.int64), *(part.offsets for part in parts)]),
        np.concatenate([np.zeros(0, np.int32), *(part.sizes for part in parts)]),
        np.concatenate([np.zeros((0, 32), np.uint8), *(part.sums for part in parts)]),
    )


def told(chunk: pa.ListArray) -> Places:
    """The places of one array of a column `members`."""
    counts = pc.fill_null(pc.list_value_length(chunk), 0).to_numpy()
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
    names, offsets, sizes, sums = chunk.flatten().flatten()
    if names.null_count or offsets.null_count or sizes.null_count:
        raise ValueError("members without a name or a place")
    at, size = offsets.to_numpy(), sizes.to_numpy()
    wrong = np.flatnonzero((at < 0) | (size < 0) | (size > MEMBER_BYTES))
    if len(wrong):
        first = int(wrong[0])
        row = int(np.searchsorted(starts, first, "right")) - 1
        raise Misplaced(row, f"{names[first].as_py()!r} is said to be {size[first]} bytes at {at[first]}")
    coded = names.dictionary_encode()
    return Places(
        tuple(coded.dictionary.to_pylist()), starts, coded.indices.to_numpy(), at, size.astype(np.int32), _digests(sums)
    )


def _digests(sums: pa.StringArray) -> np.ndarray:
    """Checksums in hexadecimal as uint8 [m, 32], zeros where there is none."""
    whole = pc.fill_null(sums, "0" * 64).cast(pa.binary()).cast(pa.binary(64))
    text = bytes(whole.buffers()[1])[whole.offset * 64 : (whole.offset + len(whole)) * 64] if len(whole) else b""
    return np.frombuffer(bytes.fromhex(text.decode("ascii")), np.uint8).reshape(len(whole), 32)
