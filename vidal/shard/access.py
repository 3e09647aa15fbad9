"""Random access to a shard set: samples by key or position, their members read by offset as they are asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from vidal.engine.errors import ConfigError, MissingError, VidalError
from vidal.engine.ranges import RangeError, whole
from vidal.shard.index import Index
from vidal.shard.load import load
from vidal.shard.read import Member

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa


class DamagedMember(VidalError):
    """A member that is not what the index says; the message names shard, key and member."""


class Unknown(MissingError, KeyError):
    """A key or a member that is not there; the message names some that are."""

    __str__ = Exception.__str__


class Sample(Mapping[str, bytes]):
    """One sample of a shard set: a mapping of its members' names to their bytes, each read when it is asked for, with
    one request, and compared with its SHA-256 where the index has it.

    `key`, `kind` and `shard` say what it is and where; `facts` is its row of the index, without the members. Asking for
    bytes that are damaged raises DamagedMember, for a member that it lacks Unknown (a KeyError).
    """

    def __init__(self, index: Index, position: int) -> None:
        self._index = index
        self._position = position

    def __getitem__(self, member: str) -> bytes:
        place = self.place(member)
        return self._checked(place, self._read(member, place.offset, place.size))

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, member: object) -> bool:
        return isinstance(member, str) and self._index.places.find(self._position, member) is not None

    def __repr__(self) -> str:
        return f"<Sample {self.key!r} of {self.shard}: {', '.join(self)}>"

    def _repr_html_(self) -> str:
        from vidal.shard.card_html import card

        return card(self)

    @cached_property
    def key(self) -> str:
        return self._index.keys[self._position].as_py()

    @property
    def kind(self) -> str:
        return self.facts["kind"]

    @property
    def shard(self) -> str:
        return self._index.shard(self._position)

    @cached_property
    def facts(self) -> dict[str, Any]:
        [row] = self._index.facts.slice(self._position, 1).to_pylist()
        return row

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of each member."""
        return {name: member.size for name, member in self._members.items()}

    def read(self, members: Collection[str] | None = None) -> dict[str, bytes]:
        """These members, or all, with one request that spans them; those that lie far apart one by one."""
        places = list(self._members.values() if members is None else map(self.place, members))
        found = self._index.contents(self._position, places)
        return {place.name: self._checked(place, self._told(place.name, data)) for place, data in found}

    def image(self, member: str) -> Any:
        """A picture as a Pillow image, RGB. Depth is not one: `depth` reads it."""
        from vidal.media.images import MAX_PIXELS, open_image

        return self._decoded(member, lambda data: open_image(data, ("JPEG", "PNG", "WEBP"), MAX_PIXELS, "RGB"))

    def depth(self, frame: int = 0) -> np.ndarray:
        """The depth of a keyframe, float32 [H, W]: pixel × scale + offset, by the sample's record. Metres where
        `record["depth"]["kind"]` is `metric`; other kinds have no unit (docs/shard-format.md)."""
        import numpy as np

        from vidal.media.depth_png import decode_depth

        told = self.record.get("depth")
        if not told:
            raise (
                self._unknown(f"dep{frame}.png")
                if f"dep{frame}.png" not in self
                else ConfigError(f"{self.shard}: {self.key}: its record does not say what its depth means")
            )
        pixels = self._decoded(f"dep{frame}.png", decode_depth)
        return (pixels * float(told["scale"]) + float(told["offset"])).astype(np.float32)

    def audio(self) -> tuple[np.ndarray, int]:
        """The sound: float32 [n], mono, -1 to 1, and its rate in Hz."""
        from vidal.media.sound import decode_audio

        return self._decoded("flac", decode_audio)

    def text(self, view: str = "txt") -> str:
        """A text: `txt`, the one for plain loaders, or a view: `raw`, `ofa0`, `mplug`, `polish_mplug` …"""
        return self._decoded("txt" if view == "txt" else f"{view}.txt", bytes.decode)

    @cached_property
    def record(self) -> dict[str, Any]:
        """The JSON record; empty where the sample has none."""
        found = self._decoded("json", json.loads) if "json" in self else {}
        if not isinstance(found, dict):
            raise DamagedMember(f"{self.shard}: {self.key}: json holds no record")
        return found

    def place(self, member: str) -> Member:
        """Where a member lies in the sample's shard. Raises Unknown for one that it lacks."""
        found = self._index.places.find(self._position, member)
        if found is None:
            raise self._unknown(member)
        return found

    def part(self, member: str, start: int, stop: int) -> bytes:
        """Bytes of a member, from `start` to before `stop`, which no checksum is known of."""
        return self._read(member, self.place(member).offset + start, stop - start)

    @cached_property
    def _members(self) -> dict[str, Member]:
        return self._index.places.members(self._position)

    def _unknown(self, member: str) -> Unknown:
        return Unknown(f"{self.shard}: {self.key} has no {member}; it has {', '.join(self) or 'nothing'}")

    def _read(self, member: str, start: int, size: int) -> bytes:
        try:
            return self._index.read(self._position, start, size)
        except RangeError as error:
            return self._told(member, error)

    def _told(self, member: str, found: bytes | RangeError | MissingError) -> bytes:
        if isinstance(found, RangeError):
            raise DamagedMember(f"{self.shard} {self.key} {member}: {found}") from found
        return whole(found)

    def _checked(self, place: Member, data: bytes) -> bytes:
        if place.sha256 is not None and hashlib.sha256(data).hexdigest() != place.sha256:
            raise DamagedMember(
                f"{self.shard}: {self.key}: {place.name} differs from its checksum in the index; "
                "`vidal inspect --verify` lists all that is damaged, --repair leaves it out"
            )
        return data

    def _decoded(self, member: str, decode: Any) -> Any:
        from vidal.engine.errors import SampleError

        try:
            return decode(self[member])
        except (SampleError, ValueError) as error:
            raise DamagedMember(f"{self.shard}: {self.key}: {member} does not decode: {error}") from error


