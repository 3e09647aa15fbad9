"""The bytes of pieces of shards: tried again where a shard fails, given up where it goes on failing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from vidal.train.data.plan import Piece
from vidal.train.data.tars import RawSample, ShardError, samples

ATTEMPTS = 3
FIRST_WAIT_S = 0.5


class PieceReader:
    """Reads pieces one after the other, and holds the shard of the last one open, since the next mostly goes on there.

    `lines` collects one line for each shard that is given up.
    """

    def __init__(self, wanted: Callable[[str], bool], wait: Callable[[float], None] = time.sleep) -> None:
        self.lines: list[str] = []
        self._wanted, self._wait = wanted, wait
        self._url, self._next = "", 0
        self._open: Iterator[RawSample] = iter(())
        self._lost: dict[str, int] = {}

    def read(self, piece: Piece) -> Iterator[RawSample | None]:
        """Every sample of a piece, in order; None for each that the shard does not give."""
        place = piece.first
        for attempt in range(ATTEMPTS):
            if place >= self._lost.get(piece.shard.url, piece.last):
                break
            if attempt:
                self._wait(FIRST_WAIT_S * 2 ** (attempt - 1))
            try:
                for sample in self._from(piece.shard.url, place):
                    place += 1
                    yield sample
                    if place == piece.last:
                        return
                raise ShardError(f"ends after {self._next} samples instead of {piece.shard.samples}")
            except Exception as error:  # each filesystem has errors of its own
                self._url, reason = "", " ".join(str(error).split())[:300] or type(error).__name__
        else:
            self._lost[piece.shard.url] = place
            self.lines.append(f"{piece.shard.url}: {reason}; given up from sample {place} on")
        for _ in range(place, piece.last):
            yield None

    def _from(self, url: str, first: int) -> Iterator[RawSample]:
        """The samples of a shard from `first` on, from where it is open if that is not beyond."""
        if self._url != url or self._next > first:
            self._url, self._next, self._open = url, first, samples(url, self._wanted, first)
        for sample in self._open:
            self._next += 1
            if self._next > first:
                yield sample
