"""What a request for a path gets. Paths are matched whole against what there is: a page of the index, a sample, one of
its layers or members by their names in the index. None is ever joined to a folder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from vidal.engine.config import CREDENTIALS
from vidal.report.gallery.embed import picture
from vidal.report.gallery.rows import MEDIA, full, light, record
from vidal.report.page.render import gallery_page
from vidal.shard.access import ShardSet
from vidal.shard.pictures import LAYERS

ROWS = 5000
"""Rows of a page of the index."""
KEPT = 256
"""Pictures held in memory."""
PATH = re.compile(
    r"/index/(?P<page>\d{1,9})\.json|/sample/(?P<sample>\d{1,9})\.json"
    rf"|/strip/(?P<strip>\d{{1,9}})/(?P<layer>{'|'.join(LAYERS)})\.jpg|/member/(?P<row>\d{{1,9}})/(?P<name>[^/?#]{{1,200}})",
    re.ASCII,
)


@dataclass(frozen=True)
class Answer:
    """A body of `size` bytes that `read` gives from one place to another; `tag` names its content, where known."""

    type: str
    size: int
    read: Callable[[int, int], bytes]
    tag: str = ""


class Answers:
    """The answers for one shard set. They may be asked for by several threads."""

    def __init__(self, shards: ShardSet) -> None:
        self._shards = shards
        self._page = gallery_page(CREDENTIALS.sub("***@", shards.location), len(shards)).encode("utf-8", "replace")
        self._picture = lru_cache(maxsize=KEPT)(self._drawn)

    def get(self, path: str) -> Answer | None:
        """The answer for the path of a request; None where there is nothing under it."""
        if path == "/":
            return whole("text/html; charset=utf-8", self._page)
        match = PATH.fullmatch(path)
        if match is None:
            return None
        if match["page"]:
            return self._index(int(match["page"]))
        row = int(match["sample"] or match["strip"] or match["row"])
        if row >= len(self._shards):
            return None
        if match["sample"]:
            return as_json(full(self._shards[row], record(self._shards.index, row)))
        if match["layer"]:
            found = self._picture(row, match["layer"])
            return whole("image/jpeg", found) if found else None
        return self._member(row, unquote(match["name"]))

    def _index(self, page: int) -> Answer | None:
        rows = range(page * ROWS, min((page + 1) * ROWS, len(self._shards)))
        if page and not rows:
            return None
        return as_json({"columns": light(self._shards.index.where(rows)), "more": rows.stop < len(self._shards)})

    def _drawn(self, row: int, layer: str) -> bytes | None:
        return picture(self._shards[row], layer, record(self._shards.index, row) if layer == "depth" else {})

    def _member(self, row: int, name: str) -> Answer | None:
        sample = self._shards[row]
        if name not in sample:
            return None
        place = sample.place(name)
        kind = MEDIA.get(name, "application/octet-stream")
        return Answer(kind, place.size, lambda start, stop: sample.part(name, start, stop), place.sha256 or "")


def whole(kind: str, content: bytes) -> Answer:
    return Answer(kind, len(content), lambda start, stop: content[start:stop])


def as_json(value: Any) -> Answer:
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return whole("application/json", text.encode())
