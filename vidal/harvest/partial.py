"""Where a download lies while it is under way, and is found again by a later attempt."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vidal.engine.errors import TransientError
from vidal.harvest.network.hosts import private, temporary_folder

KEPT_S = 86400.0
"""How long what no attempt has come back to is kept, in seconds."""


@contextmanager
def scratch(key: str) -> Iterator[Path]:
    """A folder for the download named by `key`. What is in it stays for the next attempt where this one ends in a
    TransientError or with the process; a second build at the same download gets a folder of its own."""
    from filelock import FileLock, Timeout

    folder = _root() / hashlib.sha256(key.encode()).hexdigest()[:32]
    lock = FileLock(f"{folder}.lock", thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        with tempfile.TemporaryDirectory(prefix="vidal-") as own:
            yield Path(own)
        return
    folder.mkdir(exist_ok=True)
    try:
        try:
            yield folder
        except TransientError:
            raise
        except Exception:
            _remove(folder)
            raise
        _remove(folder)
    finally:
        lock.release()


def sweep() -> None:
    """Remove what no attempt has come back to."""
    oldest = time.time() - KEPT_S
    for folder in _root().iterdir():
        if folder.is_dir() and folder.stat().st_mtime < oldest:
            _remove(folder)


def _root() -> Path:
    return private(temporary_folder() / "downloads")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    Path(f"{folder}.lock").unlink(missing_ok=True)
