"""A folder of clips with sidecar texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vidal.engine import fingerprint
from vidal.engine.errors import ConfigError, SampleError
from vidal.harvest.candidate import Candidate, safe_id, split_hashtags
from vidal.harvest.config import LocalConfig
from vidal.harvest.sources import source_of

VIDEO = frozenset({".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4v", ".ogv"})
AUDIO = frozenset({".flac", ".wav", ".mp3", ".ogg", ".opus", ".m4a"})

TEXT = frozenset({".json", ".txt"})


@source_of(LocalConfig)
class Local:
    """Every media file under a folder. Fetching is naming it: nothing is copied."""

    searches = None

    def __init__(self, config: LocalConfig, base: Path) -> None:
        self.name = config.name
        self.root = (base / Path(config.path).expanduser()).resolve()
        if not self.root.is_dir():
            raise ConfigError(f"harvest source {config.name}: {self.root} is not a folder; set its `path`")

    def revision(self) -> str:
        """A hash of the names and sizes of the media and their sidecars."""
        files = [(path.relative_to(self.root).as_posix(), path.stat().st_size) for path in sorted(self._files(TEXT))]
        return fingerprint.digest(files)

    def search(self, term: str | None) -> Iterator[Candidate]:
        for path in sorted(self._files()):
            relative = path.relative_to(self.root).as_posix()
            texts = _sidecar(path)
            title, hashtags = split_hashtags(str(texts.get("title") or path.stem.replace("_", " ")))
            yield Candidate(
                id=safe_id(self.name, relative),
                kind="video" if path.suffix.lower() in VIDEO else "audio",
                source=self.name,
                url=relative,
                title=title,
                hashtags=hashtags + tuple(str(tag) for tag in texts.get("hashtags") or ()),
                description=texts.get("description"),
                licence=texts.get("licence"),
                uploader=texts.get("uploader"),
                captions=tuple(str(caption) for caption in texts.get("captions") or ()),
                revision=str(path.stat().st_size),
            )

    def fetch(self, url: str, kind: str, folder: Path, max_bytes: int, timeout: float) -> Path:
        path = (self.root / url).resolve()
        if not path.is_relative_to(self.root) or not path.is_file():
            raise SampleError("NotFound", f"{url} is not a file under the source's folder")
        return path

    def _files(self, also: frozenset[str] = frozenset()) -> list[Path]:
        files = [path for path in self.root.rglob("*") if path.suffix.lower() in VIDEO | AUDIO | also]
        if not files:
            raise ConfigError(f"harvest source {self.name}: no clips or sounds under {self.root}; set its `path`")
        return files


def _sidecar(path: Path) -> dict[str, Any]:
    """The texts beside a file; a sidecar that cannot be read is a configuration error, since its texts matter."""
    described, named = path.with_suffix(".json"), path.with_suffix(".txt")
    try:
        if described.is_file():
            texts = json.loads(described.read_text(encoding="utf-8"))
            if not isinstance(texts, dict):
                raise ValueError("expected an object")
            return texts
        return {"title": " ".join(named.read_text(encoding="utf-8").split())} if named.is_file() else {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{described if described.is_file() else named}: not a readable sidecar: {error}") from error
