"""The process that reads untrusted files for a worker: requests on stdin and answers on stdout, a line of JSON each.

`python -m vidal.media.reader`, started by `vidal.media.sandbox`. It can write no file, and ends when its worker does.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vidal.engine.errors import SampleError
from vidal.media.confine import bound, end_with_parent
from vidal.media.limits import MediaLimits
from vidal.media.sandbox import OUT_OF_MEMORY
from vidal.media.survey import count_pictures, read_file

BOUNDS = {
    resource.RLIMIT_AS: 2 << 30,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_NOFILE: 32,
    resource.RLIMIT_CORE: 0,
}


def main() -> None:
    """Answer requests until stdin ends."""
    import av.logging  # noqa: F401  all that will be imported, before limits are set

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    bound(0, BOUNDS)
    _say({"ready": True})
    for line in sys.stdin.buffer:
        try:
            _say(answer(json.loads(line)))
        except MemoryError:
            os._exit(OUT_OF_MEMORY)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Do one task; an error of any kind but a lack of memory is an answer too."""
    path, limits = Path(request["path"]), MediaLimits(**request["limits"])
    try:
        if request["task"] == "pictures":
            return {"pictures": count_pictures(path, limits)}
        return {"survey": asdict(read_file(path, limits))}
    except SampleError as error:
        return {"refused": (error.error_class, str(error))}
    except MemoryError:
        raise
    except Exception as error:
        return {"refused": ("DecodeFailed", f"reading it failed with {type(error).__name__}: {error}")}


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
