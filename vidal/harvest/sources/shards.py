"""WebDataset shards that others made, such as video2dataset's and img2dataset's: the clips and sounds in their tars."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import quote, unquote

from vidal.engine import fingerprint
from vidal.engine.config import Section
from vidal.engine.errors import ConfigError, SampleError, TransientError
from vidal.harvest.candidate import Candidate, safe_id
from vidal.harvest.listing.archive import ArchiveError, Entry, Span, entries
from vidal.harvest.listing.content import CHUNK
from vidal.harvest.listing.tree import Tree
from vidal.harvest.sources import Fetched, Name, Order, Slice, Source, source_of
from vidal.harvest.sources.urls import addressed
from vidal.text.hashtags import split_hashtags

VIDEO = ("mp4", "webm", "mkv", "mov", "avi", "m4v")
AUDIO = ("flac", "wav", "mp3", "m4a", "ogg", "opus")
TEXTS = ("title", "caption", "description", "licence", "uploader", "url")
TEXT_BYTES = 4 << 20
"""Largest text or JSON of a sample that is read."""
LOOKED_AT = 8
"""Tars that are looked into for a clip or a sound before any work."""
PLACE = re.compile(r".*#(?P<tar>[^#@]+)@(?P<offset>\d{1,18})\+(?P<size>\d{1,18})", re.ASCII | re.DOTALL)
DAMAGED, NO_MEDIA = "damaged: ", "no media: "
"""How the `url` of what cannot be fetched begins."""


class ShardsConfig(Section):
    """WebDataset tars made by others. A sample is an entry `KEY.EXT` with a clip (mp4, webm, mkv, mov, avi, m4v) or a
    sound (flac, wav, mp3, m4a, ogg, opus); of both, the clip. Its caption is `KEY.txt`, and what `KEY.json` says under
    `caption`, `title`, `description`, `hashtags`, `licence`, `uploader` and `url` is taken as well. A sample without
    media, such as one whose download had failed there, fails with the class `NoMedia`; a tar that is cut off or damaged
    gives what comes before, and a sample that fails with the class `BadTar` for the rest."""

    type: Literal["shards"]
    name: Name
    path: str
    """The folder of tars, relative to the pipeline file, a pattern such as `data/*.tar`, or an fsspec URL of either."""


@source_of(ShardsConfig)
class ShardSource(Source):
    """Every sample of every tar. Members are read from the bytes of the tar that they span, and never unpacked to names
    that the tar gives.

    A sample's `url` is its address as its JSON tells it, or its name in the tar, then `#`, the tar's path below the
    folder and the bytes of the member: `https://example.org/clip.mp4#00000.tar@1536+48211`. Its id is made of its key;
    where that does not begin with the tar's name, as video2dataset's do, of both.
    """

    def __init__(self, config: ShardsConfig, base: Path, network: Any) -> None:
        self.name = config.name
        self.tree = Tree(config.path, base, frozenset({".tar"}), frozenset())

    def check(self) -> None:
        """Raise ConfigError unless there are tars, and one of the first holds a clip or a sound."""
        names = sorted(file.name for file in self.tree.files())
        if not names:
            raise ConfigError(f"harvest source {self.name}: no .tar shards under {self.tree.root}; set its `path`")
        if not any(map(self._has_media, names[:LOOKED_AT])):
            known = ", ".join(VIDEO + AUDIO)
            raise ConfigError(f"harvest source {self.name}: {self.tree.root}/{names[0]} holds none of {known}")

    def listed(self) -> Iterator[Slice]:
        """A slice for each tar; its revision is a hash of its size and of what changes with its content."""
        for file in sorted(self.tree.files(), key=lambda file: file.name):
            yield Slice(file.name, fingerprint.digest([file.size, file.stamp]))

    def search(self, query: str) -> Iterator[Candidate]:
        path = f"{self.tree.root}/{query}"
        try:
            with self.tree.fs.open(path, "rb") as stream:
                size = str(stream.seek(0, 2))
                for entry in entries(stream):
                    yield self._candidate(query, size, entry, _texts(stream, entry))
        except ArchiveError as error:
            yield Candidate(safe_id(self.name, query), "video", self.name, f"{DAMAGED}{query}: {error}", query)
        except OSError as error:
            raise TransientError("Unavailable", f"{path} cannot be read: {error}") from error

    def fetch(self, order: Order) -> Fetched:
        if order.url.startswith(DAMAGED):
            raise SampleError("BadTar", order.url.removeprefix(DAMAGED))
        if order.url.startswith(NO_MEDIA):
            raise SampleError("NoMedia", order.url.removeprefix(NO_MEDIA))
        found = PLACE.fullmatch(order.url)
        tar = PurePosixPath(unquote(found["tar"])) if found else None
        if not found or tar is None or tar.is_absolute() or ".." in tar.parts:
            raise SampleError("NotFound", f"{order.url} names no bytes of a tar under the source's folder")
        span = Span(int(found["offset"]), int(found["size"]))
        if span.size > order.max_bytes:
            raise SampleError("TooLarge", f"{order.url} is larger than {order.max_bytes:,} bytes")
        return Fetched(self._copied(str(tar), span, order.folder / "media"))

    def _copied(self, tar: str, span: Span, target: Path) -> Path:
        """The bytes of a span of a tar as a file."""
        left = span.size
        try:
            with self.tree.fs.open(f"{self.tree.root}/{tar}", "rb") as stream, target.open("wb") as copy:
                stream.seek(span.offset)
                while left and (chunk := stream.read(min(CHUNK, left))):
                    copy.write(chunk)
                    left -= len(chunk)
        except FileNotFoundError as error:
            raise SampleError("NotFound", f"{tar} is not under the source's folder any more") from error
        except OSError as error:
            raise TransientError("Unavailable", f"{tar} cannot be read: {error}") from error
        if left:
            raise SampleError("BadTar", f"{tar} ends {left:,} bytes before the member does")
        return target

    def _has_media(self, name: str) -> bool:
        try:
            with self.tree.fs.open(f"{self.tree.root}/{name}", "rb") as stream:
                return any(_media(entry) for entry in entries(stream))
        except ArchiveError:
            return False
        except OSError as error:
            raise ConfigError(f"harvest source {self.name}: {name} cannot be read: {error}") from error

    def _candidate(self, tar: str, size: str, entry: Entry, told: Mapping[str, Any]) -> Candidate:
        stem = PurePosixPath(tar).stem
        name = entry.key if entry.key.startswith(stem) else f"{tar.removesuffix('.tar')}/{entry.key}"
        captions = tuple(dict.fromkeys(text for text in told["captions"] if text))
        title, hashtags = split_hashtags(told.get("title") or next(iter(captions), entry.key))
        media = _media(entry)
        return Candidate(
            id=safe_id(self.name, name),
            kind="audio" if media in AUDIO else "video",
            source=self.name,
            url=_url(tar, entry, media, told) if media else f"{NO_MEDIA}{tar}/{entry.key}: {told['problem']}",
            title=title,
            hashtags=tuple(dict.fromkeys((*hashtags, *told["hashtags"]))),
            description=told.get("description"),
            licence=told.get("licence"),
            uploader=told.get("uploader"),
            captions=captions,
            revision=size,
        )


def _media(entry: Entry) -> str | None:
    """The suffix of a sample's clip, else of its sound."""
    return next((suffix for suffix in VIDEO + AUDIO if suffix in entry.members), None)


