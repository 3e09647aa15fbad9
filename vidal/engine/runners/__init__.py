"""The two runners behind one contract: `local` and `ray`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from vidal.engine.errors import VidalError
from vidal.engine.step import Resources


class Handler(Protocol):
    """Picklable work: `setup` once per worker, then a call per unit. `name` says whose work it is."""

    name: str

    def setup(self) -> None: ...

    def __call__(self, unit: Any) -> Any: ...


class Runner(Protocol):
    """Runs a handler over units and yields what it returned, in any order.

    A unit whose worker dies is given to another worker. An exception from a handler ends the run as a
    VidalError. Runners keep their workers between calls; `close` ends what they started.
    """

    name: str

    def run(self, handler: Handler, units: Sequence[Any], resources: Resources) -> Iterator[Any]: ...

    def close(self) -> None: ...


class WorkError(VidalError):
    """A unit of work could not be done, for a reason that is no sample's."""


def portable(error: Exception) -> VidalError | str:
    """An error as it travels between processes: a VidalError itself, any other, which might not pickle, as its text."""
    return error if isinstance(error, VidalError) else f"{type(error).__name__}: {error}"


def work_error(handler: Handler, unit: Any, error: VidalError | str) -> VidalError:
    """The error of a handler as one message; a VidalError passes unchanged."""
    if isinstance(error, VidalError):
        return error
    label = getattr(unit, "label", unit)
    return WorkError(f"{handler.name}: part {label}: {error}")


WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}
"""Fixed in every worker: thread counts decide the order of float sums, and so a sample's bytes."""
