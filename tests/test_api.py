"""A build from Python: the same workspace as the command's, seen as tables."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import vidal
from tests.whole.local import Project, good_clips
from vidal.engine.errors import ConfigError, MissingError


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two good clips and a broken one, built by `Pipeline` in this process."""
    project = Project(tmp_path_factory.mktemp("api"))
    project.configure(workspace=str(project.folder / "w"), runner={"kind": "local", "workers": 0})
    paths = [project.add(entry) for entry in good_clips(3)]
    paths[2].write_bytes(paths[2].read_bytes()[:2000])
    return project


def opened(project: Project) -> vidal.Pipeline:
    return vidal.Pipeline.from_yaml(project.folder / "vidal.yaml", set=["filter.duplicates.perceptual=null"])


def test_a_pipeline_is_built_stage_by_stage_and_its_tables_are_read(project: Project) -> None:
    pipeline = opened(project)
    assert {step.state for step in pipeline.status()} <= {"pending", "waiting"}
    with pytest.raises(MissingError, match="harvest/media has not been built"):
        pipeline.manifest("harvest/media")
    with pytest.raises(MissingError, match="filter/verdicts has left no table"):
        pipeline.manifest("filter/verdicts")
    lines: list[str] = []
    reports = pipeline.build(stages=["terms", "harvest"], said=lines.append)
    assert {report.step.partition("/")[0] for report in reports} == {"terms", "harvest"} and lines
    pipeline.build()
    assert {step.state for step in pipeline.status()} == {"done"}
    media = pipeline.manifest("harvest/media")
    assert sorted(media.table["status"].to_pylist()) == ["failed", "ok", "ok"]
    assert len(media.to_pandas()) == len(media) == 3 and "fps" in media.table.column_names
    assert pa.table(media) == media.table
    verdicts = pq.read_table(Path(pipeline.workspace) / "filter" / "verdicts.parquet")
    assert pipeline.manifest("filter/verdicts").table.to_pylist() == verdicts.to_pylist()
    [failed] = pipeline.failures().table.to_pylist()
    assert failed["step"] == "harvest/media" and failed["id"] not in pipeline.shards()
    assert len(pipeline.shards()) == 2 and pipeline.shards()[0].text()


def test_what_cannot_be_asked_is_said(project: Project) -> None:
    with pytest.raises(ConfigError, match="no such step; steps are terms/terms"):
        opened(project).manifest("harvest/medium")
    with pytest.raises(ConfigError, match="stages='harvest'"):
        opened(project).build(stages="harvest")
    with pytest.raises(ConfigError, match="limit=0"):
        opened(project).build(limit=0)
    with pytest.raises(ConfigError, match="give a list"):
        vidal.Pipeline.from_yaml(project.folder / "vidal.yaml", set="seed=1")
    with pytest.raises(MissingError, match=r"absent\.yaml"):
        vidal.Pipeline.from_yaml(project.folder / "absent.yaml")


def test_the_package_names_its_classes_and_no_others() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Pipelines'"):
        _ = vidal.Pipelines
