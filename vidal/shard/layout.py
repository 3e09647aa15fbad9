"""Shards compared with their index byte by byte: which member a damaged header, content or padding belongs to."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from tarfile import RECORDSIZE
from typing import Any, BinaryIO

from vidal.engine.tar import BLOCK, TarWriter
from vidal.shard.checksum import blocks

Row = dict[str, Any]


def damaged(stream: BinaryIO, rows: Sequence[Row]) -> Iterator[tuple[str, str, str]]:
    """Key, member and what is wrong, for each member of a shard that `TarWriter` wrote which is not as its index, rows
    in order of offset, has it. Bytes between members belong to the member before; those after the last to it."""
    end, last = 0, ("", "")
    size = stream.seek(0, io.SEEK_END)
    for row in rows:
        for place in sorted(row["members"], key=lambda member: member["offset"]):
            start, last = place["offset"] - BLOCK, (row["key"], place["name"])
            end = place["offset"] + place["size"] + -place["size"] % BLOCK
            stream.seek(start)
            if said := _wrong(stream.read(end - start), f"{row['key']}.{place['name']}", place, size):
                yield *last, said
    stream.seek(end)
    for block in blocks(stream):
        if rest := block.lstrip(b"\0"):
            yield *last, f"the blocks that end the shard, after it, are damaged at byte {stream.tell() - len(rest)}"
            return
    if end <= size < end + 2 * BLOCK or (end <= size and size % RECORDSIZE):
        yield *last, f"the blocks that end the shard, after it, are cut off at byte {size}"


def _wrong(found: bytes, name: str, place: Row, size: int) -> str | None:
    """What is wrong with an entry of a tar of `size` bytes; None where it is as it was written."""
    start = place["offset"] - BLOCK
    content = found[BLOCK : BLOCK + place["size"]]
    if len(content) < place["size"]:
        return f"the shard ends at byte {size}, before it does"
    if hashlib.sha256(content).hexdigest() != place["sha256"]:
        return "differs from its checksum in the index"
    written = io.BytesIO()
    TarWriter(written).add(name, content)
    at = next((at for at, pair in enumerate(zip(found, written.getvalue(), strict=False)) if pair[0] != pair[1]), None)
    if at is not None:
        return f"its {'header' if at < BLOCK else 'padding'} is damaged at byte {start + at}"
    return f"the shard ends at byte {size}, in its padding" if len(found) < len(written.getvalue()) else None
