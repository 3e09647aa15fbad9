"""What exports read: the samples of a shard set one by one, and what they may be called as files."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from vidal.engine.errors import ConfigError
from vidal.harvest.sources.vidal_release import youtube_id
from vidal.shard.read import ShardError, Shards, kind_of

FRAMES = 8
"""Keyframes of a clip, as VIDAL-10M has them."""
NAME = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)


@dataclass(frozen=True)
class Taken:
    """A sample with its members, the stem of its shard's name, and its record, empty where it has none."""

    key: str
    shard: str
    members: Mapping[str, bytes]

    @cached_property
    def record(self) -> dict[str, Any]:
        """Raises ConfigError where the sample's JSON is none."""
        try:
            found = json.loads(self.members.get("json", b"{}"))
        except ValueError as error:
            raise ConfigError(f"{self.shard}.tar: {self.key}.json is no JSON: {error}") from error
        return found if isinstance(found, dict) else {}

    @property
    def kind(self) -> str:
        return kind_of(self.members)

    @property
    def id(self) -> str | None:
        """YouTube's id where the sample is a video of YouTube, else its key; None for one that is no plain name."""
        origin = self.record.get("origin")
        url = origin.get("url") if isinstance(origin, dict) else None
        name = (youtube_id(url) if isinstance(url, str) else None) or self.key
        return name if NAME.fullmatch(name) else None

    def text(self, view: str) -> str | None:
        """A text view, from its member `VIEW.txt`; None where it has none or only blanks."""
        return self.members.get(f"{view}.txt", b"").decode("utf-8", "replace").strip("\n") or None

    def series(self, name: str, suffix: str) -> list[bytes] | None:
        """The members of a series, one for each keyframe; None unless all are there."""
        names = [f"{name}{number}.{suffix}" for number in range(FRAMES)]
        return [self.members[each] for each in names] if set(names) <= set(self.members) else None


@dataclass
class Exported:
    """What an export did: samples written, those left out by reason, and those written without something by what."""

    samples: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    without: Counter[str] = field(default_factory=Counter)


def taken(shards: Shards) -> Iterator[Taken]:
    """Every sample in order. Raises ConfigError, naming the place, for a shard that cannot be read to its end."""
    for path in shards.paths:
        stem = path.rpartition("/")[2].removesuffix(".tar")
        try:
            for sample in shards.samples(path):
                yield Taken(sample.key, stem, shards.content(path, sample))
        except ShardError as error:
            raise ConfigError(f"{error}; `vidal inspect {shards.location} --verify` tells what is whole") from error


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A new folder that appears under its name when it is whole. Raises ConfigError where the name is taken."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is there already; name a new folder")
    part = folder.absolute().with_name(f".{folder.absolute().name}.{uuid.uuid4().hex[:8]}.part")
    try:
        part.mkdir(parents=True)
        yield part
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
