"""A search of several pages is one answer: what a site stopped in the middle of is asked for again, whole."""

from __future__ import annotations

import json

import pytest

from vidal.demo.freesound import SEARCH_PATHS
from vidal.demo.peertube import SEARCH_PATH
from vidal.engine import spine
from vidal.engine.attempt import Retry
from vidal.engine.build import Build, Options
from vidal.engine.nodes import Spine
from vidal.engine.progress import Lines
from vidal.engine.runners.local import LocalRunner
from vidal.engine.runs import RunRecord, new_id
from vidal.engine.schemas import QUERY_COLUMNS
from vidal.engine.workspace import Workspace
from vidal.harvest.config import HarvestConfig
from vidal.harvest.search import Search

BUSY = (503, {}, b"")
SOURCES = {
    "freesound": {"type": "freesound", "name": "s", "results": 200},
    "peertube": {"type": "peertube", "name": "s", "results": 200},
}


class Asked(Spine):
    """One query."""

    name = "harvest/queries"
    columns = QUERY_COLUMNS

    def settings(self):
        return {}

    def run(self, context):
        row = {"id": "s-q", "kind": "query", "source": "s", "term": "ball", "slice": None, "revision": "1"}
        return spine.sync(self, context.store(self.name), [row], 4)


def answer(value):
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


def pages(kind):
    """The two pages of 200 results."""
    if kind == "freesound":
        sounds = [{"id": n, "name": f"Ball {n}"} for n in range(200)]
        return answer({"results": sounds[:150], "next": "x"}), answer({"results": sounds[150:], "next": None})
    videos = [{"uuid": f"u{n}", "name": f"Ball {n}"} for n in range(200)]
    return answer({"data": videos[:100]}), answer({"data": videos[100:]})


@pytest.fixture
def run(site, tmp_path, monkeypatch):
    monkeypatch.setenv("FREESOUND_API_KEY", "token")

    def build(kind, *answers, attempts, retry_failed=None):
        site.answers[SEARCH_PATH if kind == "peertube" else SEARCH_PATHS[0]] = [*answers]
        network = {"allow": ["127.0.0.1"], "per_second": 1000.0, "total_per_second": 1000.0, "breaker_failures": 50}
        config = HarvestConfig.model_validate({"sources": [{**SOURCES[kind], "url": site.url}], "network": network})
        options = Options(retry=Retry(attempts=attempts, base=0.001), retry_failed=retry_failed)
        made = Build(Workspace(str(tmp_path / "w")), [Asked(), Search(config, tmp_path)], options)
        record = RunRecord(made.workspace, new_id(), {}, ["test"])
        try:
            made.run(lambda pending: LocalRunner(0), Lines(lambda line: None), record)
        finally:
            record.close()
        return made.store("harvest/search").table(["status", "error_class", "attempts", "candidates"]).to_pylist()

    return build


@pytest.mark.parametrize("kind", SOURCES)
def test_a_second_page_that_comes_later_makes_one_whole_answer(run, site, kind):
    first, second = pages(kind)
    (row,) = run(kind, first, BUSY, first, second, attempts=2)
    assert (row["status"], row["attempts"]) == ("ok", 2)
    assert [candidate["title"] for candidate in row["candidates"]] == [f"Ball {number}" for number in range(200)]
    searches = [query for path, query, _ in site.asked if "search" in path]
    assert len(searches) == 4 and searches[0] == searches[2] and searches[1] == searches[3]


@pytest.mark.parametrize("kind", SOURCES)
def test_a_second_page_that_does_not_come_leaves_nothing_of_the_first(run, kind):
    first, second = pages(kind)
    (row,) = run(kind, first, BUSY, first, BUSY, attempts=2)
    assert (row["status"], row["error_class"], row["attempts"], row["candidates"]) == ("failed", "Unavailable", 2, None)
    (row,) = run(kind, first, second, attempts=1, retry_failed=frozenset({"Unavailable"}))
    assert row["status"] == "ok" and len(row["candidates"]) == 200
