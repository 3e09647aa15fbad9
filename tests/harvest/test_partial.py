"""Where a download lies while it is under way."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from vidal.engine.errors import MissingError, PendingError, SampleError, TransientError
from vidal.harvest.partial import KEPT_S, scratch, sweep


def leave(key, error=TransientError("Timeout", "x")):
    """An attempt that writes a part and ends with an error."""
    with pytest.raises(type(error)), scratch(key) as folder:
        (folder / "media.part").write_bytes(b"part")
        raise error
    return folder


def downloads(own_state):
    return sorted(path.name for path in own_state.glob("vidal-*/downloads/*"))


@pytest.mark.parametrize(
    "error", [TransientError("Timeout", "x"), PendingError("HostClosed", "x"), KeyboardInterrupt()]
)
def test_what_a_later_attempt_can_go_on_with_stays(error):
    folder = leave("key", error)
    with scratch("key") as again:
        assert again == folder
        assert (again / "media.part").read_bytes() == b"part"


@pytest.mark.parametrize("error", [SampleError("TooLarge", "x"), ValueError("x"), MissingError("x")])
def test_what_nobody_will_go_on_with_is_removed(own_state, error):
    leave("key", error)
    assert downloads(own_state) == []


def test_what_is_done_is_removed(own_state):
    with scratch("key") as folder:
        (folder / "media").write_bytes(b"whole")
    assert downloads(own_state) == []


def test_every_download_has_a_folder_of_its_own():
    with scratch("a") as one, scratch("b") as other:
        assert one != other


def test_a_second_build_at_the_same_download_gets_a_folder_that_goes_away():
    with scratch("key") as first:
        with pytest.raises(TransientError), scratch("key") as second:
            assert second != first and second.is_dir()
            raise TransientError("Timeout", "x")
        assert not second.exists()
        assert first.is_dir()
    assert not first.exists()


def write_and_wait(state, pipe):
    os.environ["TMPDIR"] = state
    with scratch("key") as folder:
        (folder / "media.part").write_bytes(b"part")
        pipe.send(str(folder))
        time.sleep(600)


def test_what_a_killed_worker_left_is_there_for_the_next(own_state):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    worker = context.Process(target=write_and_wait, args=(str(own_state), theirs), daemon=True)
    worker.start()
    folder = Path(ours.recv())
    with scratch("key") as own:
        assert own != folder
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    with scratch("key") as again:
        assert again == folder
        assert (again / "media.part").read_bytes() == b"part"


def age(path):
    old = time.time() - 2 * KEPT_S
    os.utime(path, (old, old))


def test_what_nobody_came_back_to_is_swept_away_with_its_lock(own_state):
    old, new = leave("old"), leave("new")
    for path in (old, Path(f"{old}.lock")):
        age(path)
    orphan = old.with_name("orphan.lock")
    orphan.write_text("")
    age(orphan)
    sweep()
    assert downloads(own_state) == [new.name, f"{new.name}.lock"]


def test_what_somebody_is_at_is_not_swept_away():
    folder = leave("key")
    with scratch("key") as again:
        age(again)
        age(f"{again}.lock")
        sweep()
        assert (folder / "media.part").exists()


def test_an_attempt_makes_what_it_comes_back_to_young_again():
    folder = leave("key")
    age(folder)
    age(f"{folder}.lock")
    leave("key")
    sweep()
    assert folder.exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_no_samples_fault(number):
    with pytest.raises(MissingError, match="no room left"), scratch("key"):
        raise OSError(number, "No space left on device")
    with pytest.raises(MissingError, match="no room left"), scratch("key"):
        try:
            raise OSError(number, "No space left on device")
        except OSError as error:
            raise TransientError("Network", "unable to write data") from error


def test_other_errors_of_files_are_themselves():
    with pytest.raises(PermissionError), scratch("key"):
        raise PermissionError(errno.EACCES, "denied")


def test_only_this_user_may_look(own_state):
    with scratch("key") as folder:
        assert folder.parent.stat().st_mode & 0o077 == 0
        assert folder.parent.parent.stat().st_mode & 0o077 == 0
