"""Untrusted files are read by libav in processes of their own: bounded, disposable, without network.

A process serves one file at a time and is kept for the next: a worker has as many as threads that read at once. Answers
come back as JSON of known types; nothing a process sends is believed beyond its type.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from vidal.engine.errors import MissingError, SampleError
from vidal.media.confine import start
from vidal.media.facts import Survey
from vidal.media.limits import MediaLimits

COMMAND = [sys.executable, "-P", "-m", "vidal.media.reader"]
START_S = 120.0
ANSWER_BYTES = 64 << 20
MESSAGE_LETTERS = 300
# With which a process ends that has run out of memory.
OUT_OF_MEMORY = errno.ENOMEM


@dataclass(frozen=True)
class Answer:
    """What a process may say: the result under the name of the task, or the class and message of a SampleError."""

    ready: bool = False
    survey: Survey | None = None
    pictures: int | None = None
    refused: tuple[str, str] | None = None


def ask(task: Literal["survey", "pictures"], path: Path, limits: MediaLimits) -> Any:
    """A task of `vidal.media.reader` on a file: `survey` gives a Survey without size and hash, `pictures` an int.

    SampleError as the task raises it, `DecodeTimeout` after `limits.timeout_s`, `DecodeFailed` where the process dies.
    A process that has read other files before and dies is not held against this one, which a fresh process reads again.
    """
    request = json.dumps({"task": task, "path": str(path), "limits": asdict(limits)}).encode() + b"\n"
    while True:
        reader = _take()
        fresh = not reader.served
        try:
            answer = _parsed(reader.ask(request, limits.timeout_s))
        except Died as death:
            if not fresh:
                continue
            raise SampleError("DecodeFailed", f"the process that read the file {death}") from None
        except BaseException:
            reader.end()
            raise
        _IDLE.append(reader)
        if answer.refused is not None:
            error_class, message = answer.refused
            raise SampleError(error_class, " ".join(message[:MESSAGE_LETTERS].split()))
        found = getattr(answer, task)
        if found is None:
            raise SampleError("DecodeFailed", "the process that read the file gave no answer")
        return found


class Died(Exception):
    """A process ended instead of answering; the text says how."""


class Reader:
    """One process, ready to read."""

    def __init__(self) -> None:
        paths = os.pathsep.join(filter(None, sys.path))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = start(COMMAND, {"PYTHONPATH": paths}, bufsize=0, **pipes)
        self.served = 0
        try:
            _parsed(self._line(START_S))
        except (Died, SampleError) as error:
            self.end()
            raise MissingError(f"`{' '.join(COMMAND)}` does not start ({error}); run it to see why") from None

    def ask(self, request: bytes, timeout_s: float) -> bytes:
        """The line that answers a request; Died, or SampleError `DecodeTimeout` or `DecodeFailed`."""
        self.served += 1
        try:
            self.process.stdin.write(request)
        except BrokenPipeError:
            raise Died(self.end()) from None
        return self._line(timeout_s)

    def end(self) -> str:
        """Kill the process, and say how it had ended before, if it had."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=0)
        code = self.process.poll()
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        if code is not None and code < 0:
            return f"died of {signal.Signals(-code).name}"
        return "ran out of memory" if code == OUT_OF_MEMORY else "ended by itself"

    def _line(self, timeout_s: float) -> bytes:
        deadline, said = time.monotonic() + timeout_s, bytearray()
        pipe = self.process.stdout.fileno()
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        while not said.endswith(b"\n"):
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise SampleError("DecodeTimeout", f"reading the packets took longer than {timeout_s:g} s")
            chunk = os.read(pipe, 1 << 16)
            said += chunk
            if not chunk:
                raise Died(self._death())
            if len(said) > ANSWER_BYTES:
                raise SampleError("DecodeFailed", "the process that read the file did not stop talking")
        return bytes(said)

    def _death(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=1)
        return self.end()


def _parsed(line: bytes) -> Answer:
    from pydantic import ValidationError

    try:
        return _types().validate_json(line)
    except ValidationError:
        raise SampleError("DecodeFailed", "the process that read the file gave an answer without sense") from None


@cache
def _types() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Answer)


_IDLE: list[Reader] = []


def _take() -> Reader:
    try:
        return _IDLE.pop()
    except IndexError:
        return Reader()


def _end_idle() -> None:
    while _IDLE:
        _IDLE.pop().end()


atexit.register(_end_idle)
if hasattr(os, "register_at_fork"):
    # Processes belong to the one that started them; dropping them here closes this copy's ends of their pipes.
    os.register_at_fork(after_in_child=_IDLE.clear)
