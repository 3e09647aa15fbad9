"""The processes that read for a worker: bounded, without network, replaced when they die, gone when the worker is."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vidal.engine.errors import MissingError, SampleError
from vidal.media import reader, sandbox
from vidal.media.confine import start
from vidal.media.limits import MediaLimits
from vidal.media.normalise import normalise
from vidal.media.probe import probe


def acting(monkeypatch, tmp_path: Path, script: str) -> None:
    """Have a script of the test act as the process that reads, after it has said that it is ready."""
    program = tmp_path / "reader.py"
    program.write_text("import json, os, sys, time\nprint('{\"ready\": true}', flush=True)\n" + textwrap.dedent(script))
    monkeypatch.setattr(sandbox, "COMMAND", [sys.executable, str(program)])
    monkeypatch.setattr(sandbox, "_IDLE", [])


@pytest.fixture
def idle(monkeypatch):
    """A sandbox of the test's own, and the processes it keeps."""
    kept: list[sandbox.Reader] = []
    monkeypatch.setattr(sandbox, "_IDLE", kept)
    yield kept
    while kept:
        kept.pop().end()


def test_one_process_reads_many_files(good, idle):
    first = probe(good[0])
    (process,) = idle
    assert probe(good[0]) == first and idle == [process]
    assert process.process.poll() is None


def test_limits_are_set(good, idle):
    probe(good[0])
    (kept,) = idle
    for kind, value in reader.BOUNDS.items():
        assert resource.prlimit(kept.process.pid, kind) == (value, value)


def test_secrets_of_the_caller_stay_with_it(good, idle, monkeypatch):
    monkeypatch.setenv("VIDAL_TEST_SECRET", "the key of a site")
    probe(good[0])
    environment = Path(f"/proc/{idle[0].process.pid}/environ").read_bytes()
    assert b"PATH=" in environment and b"the key of a site" not in environment


@pytest.mark.parametrize("act", ["os.kill(os.getpid(), 11)", "os._exit(0)", "os._exit(12)"])
def test_a_process_that_dies_fails_its_file(good, monkeypatch, tmp_path, refused, act):
    acting(monkeypatch, tmp_path, f"sys.stdin.readline(); {act}")
    message = refused("DecodeFailed", probe, good[0])
    assert {"os.kill(os.getpid(), 11)": "SIGSEGV", "os._exit(12)": "memory"}.get(act, "by itself") in message


def test_a_file_is_not_blamed_for_the_process_of_another(good, idle):
    first = probe(good[0])
    os.kill(idle[0].process.pid, signal.SIGKILL)
    assert probe(good[0]) == first
    assert idle[0].served == 1


def test_a_process_that_hangs_is_killed(good, monkeypatch, tmp_path, refused):
    acting(monkeypatch, tmp_path, "time.sleep(600)")
    assert "0.2 s" in refused("DecodeTimeout", probe, good[0], MediaLimits(timeout_s=0.2))
    assert sandbox._IDLE == []


@pytest.mark.parametrize(
    "said",
    [
        *("nonsense", "[]", "{}", '{"survey": {}}', '{"pictures": 3}', '{"survey": null}', '{"refused": ["x"]}'),
        *('{"survey": {"__reduce__": 1}}', "[" * 100_000, '{"survey": {"probe": 1, "instants": []}}', "\\u0000"),
    ],
)
def test_answers_without_sense(good, monkeypatch, tmp_path, refused, said):
    acting(monkeypatch, tmp_path, f"sys.stdin.readline(); print({said!r}, flush=True); time.sleep(600)")
    refused("DecodeFailed", probe, good[0])


def test_answers_without_end(good, monkeypatch, tmp_path, refused):
    monkeypatch.setattr(sandbox, "ANSWER_BYTES", 1 << 20)
    acting(monkeypatch, tmp_path, "sys.stdin.readline()\nwhile True: sys.stdout.write('x' * 65536)")
    assert "stop talking" in refused("DecodeFailed", probe, good[0])


def test_size_and_hash_are_not_taken_from_the_process(good, monkeypatch, tmp_path, idle):
    honest = probe(good[0])
    told = {**honest.to_dict(), "bytes": 1, "sha256": "0" * 64}
    said = json.dumps({"survey": {"probe": told, "video_index": 0, "audio_index": 1, "instants": [0.0]}})
    acting(monkeypatch, tmp_path, f"sys.stdin.readline(); print({said!r}, flush=True); time.sleep(600)")
    assert probe(good[0]) == honest
    sandbox._IDLE.pop().end()


