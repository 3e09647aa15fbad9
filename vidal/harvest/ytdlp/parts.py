"""The files of a download in its folder: named by us, and continued only where they are parts of the same file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vidal.harvest.ytdlp.formats import WHOLE

NAME = "part_name"
"""The key of a format that holds the name of its file."""


class Parts:
    """What is fetched into `folder`. A file is named by a hash of its address, so that an attempt at another format
    never continues it. One that comes whole is continued only where a strong validator (RFC 9110, section 13.1.5) tells
    that the site still has the same bytes; of one in segments, the segments that have arrived are kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, str] = {}

    def placed(self, format_: Mapping[str, Any]) -> dict[str, Any]:
        """The format with the name of its file, and without a say of the site in how files end. What an earlier attempt
        left of it and nothing can be added to is removed."""
        from yt_dlp.utils.networking import normalize_url

        name = "media-" + hashlib.sha256(format_["url"].encode("utf-8", "replace")).hexdigest()[:16]
        if format_["protocol"] in WHOLE:
            self._files[normalize_url(format_["url"])] = name
            if not self._mark(name).exists():
                (self.folder / f"{name}.part").unlink(missing_ok=True)
        for fragment in self.folder.glob(f"{name}.part-Frag*"):
            fragment.unlink()
        return {**format_, NAME: name, "ext": "mp4"}

    def condition(self, url: str, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers that make a request for the rest of a file one for the rest of the same file."""
        name = self._files.get(url)
        if name is None or "Range" not in headers or not self._mark(name).exists():
            return {}
        return {"If-Range": self._mark(name).read_text()}

    def note(self, url: str, tag: str) -> None:
        """Remember the ETag of a file's address; a weak one tells nothing."""
        if name := self._files.get(url):
            if tag.startswith('"'):
                self._mark(name).write_text(tag)
            else:
                self._mark(name).unlink(missing_ok=True)

    def finished(self, file: Path) -> Path:
        """The one file of the whole, under the name it keeps; the marks have served."""
        for mark in self.folder.glob("*.etag"):
            mark.unlink()
        return file.rename(self.folder / "media")

    def _mark(self, name: str) -> Path:
        return self.folder / f"{name}.etag"
