"""Which members of the samples changed, told from the checksums of two indexes; no tar is opened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vidal.report.diff.columns import Columns
from vidal.report.diff.pairing import Pairing, Samples

NUMBER = re.compile(r"\d+(?=\.)")
ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)
"""Odd 64-bit constants, of which a sum of products spreads the bits."""
HEX = 64


@dataclass(frozen=True)
class MemberChange:
    """A member, or a series of members such as `frm*.jpg`: the samples of both sides in which it differs, is new, and
    is gone."""

    name: str
    changed: Samples
    came: Samples
    went: Samples

    @property
    def some(self) -> bool:
        return bool(len(self.changed) or len(self.came) or len(self.went))


@dataclass(frozen=True)
class Members:
    """All series of members that the samples of both sides have, by name. `by` says what tells that one changed: its
    `sha256` or, where an index has no checksums, its `size`."""

    by: str
    series: tuple[MemberChange, ...]


def members(first: Columns, second: Columns, pairing: Pairing) -> Members:
    """Compare the members of two indexes, sample by sample."""
    by = "sha256"
    old, new = digests(first, by), digests(second, by)
    if old is None or new is None:
        by = "size"
        old, new = digests(first, by) or {}, digests(second, by) or {}
    found = []
    for name in sorted({*old, *new}):
        before, after = (
            told[name][rows] if name in told else np.zeros(len(pairing), np.uint64)
            for told, rows in ((old, pairing.left), (new, pairing.right))
        )
        had, has = before != 0, after != 0
        masks = had & has & (before != after), has & ~had, had & ~has
        found.append(MemberChange(name, *map(pairing.samples, masks)))
    return Members(by, tuple(found))


def series(name: str) -> str:
    """The series that a member belongs to: its name with `*` for its number."""
    return NUMBER.sub("*", name)


def digests(columns: Columns, by: str) -> dict[str, np.ndarray] | None:
    """A number for each series of members, uint64 [n], that tells what members of it a sample has: other members have
    another, but for one case in 2^64, and none have 0. None where `by` is sha256 and a member has no checksum."""
    found: dict[str, np.ndarray] = {}
    for lists, places in columns.batches("members"):
        flat = lists.flatten()
        told = pc.struct_field(flat, by)
        numbers = _hashed(told) if by == "sha256" else told.to_numpy(zero_copy_only=False).astype(np.uint64)
        if numbers is None:
            return None
        of = places[pc.list_parent_indices(lists).to_numpy()]
        names = pc.struct_field(flat, "name").dictionary_encode()
        codes = names.indices.to_numpy()
        for code, name in enumerate(names.dictionary.to_pylist()):
            mask = (codes == code) & (of >= 0)
            into = found.setdefault(series(name), np.zeros(len(columns), np.uint64))
            into[of[mask]] += numbers[mask] * _odd(name) | np.uint64(1)
    return found


def _hashed(checksums: pa.Array) -> np.ndarray | None:
    """Hexadecimal SHA-256s as numbers of 64 bits; None where one is none."""
    if not pc.all(pc.equal(pc.fill_null(pc.binary_length(checksums), 0), HEX), min_count=0).as_py():
        return None
    start = checksums.offset
    _, offsets, data = checksums.buffers()
    begin = int(np.frombuffer(offsets, np.int32)[start])
    text = np.frombuffer(data, np.uint8, HEX * len(checksums), begin).reshape(-1, HEX)[:, : 8 * len(ODD)]
    return (np.ascontiguousarray(text).view(np.uint64) * ODD).sum(axis=1, dtype=np.uint64)


def _odd(name: str) -> np.uint64:
    """A multiplier for the members of one name, so that two that change places are seen."""
    return np.uint64(int.from_bytes(sha256(name.encode()).digest()[:8], "little") | 1)
