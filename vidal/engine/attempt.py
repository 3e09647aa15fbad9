"""Running `process` so that one bad sample costs one sample: bisection, retry of transient errors, checked results."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from vidal.engine.errors import MissingError, VidalError
from vidal.engine.step import OK, PENDING, Failure, Result, Sample, Step


@dataclass(frozen=True)
class Retry:
    """How transient errors are retried inside a run: at most `attempts` tries, `base` seconds doubling up to `cap`.

    The other side may ask for a longer wait, up to `longest` seconds.
    """

    attempts: int = 4
    base: float = 0.5
    cap: float = 30.0
    longest: float = 600.0

    def wait(self, tries: int, asked: float | None) -> float:
        """Seconds before try `tries` + 1: exponential with jitter, or what the other side asked for if that is more."""
        backoff = random.uniform(0.5, 1.0) * min(self.cap, self.base * 2 ** (tries - 1))
        return max(backoff, min(asked or 0.0, self.longest))


def attempt(
    step: Step, samples: Sequence[Sample], retry: Retry, sleep: Callable[[float], None] = time.sleep
) -> list[Result]:
    """One result per sample, in the order given. Raises only a VidalError: what no sample is to blame for."""
    by_id = {sample.id: sample for sample in samples}
    results = {result.id: result for result in bisect(step, samples)}
    for tries in range(1, retry.attempts):
        again = [result for result in results.values() if result.failure and result.failure.transient]
        if not again:
            break
        sleep(retry.wait(tries, max((r.failure.retry_after or 0.0 for r in again if r.failure), default=None)))
        for result in bisect(step, [by_id[result.id] for result in again]):
            results[result.id] = replace(result, attempts=tries + 1)
    return [_pending(results[sample.id]) for sample in samples]


def _pending(result: Result) -> Result:
    return replace(result, status=PENDING) if result.failure and result.failure.pending else result


def bisect(step: Step, samples: Sequence[Sample]) -> list[Result]:
    """Process a batch; where it raises, process its halves, until the guilty sample is alone and fails."""
    try:
        results = {result.id: result for result in step.process(samples)}
        if missing := [sample.id for sample in samples if sample.id not in results]:
            raise LookupError(f"{step.name} gave no result for {', '.join(missing[:3])}")
        return [_checked(step, results[sample.id]) for sample in samples]
    except VidalError:
        raise
    except ImportError as error:
        raise MissingError(f"{step.name}: {error}; install what the step needs") from error
    except Exception as error:
        if len(samples) == 1:
            return [samples[0].failed(error)]
        middle = len(samples) // 2
        return bisect(step, samples[:middle]) + bisect(step, samples[middle:])


def _checked(step: Step, result: Result) -> Result:
    """The result itself, or its failure where a column is unknown or does not fit its declared type."""
    if result.status != OK and not result.columns:
        return result
    try:
        for name, value in result.columns.items():
            if name not in step.columns:
                raise KeyError(f"{step.name} wrote the undeclared column {name}")
            pa.array([value], step.columns[name])
    except (KeyError, pa.ArrowException, ValueError, TypeError) as error:
        return replace(result, status="failed", columns={}, members={}, failure=Failure.of(error))
    return result