def test_a_sandbox_that_does_not_start_is_no_fault_of_the_file(good, monkeypatch):
    monkeypatch.setattr(sandbox, "COMMAND", [sys.executable, "-c", "raise SystemExit(3)"])
    monkeypatch.setattr(sandbox, "_IDLE", [])
    with pytest.raises(MissingError, match="does not start"):
        probe(good[0])


def test_too_little_memory_is_named(made, tmp_path, refused, idle):
    path, data = tmp_path / "rows.mp4", made("mp4")
    at = data.index(b"stts") + 8
    path.write_bytes(data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :])
    assert "memory" in refused("DecodeFailed", probe, path)
    assert idle == []


def test_a_starved_process_is_replaced(good, idle):
    first = probe(good[0])
    starved = idle[0].process.pid
    resource.prlimit(starved, resource.RLIMIT_AS, (1 << 20, 1 << 20))
    assert probe(good[0]) == first
    assert idle[0].process.pid != starved


def test_threads_read_at_once(good, made, tmp_path, idle):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(made("mp4")[:3000])
    first = probe(good[0])

    def fate(path: Path) -> object:
        try:
            return probe(path)
        except SampleError as error:
            return error.error_class

    with ThreadPoolExecutor(4) as pool:
        fates = list(pool.map(fate, [good[0], broken] * 20))
    assert fates == [first, "Truncated"] * 20
    assert 1 <= len(idle) <= 4


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_daemons_and_forks_read_too(good, method):
    expected = probe(good[0])
    context = multiprocessing.get_context(method)
    ours, theirs = context.Pipe()
    process = context.Process(target=_read, args=(theirs, str(good[0])), daemon=True)
    process.start()
    assert ours.poll(120)
    assert ours.recv() == (expected, True)
    process.join()
    assert probe(good[0]) == expected


def _read(connection, path: str) -> None:
    before = [kept.process.pid for kept in sandbox._IDLE]
    found = probe(path)
    connection.send((found, not before and len(sandbox._IDLE) == 1))


@pytest.mark.parametrize("act", ["pass", "os.kill(os.getpid(), 9)", "os._exit(1)"])
def test_the_process_ends_with_the_worker(good, act):
    script = f"""
    import os
    from vidal.media.probe import probe
    from vidal.media import sandbox
    probe({str(good[0])!r})
    print(sandbox._IDLE[0].process.pid, flush=True)
    {act}
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert gone(int(done.stdout)), done.stderr
    assert done.stderr == ""


def test_a_busy_process_ends_with_the_worker(tmp_path):
    pipe = tmp_path / "endless"
    os.mkfifo(pipe)
    script = f"""
    import json, os
    from dataclasses import asdict
    from vidal.media import sandbox
    from vidal.media.limits import MediaLimits
    kept = sandbox.Reader()
    request = {{"task": "survey", "path": {str(pipe)!r}, "limits": asdict(MediaLimits())}}
    kept.process.stdin.write(json.dumps(request).encode() + b"\\n")
    print(kept.process.pid, flush=True)
    os.kill(os.getpid(), 9)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert gone(int(done.stdout)), done.stderr


def gone(pid: int) -> bool:
    """Whether a process ends within the minute."""
    for _ in range(600):
        try:
            if "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]:
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.1)
    return False


def test_what_is_no_file_is_not_opened(tmp_path, refused):
    pipe, link = tmp_path / "pipe.mp4", tmp_path / "link.mp4"
    os.mkfifo(pipe)
    link.symlink_to("/dev/zero")
    for path in (pipe, link, tmp_path):
        assert refused("NotMedia", normalise, path, "video") == "no regular file"


SOCKETS = "import socket; socket.socket(socket.AF_INET, {kind})"


@pytest.mark.parametrize("kind", ["socket.SOCK_STREAM", "socket.SOCK_DGRAM"])
def test_no_network_for_what_is_started_here(kind):
    command = [sys.executable, "-c", SOCKETS.format(kind=kind)]
    assert subprocess.run(command).returncode == 0
    with start(command, stderr=subprocess.PIPE, text=True) as process:
        said = process.communicate()[1]
    assert process.returncode == 1 and "PermissionError" in said


def test_the_caller_keeps_its_network(good):
    probe(good[0])
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def test_ffmpeg_has_no_network_either(canary, tmp_path):
    from vidal.media.ffmpeg import ffmpeg_binary, run_ffmpeg

    command = [
        ffmpeg_binary(),
        "-nostdin",
        "-v",
        "error",
        "-i",
        f"http://{canary.address}/a.mp4",
        str(tmp_path / "a.mp4"),
    ]
    subprocess.run(command, stderr=subprocess.DEVNULL)
    assert canary.touched(), "without the sandbox the address is called"
    with pytest.raises(SampleError):
        run_ffmpeg(command, 60)
    assert not canary.touched()
