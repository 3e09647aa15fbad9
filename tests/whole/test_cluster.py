"""The same build on a Ray cluster: connected to, and submitted as a job."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.support import DEMO, Demo, shards
from vidal.demo.run import KEY_VARIABLE, overrides

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A cluster of this test's own: its GCS address and its Jobs API, both on free loopback ports, without tokens."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"RAY_AUTH_MODE": "disabled", KEY_VARIABLE: "demo", "PATH": path}.items():
            patch.setenv(name, value)
        yield from _cluster()


def _cluster() -> Iterator[tuple[str, str]]:
    from ray.cluster_utils import Cluster

    gcs, dashboard = free_port(), free_port()
    made = Cluster()
    made.add_node(
        gcs_server_port=gcs,
        include_dashboard=True,
        dashboard_host="127.0.0.1",
        dashboard_port=dashboard,
        num_cpus=2,
        object_store_memory=256 * 2**20,
    )
    try:
        yield made.address, f"http://127.0.0.1:{dashboard}"
    finally:
        made.shutdown()


@pytest.fixture(scope="module")
def local(few: Demo, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    workspace = tmp_path_factory.mktemp("local") / "w"
    few.build(workspace, "--runner", "local")
    return shards(workspace)


def test_a_connected_build(cluster: tuple[str, str], few: Demo, local: dict[str, bytes], tmp_path: Path) -> None:
    few.build(tmp_path / "w", "--runner", "ray", "--address", cluster[0])
    assert shards(tmp_path / "w") == local


def test_a_submitted_build(cluster: tuple[str, str], few: Demo, local: dict[str, bytes], tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "demo.yaml").write_bytes(DEMO.read_bytes())
    settings = [f"workspace={tmp_path / 'w'}", "runner.kind=ray", *overrides(few.sites.base_url)]
    command = [sys.executable, "-m", "vidal", "submit", str(folder / "demo.yaml"), "--address", cluster[1]]
    done = subprocess.run(
        [*command, *(word for pair in settings for word in ("--set", pair))],
        capture_output=True,
        text=True,
        timeout=600,
        env=os.environ,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "shard/write" in done.stdout
    assert shards(tmp_path / "w") == local


def test_a_failing_job_gives_its_exit_code(cluster: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "vidal.yaml").write_bytes(DEMO.read_bytes())
    settings = ["--set", f"workspace={tmp_path / 'w'}"]
    command = [sys.executable, "-m", "vidal", "submit", "vidal.yaml", "--address", cluster[1], "--stage", "filter"]
    done = subprocess.run(
        [*command, *settings], capture_output=True, text=True, timeout=300, env=os.environ, cwd=tmp_path
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "vidal build --stage harvest" in done.stdout
