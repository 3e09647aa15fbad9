"""Two builds of one folder of media: the second with another rule, another depth and captions, and files of its own."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.shard.dataset import RULES, Dataset, dataset
from vidal.engine.build import Build
from vidal.engine.workspace import Workspace
from vidal.report.diff.difference import Difference, compare
from vidal.report.diff.sides import Side, build_side
from vidal.shard.config import ShardConfig

HELD = ShardConfig(samples=3, validation=0.4)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Build]:
    return dataset(tmp_path_factory.getbasetemp() / "dataset")


@pytest.fixture(scope="session")
def sides(finished: tuple[Dataset, Build], tmp_path_factory: pytest.TempPathFactory) -> tuple[Side, Side]:
    made, build = finished
    folder = tmp_path_factory.mktemp("second")
    media = Path(shutil.copytree(made.media, folder / "media"))
    workspace = Workspace(str(shutil.copytree(made.workspace.root, folder / "workspace")))
    (media / "clip-0.mp4").unlink()
    shutil.copy(media / "clip-3.mp4", media / "again.mp4")
    (media / "sound-5.json").write_text('{"title": "Quite another sound"}')
    second = replace(made, media=media, workspace=workspace).build(HELD, rules=RULES[:1], checkpoint="other")
    return build_side("a.yaml", build), build_side("b.yaml", second)


@pytest.fixture(scope="session")
def differing(sides: tuple[Side, Side]) -> Difference:
    return compare(*sides)
