"""Run ffmpeg on untrusted media: one process, killable, bounded in time, memory and output, without network."""

from __future__ import annotations

import os
import resource
import subprocess
from functools import cache

from vidal.engine.errors import MissingError, SampleError
from vidal.media.confine import bound, start

BOUNDS = {
    resource.RLIMIT_AS: 4 << 30,
    resource.RLIMIT_FSIZE: 1 << 30,
    resource.RLIMIT_NOFILE: 64,
    resource.RLIMIT_CORE: 0,
}
# ffmpeg may report this for an input and still end with code 0.
OUT_OF_MEMORY = "Cannot allocate memory"


@cache
def ffmpeg_binary() -> str:
    """Path of the ffmpeg to run: `$VIDAL_FFMPEG` where set, else the one of the imageio-ffmpeg wheel."""
    configured = os.environ.get("VIDAL_FFMPEG")
    if configured:
        if not os.access(configured, os.X_OK):
            raise MissingError(f"VIDAL_FFMPEG names {configured}, which is no program; unset it or correct the path")
        return configured
    import imageio_ffmpeg

    return imageio_ffmpeg.get_ffmpeg_exe()


def run_ffmpeg(arguments: list[str], timeout_s: float) -> None:
    """Run a whole ffmpeg command line; SampleError `DecodeTimeout` or `DecodeFailed` with ffmpeg's own last word."""
    with start(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        bound(process.pid, {**BOUNDS, resource.RLIMIT_CPU: max(1, round(timeout_s * (os.cpu_count() or 1)))})
        try:
            said = process.communicate(timeout=timeout_s)[1].decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            process.kill()
            raise SampleError("DecodeTimeout", f"decoding took longer than {timeout_s:g} s") from None
        except BaseException:
            process.kill()
            raise
    if process.returncode or OUT_OF_MEMORY in said:
        raise SampleError("DecodeFailed", _reason(said, process.returncode))


def _reason(said: str, code: int) -> str:
    """ffmpeg's first complaint without addresses and paths, or the signal that ended it."""
    lines = [line.rpartition("] ")[2].strip() for line in said.splitlines() if line.strip()]
    if not lines:
        return f"ffmpeg ended with signal {-code}" if code < 0 else f"ffmpeg ended with code {code}"
    return lines[0][:200]
