"""Decoding on threads, a few items ahead of the model, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import torch

from vidal.engine.errors import SampleError

T = TypeVar("T")
M = TypeVar("M")

THREADS = 4
HELD = 16
"""Items that are decoded or being decoded and not yet taken."""


def ahead(make: Callable[[T], M], items: Iterable[T]) -> Iterator[M | SampleError]:
    """What `make` makes of each item, in order, or why there is none.

    An error that is no SampleError is one all the same: files come from anywhere, and decoders raise what they like.
    """
    waiting: deque[Future[M | SampleError]] = deque()
    pool = ThreadPoolExecutor(THREADS, "vidal-decode", initializer=torch.set_num_threads, initargs=(1,))
    try:
        for item in items:
            waiting.append(pool.submit(_made, make, item))
            if len(waiting) >= HELD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one shorter."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _made(make: Callable[[T], M], item: T) -> M | SampleError:
    try:
        return make(item)
    except SampleError as error:
        return error
    except Exception as error:
        return SampleError(type(error).__name__, " ".join(str(error).split())[:300])
