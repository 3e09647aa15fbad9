"""Small steps with planted trouble, importable by the processes that runners start."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from vidal.engine import spine
from vidal.engine.errors import ConfigError, PendingError, SampleError
from vidal.engine.nodes import Context, Spine, Summary
from vidal.engine.step import Read, Resources, Result, Sample, Step


class Numbers(Spine):
    """Samples `n0`, `n1`, … that hold their number."""

    name = "toy/numbers"
    columns = {"value": pa.int64()}

    def __init__(self, values: Mapping[str, int], part_size: int = 4) -> None:
        self.values = values
        self.part_size = part_size

    def settings(self) -> Mapping[str, Any]:
        return {}

    def run(self, context: Context) -> Summary:
        rows = [{"id": id_, "kind": "video", "value": value} for id_, value in self.values.items()]
        return spine.sync(self, context.store(self.name), spine.in_order(self.schema, rows), self.part_size)


class Double(Step):
    """Doubles a number, and writes it as a member; some numbers are trouble."""

    name = "toy/double"
    reads = (Read("toy/numbers", ("value",)),)
    columns = {"double": pa.int64()}
    members = ("txt",)
    resources = Resources(batch_size=3)

    def __init__(
        self,
        bad: Sequence[int] = (),
        exits: Sequence[int] = (),
        killed: Sequence[int] = (),
        fatal: Sequence[int] = (),
        factor: int = 2,
        away: Sequence[str] = (),
    ) -> None:
        self.away = away
        self.bad, self.exits, self.killed, self.fatal = bad, exits, killed, fatal
        self.factor = factor

    def settings(self) -> Mapping[str, Any]:
        return {"factor": self.factor}

    def prepare(self, sample: Sample) -> None:
        sample.prepared = sample.columns["value"] * self.factor

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        for sample in samples:
            value = sample.columns["value"]
            if sample.id in self.away:
                raise PendingError("Away", f"{sample.id} is not at home")
            if value in self.exits:
                os._exit(7)
            if value in self.killed:
                os.kill(os.getpid(), signal.SIGKILL)
            if value in self.fatal:
                raise ConfigError(f"the number {value} is not configured")
            if value in self.bad:
                raise SampleError("BadNumber", f"{value} is bad")
        return [sample.ok({"double": sample.prepared}, {"txt": str(sample.prepared).encode()}) for sample in samples]


class Add(Step):
    """Reads a column, a column of another step and a member, and adds them up."""

    name = "toy/add"
    reads = (Read("toy/double", ("double",), ("txt",)), Read("toy/numbers", ("value",)))
    columns = {"sum": pa.int64()}
    resources = Resources(batch_size=2, actor=True)

    def settings(self) -> Mapping[str, Any]:
        return {}

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        return [s.ok({"sum": s.columns["double"] + s.columns["value"] + int(s.members["txt"])}) for s in samples]


class AtMost(Step):
    """Rejects numbers above a limit, which is its policy; with `hint`, it does not depend on the number otherwise."""

    name = "toy/at-most"
    columns = {"value": pa.int64()}

    def __init__(self, limit: int, hint: bool = False) -> None:
        self.limit = limit
        self.reads = (Read("toy/numbers", hints=("value",)) if hint else Read("toy/numbers", ("value",)),)

    def settings(self) -> Mapping[str, Any]:
        return {}

    def policy(self) -> Any:
        return {"limit": self.limit}

    def forecast(self, ids: Iterable[str], stores: Mapping[str, Any]) -> tuple[str, ...]:
        return (f"{len(list(ids))} numbers to look at",)

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        return [s.rejected("large") if s.columns["value"] > self.limit else s.ok(s.columns) for s in samples]


class Crash:
    """A handler that is no step: it doubles, or fails."""

    name = "toy/crash"

    def __init__(self, fails: int | None = None) -> None:
        self.fails = fails

    def setup(self) -> None:
        return

    def __call__(self, unit: int) -> int:
        if unit == self.fails:
            raise Unportable("seven", unit)
        return 2 * unit


class DiesInSetup(Crash):
    """A handler whose worker dies before its first unit."""

    def setup(self) -> None:
        os._exit(9)


class FailsInSetup(Crash):
    """A handler that cannot be set up."""

    def setup(self) -> None:
        raise RuntimeError("no such device")


class Unportable(Exception):
    """An exception that does not survive pickling."""

    def __init__(self, name: str, value: int) -> None:
        super().__init__(f"{name} is {value}")


class Stays:
    """A handler that says which process it is in, and works for longer than any test."""

    name = "toy/stays"

    def __init__(self, file: str) -> None:
        self.file = file

    def setup(self) -> None:
        return

    def __call__(self, unit: int) -> int:
        with open(f"{self.file}.new", "w", encoding="utf-8") as stream:
            stream.write(str(os.getpid()))
        os.rename(f"{self.file}.new", self.file)
        time.sleep(600)
        return unit
