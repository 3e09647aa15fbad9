"""A build around refinement: four texts, captions made of them, verdicts that drop one, and the step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.caption.endpoint import config
from vidal.caption.refine import Refine
from vidal.engine import spine
from vidal.engine.attempt import Retry
from vidal.engine.build import Build, Options
from vidal.engine.nodes import Spine, Summary, Verdicts
from vidal.engine.progress import Lines, StepReport
from vidal.engine.runners.local import LocalRunner
from vidal.engine.runs import RunRecord, new_id
from vidal.engine.step import Read, Step
from vidal.engine.workspace import Workspace

TITLES = {"a": "Apple", "b": "Ball", "c": "Cat", "d": "Dog"}
KEPT = ("a", "b", "c")


class Texts(Spine):
    """Titles and hashtags."""

    name = "harvest/screen"
    columns = {"title": pa.string(), "hashtags": pa.list_(pa.string())}

    def __init__(self, titles: dict[str, str], part_size: int) -> None:
        self.titles, self.part_size = titles, part_size

    def settings(self) -> dict[str, Any]:
        return {}

    def run(self, context: Any) -> Summary:
        rows = [{"id": id_, "kind": "video", "title": title, "hashtags": []} for id_, title in self.titles.items()]
        return spine.sync(self, context.store(self.name), spine.in_order(self.schema, rows), self.part_size)


class Told(Step):
    """A video caption: the title again."""

    name = "caption/video"
    reads = (Read("harvest/screen", ("title",)),)
    columns = {"mplug": pa.string()}

    def settings(self) -> dict[str, Any]:
        return {}

    def process(self, samples: Any) -> list[Any]:
        return [one.ok({"mplug": f"a clip of {one.columns['title']}"}) for one in samples]


class Keep(Verdicts):
    """Keeps what it is told to."""

    name = "filter/verdicts"
    reads = ("harvest/screen",)

    def __init__(self, ids: Any, screen: Texts) -> None:
        self.ids, self.screen = frozenset(ids), screen

    def settings(self) -> dict[str, Any]:
        return {}

    def run(self, context: Any) -> Summary:
        return Summary(len(self.ids), 0, len(self.ids))

    def kept(self, workspace: Workspace) -> dict[int, frozenset[str]]:
        parts = -(-len(self.screen.titles) // self.screen.part_size)
        return dict.fromkeys(range(parts), self.ids)


class Refining:
    """Builds over one workspace, each as a new command would."""

    def __init__(self, folder: Path, url: str, titles: dict[str, str] = TITLES, part_size: int = 8) -> None:
        self.folder, self.url = folder, url
        self.titles, self.part_size = titles, part_size
        self.workspace = Workspace(str(folder / "w"))

    def step(self, **changes: Any) -> Refine:
        return Refine(config(self.url, **changes), self.folder, self.workspace, keyframes=False)

    def build(self, limit: int | None = None, retry_failed: Any = None, stages: Any = (), **changes: Any) -> Build:
        screen = Texts(self.titles, self.part_size)
        kept = KEPT if self.titles is TITLES else tuple(self.titles)
        nodes = [screen, Keep(kept, screen), Told(), self.step(**changes)]
        options = Options(retry=Retry(4, base=0.0), limit=limit, retry_failed=retry_failed, stages=stages)
        return Build(self.workspace, nodes, options)

    def run(self, workers: int = 0, **changes: Any) -> tuple[StepReport, dict[str, dict[str, Any]]]:
        """The report of the last step, and the rows of refinement by id."""
        made = self.build(**changes)
        record, runner = RunRecord(self.workspace, new_id(), {}, ["test"]), LocalRunner(workers)
        try:
            *_, report = made.run(lambda pending: runner, Lines(lambda line: None), record)
        finally:
            record.close()
            runner.close()
        step = made.nodes[-1]
        columns = ["status", "error_class", "error_message", "attempts", *step.columns]
        return report, {row["id"]: row for row in made.store(step.name).table(columns).to_pylist()}
