"""Where a download lies while it is under way, and is found again by a later attempt."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vidal.engine.errors import MissingError, TransientError
from vidal.harvest.network.hosts import private, temporary_folder

KEPT_S = 86400.0
"""How long what no attempt has come back to is kept, in seconds."""


@contextmanager
def scratch(key: str) -> Iterator[Path]:
    """A folder for the download named by `key`. What is in it stays for the next attempt where this one ends in a
    TransientError or with the process; a second build at the same download gets a folder of its own.

    A full disk is no sample's fault: it is raised as MissingError.
    """
    from filelock import FileLock, Timeout

    folder = _root() / hashlib.sha256(key.encode()).hexdigest()[:32]
    with _room(folder.parent):
        lock = FileLock(f"{folder}.lock", thread_local=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            with tempfile.TemporaryDirectory(prefix="vidal-") as own:
                yield Path(own)
            return
        try:
            folder.mkdir(exist_ok=True)
            os.utime(folder)
            yield folder
        except TransientError:
            raise
        except Exception:
            _remove(folder)
            raise
        else:
            _remove(folder)
        finally:
            lock.release()


def sweep() -> None:
    """Remove what no attempt has come back to."""
    from filelock import FileLock, Timeout

    oldest = time.time() - KEPT_S
    for folder in {path.with_suffix("") for path in _root().iterdir()}:
        lock = FileLock(f"{folder}.lock", thread_local=False)
        if _touched(folder, lock.lock_file) < oldest:
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            _remove(folder)
            lock.release()


def _touched(*paths: Path | str) -> float:
    """When the latest of the paths that exist was last changed; now where none does."""
    times = [os.stat(path).st_mtime for path in paths if os.path.exists(path)]
    return max(times, default=time.time())


def _root() -> Path:
    return private(temporary_folder() / "downloads")


def _remove(folder: Path) -> None:
    """Remove a folder and its lock, which is held: who waits for it finds it gone, and makes another."""
    shutil.rmtree(folder, ignore_errors=True)
    Path(f"{folder}.lock").unlink(missing_ok=True)


@contextmanager
def _room(root: Path) -> Iterator[None]:
    """Raise MissingError for an error behind which there is a full disk."""
    try:
        yield
    except Exception as error:
        if _full(error):
            raise MissingError(f"{root}: no room left; free some, or set TMPDIR to a folder that has") from error
        raise


def _full(error: BaseException | None) -> bool:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False
