"""Responses kept in the workspace, so that no run and no machine pays twice for the same request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow.parquet as pq

from vidal.caption.llm.asks import Reply
from vidal.engine.errors import MissingError
from vidal.engine.workspace import Workspace

FOLDER = "cache/llm"
RESPONSES = "responses"
"""The column in which a row names the responses it was made of. It is not to be published."""
FILES = 16
"""Files read or written at once."""


class Cache:
    """One small file per response. It appears whole, before its answer is used, and is never changed."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def read(self, name: str) -> Reply | None:
        """The response to the request of that name; None where there is none, or what lies there is none."""
        try:
            return _reply(json.loads(self._workspace.read_bytes(file_of(name))))
        except (MissingError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def has(self, name: str) -> bool:
        return self._workspace.exists(file_of(name))

    def write(self, name: str, reply: Reply) -> None:
        content = json.dumps(reply.record(), sort_keys=True, ensure_ascii=False)
        self._workspace.write_bytes(file_of(name), content.encode() + b"\n")


class AsyncCache:
    """The cache for an event loop: files are read and written on threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._cache = Cache(workspace)
        self._files = ThreadPoolExecutor(FILES, thread_name_prefix="llm-cache")

    async def read(self, name: str) -> Reply | None:
        return await asyncio.get_running_loop().run_in_executor(self._files, self._cache.read, name)

    async def write(self, name: str, reply: Reply) -> None:
        await asyncio.get_running_loop().run_in_executor(self._files, self._cache.write, name, reply)

    def close(self) -> None:
        self._files.shutdown()


def forget(workspace: Workspace, file: str, ids: Collection[str]) -> None:
    """Remove the responses that the rows of some samples name, in a file of rows of whatever step."""
    with workspace.open(file) as stream:
        rows = pq.ParquetFile(stream)
        if RESPONSES not in rows.schema_arrow.names:
            return
        table = rows.read(columns=["id", RESPONSES], use_threads=False)
    for row in table.to_pylist():
        for name in (row[RESPONSES] or ()) if row["id"] in ids else ():
            workspace.remove(file_of(name))


def file_of(name: str) -> str:
    return f"{FOLDER}/{name[:2]}/{name}.json"


def _reply(record: dict[str, Any]) -> Reply:
    reply = Reply(**record)
    if not isinstance(reply.text, str):
        raise ValueError("a response without text")
    return reply
