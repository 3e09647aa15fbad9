"""What was asked and spent in a workspace, and what may still be spent."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TextIO

from vidal.caption.llm.asks import Reply
from vidal.caption.llm.config import EndpointConfig
from vidal.engine.workspace import Workspace

FOLDER = "spending"
FLUSH_S = 5.0
TAIL = 4096
"""Bytes at the end of a journal that surely hold its last line."""


@dataclass(frozen=True)
class Totals:
    """Requests answered, answers found in the cache, bytes and tokens of requests, tokens of answers, dollars."""

    calls: int = 0
    cached: int = 0
    prompt_bytes: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    dollars: float = 0.0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


def most_dollars(config: EndpointConfig, size: int) -> float:
    """The most that a request of so many bytes may cost: no token is less than a byte."""
    return config.price.dollars(size, config.max_tokens) if config.price else 0.0


def bill(config: EndpointConfig, reply: Reply, size: int, share: float = 1.0) -> Totals:
    """What a reply to a request of so many bytes has cost, at a share of the price: the most that it may have where the
    endpoint does not tell its tokens."""
    prompt = size if reply.prompt_tokens is None else reply.prompt_tokens
    answer = config.max_tokens if reply.answer_tokens is None else reply.answer_tokens
    dollars = share * config.price.dollars(prompt, answer) if config.price else 0.0
    return Totals(1, 0, size, reply.prompt_tokens or 0, reply.answer_tokens or 0, dollars)


class Journal:
    """The totals of one worker as a file of lines, each the whole sum so far, so that the last whole line counts.

    A local file is written line by line, before the answer is used; on an object store it is replaced every few seconds
    and whenever `flush` is called.
    """

    def __init__(self, workspace: Workspace, key: str) -> None:
        start = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ-") + secrets.token_hex(4)
        self.totals = Totals()
        self._workspace = workspace
        self._name = f"{FOLDER}/{key}/{start}.jsonl"
        self._written = time.monotonic()
        self._stream: TextIO | None = None

    def add(self, more: Totals) -> None:
        self.totals += more
        if self._workspace.local:
            self._append()
        elif time.monotonic() - self._written > FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write what an object store has not been told yet."""
        if not self._workspace.local and self.totals != Totals():
            self._workspace.write_bytes(self._name, self._line())
            self._written = time.monotonic()

    def close(self) -> None:
        self.flush()
        if self._stream is not None:
            self._stream.close()

    def _append(self) -> None:
        if self._stream is None:
            with self._workspace.create(self._name):
                pass
            self._stream = open(self._workspace.path(self._name), "a", encoding="utf-8")  # noqa: SIM115
        self._stream.write(self._line().decode())
        self._stream.flush()

    def _line(self) -> bytes:
        return json.dumps(asdict(self.totals)).encode() + b"\n"


class Budget:
    """Dollars that may be spent, of which `spent` are gone and `reserved` may be, by requests that have not ended."""

    def __init__(self, dollars: float | None, spent: float) -> None:
        self.dollars = dollars
        self.spent = spent
        self._reserved: list[float] = []

    @property
    def reserved(self) -> float:
        return sum(self._reserved)

    def fits(self, cost: float) -> bool:
        """Whether a request that may cost so much can be sent, whatever becomes of those that have not ended."""
        return self.dollars is None or self.spent + self.reserved + cost <= self.dollars

    def reserve(self, cost: float) -> None:
        """A request, or a batch of them, that may cost so much is sent."""
        self._reserved.append(cost)

    def settle(self, reserved: float, spent: float) -> None:
        """What might have cost `reserved` has ended and cost `spent`."""
        self._reserved.remove(reserved)
        self.spent += spent


def spent(workspace: Workspace, key: str) -> Totals:
    """The sum of all journals of an endpoint, by the key of its section."""
    return sum(_journals(workspace, key), Totals())


def _journals(workspace: Workspace, key: str) -> Iterable[Totals]:
    for name in workspace.list(f"{FOLDER}/{key}"):
        with workspace.open(f"{FOLDER}/{key}/{name}") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - TAIL))
            lines = stream.read().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        with suppress(IndexError, ValueError, TypeError):
            yield Totals(**json.loads(whole[-1]))
