"""The dataset as built, and copies of it to change."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.shard.dataset import Dataset, dataset
from vidal.engine.tar import pack
from vidal.engine.workspace import Workspace

Entries = Sequence[tuple[str, bytes]]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The dataset, built once. Nobody changes it."""
    return dataset(tmp_path_factory.getbasetemp() / "dataset")[0]


@pytest.fixture
def shards(built: Dataset, tmp_path: Path) -> Path:
    """A copy of its `shards/`."""
    return Path(shutil.copytree(Path(built.workspace.root) / "shards", tmp_path / "shards"))


@pytest.fixture
def copy(built: Dataset, tmp_path: Path) -> Workspace:
    """A copy of the workspace without what the last step wrote."""
    folder = Path(shutil.copytree(built.workspace.root, tmp_path / "copy"))
    for name in ("shards", "shard"):
        shutil.rmtree(folder / name)
    return Workspace(str(folder))


@pytest.fixture
def tar(tmp_path: Path) -> Callable[..., Path]:
    """Write a shard of the entries given, in `foreign/`, and return its path."""

    def write(entries: Entries, name: str = "foreign-000000.tar") -> Path:
        path = tmp_path / "foreign" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pack(list(entries))[0])
        return path

    return write
