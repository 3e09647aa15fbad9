"""Start processes that handle untrusted media: no network, few limits to reach for, none of the caller's environment.

Network is denied by a seccomp filter, where the kernel takes one (Linux on x86-64 and ARM64, inside containers too): a
process may open no socket, trace no other process and read no other's memory. The filter is set on a thread of its own,
from which all these processes are started and so inherit it; no code runs between fork and exec.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import struct
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")
# By machine: the audit architecture, then the numbers of socket, ptrace, process_vm_readv, process_vm_writev,
# io_uring_setup and pidfd_getfd (linux/audit.h, asm/unistd.h).
DENIED = {
    "x86_64": (0xC000003E, (41, 101, 310, 311, 425, 438)),
    "aarch64": (0xC00000B7, (198, 117, 270, 271, 425, 438)),
}
# Calls of x86-64's second, 32-bit interface carry this bit.
X32 = 0x40000000
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 13
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 1, 38, 22, 2


def start(arguments: list[str], environment: Mapping[str, str] | None = None, **pipes: Any) -> subprocess.Popen:
    """Start a process under the filter, with `environment` and little else of the caller's; `pipes` as of Popen."""
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return _starter().submit(subprocess.Popen, arguments, env={**kept, **(environment or {})}, **pipes).result()


def bound(pid: int, bounds: Mapping[int, int]) -> None:
    """Set resource limits of a running process (0: this one), each the lower of what it has and what is given."""
    if not hasattr(resource, "prlimit"):
        return
    with contextlib.suppress(ProcessLookupError):
        for kind, value in bounds.items():
            _, most = resource.prlimit(pid, kind)
            least = value if most == resource.RLIM_INFINITY else min(value, most)
            resource.prlimit(pid, kind, (least, least))


def end_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends (Linux)."""
    import signal

    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def deny_network() -> bool:
    """Set the filter on the calling thread, for good; False where the kernel does not take it."""
    machine = DENIED.get(platform.machine())
    if machine is None:
        return False
    program = _filter(*machine)
    code = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    header = ctypes.create_string_buffer(described, len(described))
    return _prctl(PR_SET_NO_NEW_PRIVS, 1) and _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(header))


@cache
def _starter() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "vidal-confine", initializer=deny_network)


def _filter(architecture: int, denied: tuple[int, ...]) -> bytes:
    """A BPF program over `struct seccomp_data` (number of the call at byte 0, architecture at 4)."""
    refusal = len(denied) + 5
    steps = [(LOAD, 0, 0, 4), (EQUAL, 0, refusal - 2, architecture), (LOAD, 0, 0, 0), (AT_LEAST, refusal - 4, 0, X32)]
    steps += [(EQUAL, refusal - 5 - place, 0, number) for place, number in enumerate(denied)]
    steps += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def _prctl(option: int, *arguments: int) -> bool:
    try:
        call = ctypes.CDLL(None).prctl
    except (AttributeError, OSError):
        return False
    return call(option, *(ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4])) == 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_starter.cache_clear)
