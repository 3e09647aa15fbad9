"""What the Hugging Face hub says of a repository: its files, their sizes and checksums, its licence."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT = 10.0
"""Seconds that the hub has to begin an answer."""
_CARD = 1 << 20
"""Bytes of a model card beyond which its licence is not looked for."""
_CHUNK = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class File:
    """A file of a repository.

    `digest` is the SHA-256 of its content for large files, for others git's hash of it (SHA-1 over `blob`, its size, a
    zero byte and its content): 64 or 40 hexadecimal digits, which also name it in the cache. It is empty where the hub
    tells none.
    """

    name: str
    size: int
    digest: str

    def is_in(self, path: Path) -> bool:
        """Whether a file has this size and this checksum."""
        if path.stat().st_size != self.size:
            return False
        found = hashlib.sha256() if len(self.digest) == 64 else hashlib.sha1(b"blob %d\0" % self.size)
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                found.update(chunk)
        return found.hexdigest() == self.digest


@dataclass(frozen=True)
class Listing:
    """A repository at its newest commit."""

    hub_id: str
    commit: str
    files: tuple[File, ...]
    licence: str | None

    def chosen(self, allow: Iterable[str] | None = None, ignore: Iterable[str] | None = None) -> tuple[File, ...]:
        """The files whose names fit a pattern of `allow`, or any where it is None, and none of `ignore`."""
        from huggingface_hub.utils import filter_repo_objects

        kept = filter_repo_objects(
            self.files,
            allow_patterns=None if allow is None else list(allow),
            ignore_patterns=None if ignore is None else list(ignore),
            key=lambda file: file.name,
        )
        return tuple(kept)


def listed(hub_id: str) -> Listing:
    """The repository as the hub lists it now. Raises what huggingface_hub raises where it cannot be asked."""
    from huggingface_hub import HfApi

    found = HfApi().model_info(hub_id, files_metadata=True, timeout=TIMEOUT)
    files = (_file(entry) for entry in found.siblings or [])
    return Listing(hub_id, found.sha or "", tuple(files), _licence(found.card_data))


def licence_of(folder: Path) -> str | None:
    """The licence that the model card in a folder names; None without a card that does."""
    from huggingface_hub.repocard import metadata_load

    card = folder / "README.md"
    try:
        return _licence(metadata_load(card)) if card.is_file() and card.stat().st_size <= _CARD else None
    except Exception:  # a card is a text that anyone wrote, and a parser of it may raise anything
        return None


def _file(entry: Any) -> File:
    large = getattr(entry, "lfs", None)
    size = entry.size if large is None else large.size
    digest = (entry.blob_id if large is None else large.sha256) or ""
    return File(entry.rfilename, size or 0, digest if _DIGEST.fullmatch(digest) else "")


def _licence(card: Any) -> str | None:
    """The licence in a card's data; one `other` is told with the name that it has there."""
    if card is None:
        return None
    name = card.get("license")
    if name == "other":
        name = card.get("license_name") or name
    if isinstance(name, list):
        name = ", ".join(str(one) for one in name)
    return " ".join(str(name).split())[:100] if name else None
