"""A folder of clips with sidecar texts, or the files that a table of texts names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import ValidationError

from vidal.engine import fingerprint
from vidal.engine.config import Section
from vidal.engine.errors import ConfigError, SampleError, TransientError
from vidal.harvest.candidate import Candidate, safe_id
from vidal.harvest.listing.columns import TextColumns, renamed
from vidal.harvest.listing.content import CHUNK
from vidal.harvest.listing.rows import understood, unusable
from vidal.harvest.listing.tables import Row, open_table
from vidal.harvest.listing.texts import Texts, problems
from vidal.harvest.listing.tree import Tree, stem, suffix
from vidal.harvest.sources import Fetched, Name, Order, Slice, Source, source_of
from vidal.text.hashtags import split_hashtags

VIDEO = frozenset({".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4v", ".ogv"})
AUDIO = frozenset({".flac", ".wav", ".mp3", ".ogg", ".opus", ".m4a"})
TEXT = frozenset({".json", ".txt"})


class FileColumns(TextColumns):
    """What the columns of the table are called. Empty cells say nothing; several rows of a file add to its captions."""

    file: str = "file"
    """Path of the file, relative to `path`."""


class LocalConfig(Section):
    """Clips and sounds in a folder. Texts come from `<name>.json` beside a file (title, hashtags, description,
    captions, licence, uploader) or `<name>.txt` (the title); a file without either is named by its own name. Or they
    come from a table, which then says which files are samples."""

    type: Literal["local"]
    name: Name
    path: str
    """The folder, relative to the pipeline file, a pattern such as `clips/**/*.mp4`, or an fsspec URL of either."""
    captions: str | None = None
    """A table of texts instead of sidecars: CSV, TSV or JSON lines, each also with `.gz`, or Parquet."""
    columns: FileColumns = FileColumns()


class NamedRow(Texts):
    """A row of the table."""

    file: str


@source_of(LocalConfig)
class Local(Source):
    """Every media file under a folder, or those of a table. Fetching a file of this machine is naming it, any other
    is copied. A sample's `url` is its file's path below the folder."""

    def __init__(self, config: LocalConfig, base: Path, network: Any) -> None:
        self.name = config.name
        self.columns = config.columns
        self.tree = Tree(config.path, base, VIDEO | AUDIO, TEXT)
        self.table = open_table(config.captions, base) if config.captions else None

    def check(self) -> None:
        try:
            self.tree.check()
            if self.table:
                self.table.check(self.columns.file)
        except ConfigError as error:
            raise ConfigError(f"harvest source {self.name}: {error}") from error

    def listed(self) -> Iterator[Slice]:
        """Slices of the folder, or of the table; a slice of a table changes with the sizes of local files it names."""
        if not self.table:
            yield from self.tree.slices()
            return
        for part in self.table.slices():
            sizes = [self._size(str(row.values.get(self.columns.file))) for row in self.table.rows(part.name)]
            yield Slice(part.name, fingerprint.digest([part.revision, sizes]))

    def search(self, query: str) -> Iterator[Candidate]:
        if self.table:
            yield from (self._told(row) for row in self.table.rows(query))
            return
        files = self.tree.read(query)
        for name, size in files.items():
            if self.tree.is_media(name):
                texts = self._sidecar(name, files)
                yield self._candidate(name, texts, PurePosixPath(stem(name)).name.replace("_", " "), size)

    def fetch(self, order: Order) -> Fetched:
        if self.tree.local:
            return Fetched(self._inside(order.url))
        return Fetched(self._copied(order))

    def _candidate(self, name: str, texts: Texts, title: str, size: int | None) -> Candidate:
        title, hashtags = split_hashtags(texts.title or title)
        return Candidate(
            id=safe_id(self.name, name),
            kind="audio" if suffix(name) in AUDIO else "video",
            source=self.name,
            url=name,
            title=title,
            hashtags=texts.tags(hashtags),
            description=texts.description,
            licence=texts.licence,
            uploader=texts.uploader,
            captions=texts.captions,
            revision=None if size is None else str(size),
        )

    def _told(self, row: Row) -> Candidate:
        texts, wrong = understood(row, NamedRow, renamed(row.values, self.columns))
        if texts is None:
            return unusable(row, wrong, "video", self.name)
        name = texts.file.removeprefix("./")
        title = next(iter(texts.captions), PurePosixPath(stem(name)).name.replace("_", " "))
        return self._candidate(name, texts, title, self._size(name))

    def _sidecar(self, name: str, files: dict[str, int]) -> Texts:
        """The texts beside a file; a sidecar that cannot be read is a configuration error, since its texts matter."""
        described, named = f"{stem(name)}.json", f"{stem(name)}.txt"
        found = described if described in files else named
        try:
            if found not in files:
                return Texts()
            text = self.tree.fs.cat_file(f"{self.tree.root}/{found}").decode("utf-8-sig")
            return Texts.model_validate_json(text) if found == described else Texts(title=" ".join(text.split()))
        except ValidationError as error:
            raise ConfigError(f"{self.tree.root}/{found}: not a readable sidecar: {problems(error)}") from error
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self.tree.root}/{found}: not a readable sidecar: {error}") from error

    def _size(self, name: str) -> int | None:
        """The bytes of a local file below the folder; None of any other."""
        try:
            return os.stat(self._inside(name)).st_size if self.tree.local else None
        except (SampleError, OSError):
            return None

    def _inside(self, name: str) -> Path:
        root = Path(self.tree.root)
        try:
            path = (root / name).resolve()
            if path.is_relative_to(root) and path.is_file():
                return path
        except (OSError, ValueError, RuntimeError):
            pass
        raise SampleError("NotFound", f"{name} is not a file under the source's folder")

    def _copied(self, order: Order) -> Path:
        path, left = PurePosixPath(order.url), order.max_bytes
        if path.is_absolute() or ".." in path.parts:
            raise SampleError("NotFound", f"{order.url} is not a file under the source's folder")
        target = order.folder / "media"
        try:
            with self.tree.fs.open(f"{self.tree.root}/{path}", "rb") as stream, target.open("wb") as copy:
                while chunk := stream.read(CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise SampleError("TooLarge", f"{order.url} is larger than {order.max_bytes:,} bytes")
                    copy.write(chunk)
        except (FileNotFoundError, IsADirectoryError) as error:
            raise SampleError("NotFound", f"{order.url} is not a file under the source's folder") from error
        except OSError as error:
            raise TransientError("Unavailable", f"{order.url} cannot be read: {error}") from error
        return target