class ShardSet(Mapping[str, Sample]):
    """The samples of a shard set, in the order of the shards: `set[key]`, `set[0]`, `set[10:20]`, `key in set`, `len`.

    Iteration gives the keys. Nothing of a tar is read before a member is asked for, where there is an index. `scanned`
    names the shards that no index speaks of, of which the headers were read once. A set can be pickled and used by
    several threads.
    """

    def __init__(self, location: str, index: Index) -> None:
        self.location = location
        self.index = index

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Iterator[str]:
        return iter(self.index.keys.to_pylist())

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.index.position(key) is not None

    @overload
    def __getitem__(self, key: str | int) -> Sample: ...
    @overload
    def __getitem__(self, key: slice) -> list[Sample]: ...
    def __getitem__(self, key: str | int | slice) -> Sample | list[Sample]:
        if isinstance(key, slice):
            return [Sample(self.index, position) for position in range(*key.indices(len(self)))]
        if isinstance(key, str):
            position = self.index.position(key)
            if position is None:
                known = ", ".join(self.index.keys.slice(0, 3).to_pylist()) or "none"
                raise Unknown(f"{self.location}: no sample {key!r}; the first keys are {known}")
            return Sample(self.index, position)
        return Sample(self.index, range(len(self))[key])

    def __repr__(self) -> str:
        return f"<ShardSet {self.location!r}: {len(self)} samples in {len(self.index.shards)} shards>"

    @property
    def scanned(self) -> tuple[str, ...]:
        return self.index.scanned

    @property
    def table(self) -> pa.Table:
        """The index: a row per sample."""
        return self.index.table

    def to_pandas(self) -> pd.DataFrame:
        """The index as a data frame."""
        return self.table.to_pandas()

    def where(self, expression: str) -> ShardSet:
        """The samples for which a condition holds: an SQL expression over the index and the samples' records, in the
        sandbox of the filter's rules. ConfigError, with the columns there are, for one that cannot be used."""
        from vidal.shard.where import holding

        return ShardSet(self.location, self.index.where(holding(self.index, expression)))


def open_set(location: str, guarded: bool = False) -> ShardSet:
    """The shard set at a location (`vidal.open`), `guarded` as `vidal.shard.load.load` says."""
    return ShardSet(location, load(location, guarded))
