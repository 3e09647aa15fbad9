"""A workspace: one build's folder, local or at any fsspec URL, with writes that are whole or absent."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from vidal.engine.errors import ConfigError, MissingError

TEMPORARY = ".tmp-"
GROUP = 8192
"""Rows."""


class Workspace:
    """Files under one root. Paths are relative and use `/`; nothing outside the root can be named.

    On a local disk a file is written to a temporary name in its own folder, flushed to the disk, then renamed.
    For an object store it is written to a temporary file of this machine, then uploaded: an upload becomes visible
    whole when it completes.
    """

    def __init__(self, url: str, options: dict[str, Any] | None = None) -> None:
        self.options = options or {}
        try:
            self.fs, root = fsspec.core.url_to_fs(url, **self.options)
        except (ImportError, ValueError) as error:
            raise ConfigError(
                f"workspace {url}: {error}; use a folder or the URL of an installed filesystem"
            ) from error
        self.root = root.rstrip("/")
        self.protocol = self.fs.protocol if isinstance(self.fs.protocol, str) else self.fs.protocol[0]
        self.local = self.protocol in ("file", "local")
        self.url = self.root if self.local else url

    def __reduce__(self) -> tuple[Any, ...]:
        return Workspace, (self.url, self.options)

    def path(self, name: str) -> str:
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or name.startswith("/"):
            raise ConfigError(f"{name!r} is not a path inside the workspace")
        return f"{self.root}/{name}"

    def check_writable(self) -> None:
        """Raise ConfigError, naming the workspace and the cause, unless a file can be written and removed here."""
        probe = f"{TEMPORARY}write-check-{uuid.uuid4().hex[:8]}"
        try:
            self.write_bytes(probe, b"")
            self.remove(probe)
        except OSError as error:
            cause = error.strerror or str(error)
            raise ConfigError(
                f"workspace {self.url} cannot be written ({cause}); choose another with --set workspace=FOLDER"
            ) from error

    def exists(self, name: str) -> bool:
        return self.fs.exists(self.path(name))

    def size(self, name: str) -> int | None:
        """Bytes of a file, or None where there is none."""
        try:
            return int(self.fs.info(self.path(name))["size"])
        except FileNotFoundError:
            return None

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every file below a folder, by its path in it, sorted; none where the folder is absent."""
        root = self.path(folder)
        found = self.fs.find(root, detail=True)
        sizes = {path[path.index(root) + len(root) + 1 :]: int(info["size"] or 0) for path, info in found.items()}
        return {path: size for path, size in sorted(sizes.items()) if not path.rpartition("/")[2].startswith(TEMPORARY)}

    def list(self, folder: str) -> list[str]:
        """Names of the files directly in a folder, sorted; none where the folder is absent."""
        try:
            entries = self.fs.ls(self.path(folder), detail=False, refresh=True)
        except FileNotFoundError:
            return []
        names = (entry.rstrip("/").rsplit("/", 1)[-1] for entry in entries)
        return sorted(name for name in names if not name.startswith(TEMPORARY))

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        try:
            with self.fs.open(self.path(name), "rb") as stream:
                yield stream
        except FileNotFoundError as error:
            raise MissingError(f"{self.url}/{name} is missing") from error

    def read_bytes(self, name: str) -> bytes:
        with self.open(name) as stream:
            return stream.read()

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """A stream whose content appears under `name` when the block ends well, and nowhere otherwise."""
        target = self.path(name)
        folder, _, last = target.rpartition("/")
        self.fs.makedirs(folder, exist_ok=True)
        if not self.local:
            with tempfile.NamedTemporaryFile(prefix="vidal-") as stream:
                yield stream
                stream.flush()
                self.fs.put_file(stream.name, target)
            return
        temporary = f"{folder}/{TEMPORARY}{uuid.uuid4().hex[:8]}-{last}"
        try:
            with open(temporary, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, target)
        except BaseException:
            if os.path.exists(temporary):
                os.remove(temporary)
            raise

    def write_bytes(self, name: str, content: bytes) -> None:
        with self.create(name) as stream:
            stream.write(content)

    def write_json(self, name: str, value: Any) -> None:
        text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
        self.write_bytes(name, text.encode() + b"\n")

    def read_json(self, name: str) -> Any:
        return json.loads(self.read_bytes(name))

    def write_table(self, name: str, table: pa.Table, metadata: dict[str, str] | None = None) -> None:
        """Write a Parquet file (zstd), with `metadata` in its footer."""
        if metadata:
            table = table.replace_schema_metadata(metadata)
        with self.create(name) as stream:
            pq.write_table(table, stream, compression="zstd")

    def write_tables(self, name: str, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
        """Write tables of a schema as one Parquet file (zstd): GROUP rows or more in each group of rows but the last,
        and no more than that and a table in memory."""
        with self.create(name) as stream, pq.ParquetWriter(stream, schema, compression="zstd") as writer:
            held: list[pa.Table] = []
            for table in tables:
                held.append(table)
                if sum(map(len, held)) >= GROUP:
                    writer.write_table(pa.concat_tables(held))
                    held = []
            if held:
                writer.write_table(pa.concat_tables(held))

    def read_table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """Read a Parquet file, on this thread: Arrow's own threads, given a Python file, may outlive the read and abort
        or hang the interpreter as it ends (apache/arrow issues 33975 and 50482).

        Raises MissingError for a column that is not there: the file was written by another version of vidal.
        """
        with self.open(name) as stream:
            file = pq.ParquetFile(stream, pre_buffer=False)
            if absent := sorted(set(columns or ()) - set(file.schema_arrow.names)):
                raise MissingError(
                    f"{self.url}/{name} has no column {absent[0]}: another version of vidal wrote it; remove its "
                    "folder to have it made again, or use a new workspace"
                )
            return file.read(columns=columns, use_threads=False)

    def table_schema(self, name: str) -> pa.Schema:
        """The schema of a Parquet file."""
        with self.open(name) as stream:
            return pq.read_schema(stream)

    def table_metadata(self, name: str) -> dict[str, str]:
        """The metadata `write_table` left in a Parquet footer; empty where the file is absent."""
        if not self.exists(name):
            return {}
        return metadata_of(self.table_schema(name))

    def table_rows(self, name: str) -> int:
        """How many rows a Parquet file has, by its footer."""
        with self.open(name) as stream:
            return pq.ParquetFile(stream).metadata.num_rows

    def remove(self, name: str) -> None:
        if self.exists(name):
            self.fs.rm_file(self.path(name))

    def sweep(self) -> None:
        """Remove the temporary files an interrupted local build left behind."""
        if self.local and self.fs.exists(self.root):
            for folder, _, files in os.walk(self.root):
                for name in files:
                    if name.startswith(TEMPORARY):
                        os.remove(os.path.join(folder, name))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the workspace for one build. Local workspaces only: object stores offer no lock to hold."""
        if not self.local:
            yield
            return
        from filelock import FileLock, Timeout

        os.makedirs(self.root, exist_ok=True)
        lock = FileLock(f"{self.root}/.lock", timeout=0)
        try:
            with lock:
                yield
        except Timeout as error:
            raise ConfigError(
                f"another build is writing {self.url}; wait for it or choose another workspace"
            ) from error


def metadata_of(schema: pa.Schema) -> dict[str, str]:
    """The metadata of a table as texts."""
    return {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
