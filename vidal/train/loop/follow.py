"""The progress of a training whose leader runs elsewhere, by the points that it writes."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import IO

from vidal.train.loop.progress import METRICS, show

EVERY_S = 1.0


class Following:
    """While the block runs, the line of every point that is added to the curves in `folder`, which several machines may
    see. The file is replaced where a run begins again; what it keeps is not shown twice."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / METRICS
        self._stream: IO[str] | None = None
        self._shown: set[int] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Following:
        self._shown = {hash(line) for line in self._lines()}
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._close()

    def _close(self) -> None:
        if self._stream:
            self._stream.close()

    def _follow(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(EVERY_S)
            for line in self._lines():
                if hash(line) not in self._shown:
                    self._shown.add(hash(line))
                    show(json.loads(line))

    def _lines(self) -> list[str]:
        """The whole lines that were added; all of them once the file is another."""
        try:
            if self._stream is None or not os.path.samestat(os.fstat(self._stream.fileno()), self._file.stat()):
                opened = self._file.open(encoding="utf-8")
                self._close()
                self._stream = opened
        except OSError:
            return []
        found: list[str] = []
        while True:
            place = self._stream.tell()
            if not (line := self._stream.readline()).endswith("\n"):
                self._stream.seek(place)
                return found
            found.append(line)