def _url(tar: str, entry: Entry, media: str, told: Mapping[str, Any]) -> str:
    span = entry.members[media]
    told_url = told.get("url") or ""
    origin = told_url if addressed(told_url) else quote(f"{tar}/{entry.key}.{media}")
    return f"{origin}#{quote(tar)}@{span.offset}+{span.size}"


def _texts(stream: Any, entry: Entry) -> dict[str, Any]:
    """What the texts of a sample say: those of its JSON that are texts, its captions, its hashtags, and why it may have
    no media."""
    told = _json(_read(stream, entry, "json"))
    texts = {name: told[name] for name in TEXTS if isinstance(told.get(name), str)}
    caption = " ".join(_read(stream, entry, "txt").decode("utf-8", "replace").split())
    listed = {name: told[name] if isinstance(told.get(name), list) else [] for name in ("captions", "hashtags")}
    return {
        **texts,
        "captions": [caption, texts.get("caption"), *(text for text in listed["captions"] if isinstance(text, str))],
        "hashtags": [tag.lstrip("#") for tag in listed["hashtags"] if isinstance(tag, str)],
        "problem": str(told.get("error_message") or told.get("status") or "the sample has no clip and no sound")[:200],
    }


def _json(content: bytes) -> dict[str, Any]:
    """The object in a sample's JSON; none where it is anything else."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(stream: Any, entry: Entry, member: str) -> bytes:
    span = entry.members.get(member)
    if span is None or span.size > TEXT_BYTES:
        return b""
    stream.seek(span.offset)
    return stream.read(span.size)
