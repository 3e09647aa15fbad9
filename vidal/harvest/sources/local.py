"""A folder of clips with sidecar texts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from vidal.engine import fingerprint
from vidal.engine.config import Section
from vidal.engine.errors import ConfigError, SampleError
from vidal.harvest.candidate import Candidate, safe_id, split_hashtags
from vidal.harvest.sources import Fetched, Name, Order, Slice, Source, source_of

VIDEO = frozenset({".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4v", ".ogv"})
AUDIO = frozenset({".flac", ".wav", ".mp3", ".ogg", ".opus", ".m4a"})

TEXT = frozenset({".json", ".txt"})


class LocalConfig(Section):
    """A folder of clips and sounds. Texts come from `<name>.json` beside a file (title, hashtags, description,
    captions, licence) or `<name>.txt` (the title); a file without either is named by its own name."""

    type: Literal["local"]
    name: Name
    path: str
    """The folder, relative to the pipeline file."""


class Sidecar(BaseModel):
    """The texts beside a file; keys it does not know are for others."""

    title: str | None = None
    hashtags: tuple[str, ...] = ()
    description: str | None = None
    licence: str | None = None
    uploader: str | None = None
    captions: tuple[str, ...] = ()


@source_of(LocalConfig)
class Local(Source):
    """Every media file under a folder. Fetching is naming it: nothing is copied."""

    def __init__(self, config: LocalConfig, base: Path, network: Any) -> None:
        self.name = config.name
        self.root = (base / Path(config.path).expanduser()).resolve()

    def check(self) -> None:
        if not self.root.is_dir():
            raise ConfigError(f"harvest source {self.name}: {self.root} is not a folder; set its `path`")
        self._files()

    def listed(self) -> Iterator[Slice]:
        """One slice, whose revision is a hash of the names and sizes of the media, and of the names and contents of
        their sidecars."""
        files = [(os.fsencode(path.relative_to(self.root)).hex(), _state(path)) for path in self._files(TEXT)]
        yield Slice("all", fingerprint.digest(files))

    def search(self, query: str) -> Iterator[Candidate]:
        for path in self._files():
            relative = path.relative_to(self.root).as_posix()
            texts = _sidecar(path)
            title, hashtags = split_hashtags(texts.title or path.stem.replace("_", " "))
            yield Candidate(
                id=safe_id(self.name, relative),
                kind="video" if path.suffix.lower() in VIDEO else "audio",
                source=self.name,
                url=relative,
                title=title,
                hashtags=tuple(dict.fromkeys((*hashtags, *(tag.lstrip("#") for tag in texts.hashtags)))),
                description=texts.description,
                licence=texts.licence,
                uploader=texts.uploader,
                captions=texts.captions,
                revision=str(path.stat().st_size),
            )

    def fetch(self, order: Order) -> Fetched:
        path = (self.root / order.url).resolve()
        if not path.is_relative_to(self.root) or not path.is_file():
            raise SampleError("NotFound", f"{order.url} is not a file under the source's folder")
        return Fetched(path)

    def _files(self, also: frozenset[str] = frozenset()) -> list[Path]:
        """The media files under the folder, and those of the suffixes `also`, in order of their names."""
        known = VIDEO | AUDIO | also
        files = sorted(path for path in self.root.rglob("*") if path.suffix.lower() in known and path.is_file())
        if not any(path.suffix.lower() in VIDEO | AUDIO for path in files):
            raise ConfigError(f"harvest source {self.name}: no clips or sounds under {self.root}; set its `path`")
        return files


def _state(path: Path) -> int | str:
    """What tells a changed file from the same one: a sidecar's content, the size of a clip or a sound."""
    if path.suffix.lower() in TEXT:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return path.stat().st_size


def _sidecar(path: Path) -> Sidecar:
    """The texts beside a file; a sidecar that cannot be read is a configuration error, since its texts matter."""
    described, named = path.with_suffix(".json"), path.with_suffix(".txt")
    try:
        if described.is_file():
            return Sidecar.model_validate_json(described.read_text(encoding="utf-8-sig"))
        return Sidecar(title=" ".join(named.read_text(encoding="utf-8-sig").split())) if named.is_file() else Sidecar()
    except ValidationError as error:
        wrong = "; ".join(": ".join([*map(str, problem["loc"]), problem["msg"]]) for problem in error.errors())
        raise ConfigError(f"{described}: not a readable sidecar: {wrong}") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{described if described.is_file() else named}: not a readable sidecar: {error}") from error
