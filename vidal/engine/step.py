"""The step contract: what a piece of work declares, receives and returns. It knows neither Ray nor files."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from vidal.engine.errors import PendingError, SampleError, TransientError

if TYPE_CHECKING:
    from vidal.engine.commits import Store
    from vidal.engine.forgotten import Forgotten

OK, REJECTED, FAILED = "ok", "rejected", "failed"
PENDING = "pending"
"""Not a committed status: the result of a sample of which this run can say nothing, and which the next one takes up."""


@dataclass(frozen=True)
class Resources:
    """What one worker of a step needs. `actor` marks steps whose `setup` is worth keeping alive (a model)."""

    cpus: float = 1.0
    gpus: float = 0.0
    batch_size: int = 1
    threads: int = 1
    actor: bool = False
    workers: int | None = None


@dataclass(frozen=True)
class Read:
    """Columns and members (names or glob patterns) taken from an earlier step, whose rows must be `ok`, unless it is
    `optional`: then a row that is not gives null columns and no members.

    `hints` are columns that only help a step to reject early what is judged again elsewhere: where one changes, the
    step does nothing anew but for the samples it has rejected.
    """

    step: str
    columns: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    optional: bool = False

    def wants(self, member: str) -> bool:
        return any(fnmatchcase(member, pattern) for pattern in self.members)


@dataclass
class Sample:
    """One clip or sound on its way into a step: the columns and member bytes the step reads.

    `prepared` is whatever the step's own `prepare` made of them.
    """

    id: str
    kind: str
    columns: dict[str, Any] = field(default_factory=dict)
    members: dict[str, bytes] = field(default_factory=dict)
    prepared: Any = None

    def ok(self, columns: Mapping[str, Any] | None = None, members: Mapping[str, bytes] | None = None) -> Result:
        return Result(self.id, self.kind, OK, dict(columns or {}), dict(members or {}))

    def rejected(self, rule: str, columns: Mapping[str, Any] | None = None) -> Result:
        return Result(self.id, self.kind, REJECTED, dict(columns or {}), rule=rule)

    def failed(self, error: BaseException) -> Result:
        return Result(self.id, self.kind, FAILED, failure=Failure.of(error))


@dataclass(frozen=True)
class Failure:
    """An error as data: a stable class name, one line, a hash that groups equal tracebacks, whether to retry, and
    whether the sample stays pending where no retry helps."""

    error_class: str
    message: str
    traceback_hash: str
    transient: bool = False
    retry_after: float | None = None
    pending: bool = False

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        name = error.error_class if isinstance(error, SampleError) else type(error).__name__
        lines = str(error).strip().splitlines()
        frames = [(f.filename.rsplit("/", 1)[-1], f.name) for f in traceback.extract_tb(error.__traceback__)]
        digest = hashlib.sha256(repr((name, frames)).encode()).hexdigest()[:12]
        line = (lines[0] if lines else name)[:500]
        if not isinstance(error, TransientError):
            return cls(name, line, digest)
        retry = not isinstance(error, PendingError)
        return cls(name, line, digest, retry, error.retry_after, error.pending)


@dataclass(frozen=True)
class Result:
    """What a step says of one sample: ok with columns and members, rejected by a rule, failed with an error, or, where
    the error is not the sample's, pending."""

    id: str
    kind: str
    status: str
    columns: dict[str, Any] = field(default_factory=dict)
    members: dict[str, bytes] = field(default_factory=dict)
    rule: str | None = None
    failure: Failure | None = None
    attempts: int = 1


class Step:
    """One piece of work that commits its own result, sample by sample.

    Subclasses set `name`, `reads`, `columns` (the Arrow type of each column written), `members` (name patterns
    written), `kinds` and `resources`; `settings()` returns all that decides a result besides the inputs, in JSON
    types: it becomes the fingerprint. `version` is raised when the code changes what it computes.

    The first read is the spine: its parts are this step's parts. `gate`, where set, names the verdict table that
    must keep a sample before this step wants it. `unpublished` names columns that stay in the workspace: what may
    differ between two runs of the same work, such as the time.
    """

    name: str
    version: int = 1
    kinds: frozenset[str] = frozenset({"video", "audio"})
    reads: tuple[Read, ...] = ()
    gate: str | None = None
    columns: Mapping[str, pa.DataType] = {}
    unpublished: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    resources: Resources = Resources()

    def settings(self) -> Mapping[str, Any]:
        raise NotImplementedError

    def policy(self) -> Any:
        """What decides rejections alone, in JSON types, beside the settings: when it changes, rejected samples are
        pending again and the others stand."""
        return None

    def forecast(self, ids: Iterable[str], stores: Mapping[str, Store]) -> tuple[str, ...]:
        """Lines for the user on what doing these samples takes, where it is more than this machine's time. `stores`
        hold what there is of each step read; what is not there yet has to be assumed."""
        return ()

    def spent(self) -> Mapping[str, float]:
        """What was paid for in this workspace so far, by kind (calls, tokens, dollars): a build tells what it added."""
        return {}

    def advice(self, pending: Mapping[str, int]) -> tuple[str, ...]:
        """Lines for the user on samples that were left pending, given how many by cause."""
        return ()

    def keep_out(self, forgotten: Forgotten) -> None:
        """Be told, before any work, what was taken down: a step that finds samples leaves it out of what it writes."""

    def setup(self) -> None:
        """Load what a worker keeps (a model, a client). Runs once per worker, before the first `process`."""

    def prepare(self, sample: Sample) -> None:
        """Decode one sample's inputs into `sample.prepared`; runs ahead of `process`, on another thread."""

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        """One result per sample, in any order. Raising condemns no one yet: the batch is bisected."""
        raise NotImplementedError

    @property
    def spine(self) -> str:
        return self.reads[0].step

    @property
    def published(self) -> tuple[str, ...]:
        """The columns that may leave the workspace."""
        return tuple(name for name in self.columns if name not in self.unpublished)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The steps this one reads."""
        return tuple(read.step for read in self.reads)

    @property
    def stage(self) -> str:
        return self.name.split("/", 1)[0]
