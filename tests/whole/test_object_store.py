"""A workspace in an object store: a build that is killed there goes on, and ends in the bytes of a local one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.local import Project, good_clips

s3fs = pytest.importorskip("s3fs", reason="pip install s3fs 'moto[server]' runs these")
pytest.importorskip("moto", reason="pip install s3fs 'moto[server]' runs these")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PICTURES = 'id="b-frames-'
"""What stands before the keyframes of each sample in a report."""
BUILT = ("--set", "part_size=3", "--set", "shard.samples=4")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An S3 of one's own, with a bucket, which commands find by their environment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("moto") / "log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log
    )
    told = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setenv(name, value)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                s3fs.S3FileSystem(skip_instance_cache=True).mkdir("bucket")
                break
            except OSError:
                time.sleep(0.2)
        else:
            pytest.fail(f"the store does not answer; its log is {log.name}")
        yield
    server.terminate()
    server.wait(60)
    log.close()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, store: None) -> Project:
    made = Project(tmp_path_factory.mktemp("own"))
    for entry in good_clips(9):
        made.add(entry)
    made.configure(generate={"depth": {"checkpoint": "demo:depth"}})
    return made


@pytest.fixture(scope="module")
def built(project: Project) -> dict[str, bytes]:
    """The shards of a local build."""
    assert project.vidal("build", *BUILT).returncode == 0
    return {path.name: path.read_bytes() for path in (project.folder / "w" / "shards").iterdir() if path.is_file()}


def in_store(name: str) -> dict[str, bytes]:
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    return {path.rpartition("/")[2]: files.cat_file(path) for path in files.ls(f"bucket/{name}/shards", detail=False)
            if files.isfile(path)}  # fmt: skip


def test_a_build_that_is_killed_ends_in_the_shards_of_a_local_one(project, built):
    command = [sys.executable, "-m", "vidal", "build", *BUILT, "--set", "workspace=s3://bucket/killed"]
    process = subprocess.Popen(
        command,
        cwd=project.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    files = s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
    deadline = time.monotonic() + 120
    while not files.glob("bucket/killed/generate/depth/*") and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert process.poll() is None, process.stderr.read()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    done = project.json("build", *BUILT, "--set", "workspace=s3://bucket/killed")
    assert next(step["done"] for step in done["steps"] if step["step"] == "harvest/media") == 0
    assert in_store("killed") == built


def test_what_is_there_can_be_looked_at(project, built, tmp_path: Path):
    place = ("--set", "workspace=s3://bucket/looked-at")
    assert project.vidal("build", *BUILT, *place).returncode == 0
    done = project.vidal("inspect", "s3://bucket/looked-at/shards", "--verify")
    assert done.returncode == 0 and "nothing wrong in 3 shards, 9 samples" in done.stdout, done.stdout + done.stderr
    page = tmp_path / "page.html"
    done = project.vidal("report", *place, "--output", str(page))
    assert done.returncode == 0 and "9 of 9 samples kept" in done.stdout, done.stdout + done.stderr
    local = tmp_path / "local.html"
    assert project.vidal("report", "--output", str(local)).returncode == 0
    assert page.read_text().count(PICTURES) == local.read_text().count(PICTURES) == 9
