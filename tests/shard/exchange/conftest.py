"""The shards of the small dataset, as exports read them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shard.dataset import Dataset, dataset
from vidal.engine.tar import pack
from vidal.shard.read import Shards


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The dataset, built once. Nobody changes it."""
    return dataset(tmp_path_factory.getbasetemp() / "dataset")[0]


@pytest.fixture
def shards(built: Dataset) -> Shards:
    return Shards(built.workspace.path("shards"))


@pytest.fixture
def clips(shards: Shards) -> dict[str, dict[str, bytes]]:
    """The members of every clip by its key."""
    found = {s.key: shards.content(path, s) for path in shards.paths for s in shards.samples(path)}
    return {key: content for key, content in found.items() if "mp4" in content}


@pytest.fixture
def changed(clips: dict[str, dict[str, bytes]], tmp_path: Path) -> Callable[..., Shards]:
    """A shard with the first clip alone, its record and members changed; None takes a member out."""

    def write(record: dict | None = None, key: str | None = None, **members: bytes | None) -> Shards:
        first = next(iter(clips))
        told = {**json.loads(clips[first]["json"]), **(record or {})}
        content = {**clips[first], "json": json.dumps(told).encode()}
        content |= {name.replace("_txt", ".txt").replace("_png", ".png"): data for name, data in members.items()}
        entries = [(f"{key or first}.{name}", data) for name, data in sorted(content.items()) if data is not None]
        folder = tmp_path / "changed"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "x-000000.tar").write_bytes(pack(entries)[0])
        return Shards(str(folder))

    return write
