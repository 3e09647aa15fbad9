"""The deny-list: take-downs and channels that are not wanted, however they were written down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from vidal.harvest.candidate import safe_id
from vidal.harvest.screening.addresses import address, youtube_channel
from vidal.text.words import fold

UPLOADER = "uploader:"


class DenyList:
    """What is denied. An entry is a sample's id, a site's own id (at whatever source), the address of a clip or of an
    account, or `uploader:` and a channel's or account's name, handle, id or address; a handle such as `@name` stands
    for itself. Addresses deny in all the spellings that `address` knows.

    `stored` gives what stands for an uploader where names are not kept.
    """

    def __init__(self, entries: Iterable[str], stored: Callable[[str], str | None] | None = None) -> None:
        ids, addresses, uploaders = set(), set(), set()
        for entry in filter(None, map(str.strip, entries)):
            if names_uploader(entry):
                uploaders.add(uploader_name(entry.removeprefix(UPLOADER)))
                continue
            ids.add(entry)
            if "/" in entry:
                addresses.add(address(entry))
                uploaders.add(uploader_name(entry))
        self.ids = frozenset(ids)
        self.addresses = frozenset(addresses) - {""}
        self.uploaders = frozenset(uploaders) - {""}
        self._stored = stored
        self._ids_of: dict[str, frozenset[str]] = {}

    def denies(self, values: Mapping[str, Any]) -> bool:
        """Whether a candidate's id, address or uploader is on the list."""
        id_ = values.get("id")
        if self.ids and (id_ in self.ids or id_ in self._at(values.get("source") or "")):
            return True
        if self.addresses and address(values.get("url") or "") in self.addresses:
            return True
        names = (values.get("uploader"), values.get("uploader_id")) if self.uploaders else ()
        return any(name in self._standing or uploader_name(name) in self.uploaders for name in names if name)

    @cached_property
    def _standing(self) -> frozenset[str | None]:
        """What stands for the denied uploaders where names are not kept."""
        return frozenset(map(self._stored, self.uploaders)) if self._stored else frozenset()

    def _at(self, source: str) -> frozenset[str]:
        """The entries as ids of a source's samples, for what is denied by the site's own id."""
        if source not in self._ids_of:
            self._ids_of[source] = frozenset(safe_id(source, entry) for entry in self.ids)
        return self._ids_of[source]


def names_uploader(entry: str) -> bool:
    """Whether an entry names an uploader and nothing else."""
    return entry.startswith((UPLOADER, "@")) or youtube_channel(entry) is not None


def uploader_name(name: str) -> str:
    """One spelling for what names one uploader: without the case, the `@` of a handle, and what is said of an address
    in other ways."""
    name = name.strip()
    if "." in name.removeprefix("https://").removeprefix("http://").partition("/")[0] and "/" in name:
        name = youtube_channel(name) or address(name)
    return " ".join(fold(name).strip().removeprefix("@").split())
