"""One thread for FAISS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Let FAISS use this thread alone: sums of centres depend on how many there are, and on a busy machine its many
    small searches wait longer for each other's threads than they take."""
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
