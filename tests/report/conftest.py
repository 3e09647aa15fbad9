"""A finished dataset, its report's page, and a real browser to open it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.shard.dataset import RULES, Dataset, dataset
from vidal.engine.build import Build
from vidal.report.facts import Report, collect
from vidal.report.gallery.embed import embed
from vidal.report.page.render import report_page
from vidal.shard.access import open_set


def report_of(build: Build) -> Report:
    return collect(build, "tests", RULES, lambda stages: f"build {' '.join(stages)}")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Build]:
    return dataset(tmp_path_factory.getbasetemp() / "dataset")


@pytest.fixture(scope="session")
def told(finished: tuple[Dataset, Build]) -> Report:
    return report_of(finished[1])


@pytest.fixture(scope="session")
def page_file(told: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report_page(told, embed(open_set(f"{told.workspace}/shards"), 8_000_000)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium for a module's tests: Playwright keeps the thread's event loop as long as it runs."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if chromium is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens an address; at the end no error was on the console and nothing was asked elsewhere."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))

    def open_(url: str) -> Any:
        page.goto(url)
        page.wait_for_selector(".card")
        return page

    yield open_
    context.close()
    home = asked[0]
    own = (home, "data:", "blob:") if home.startswith("file:") else (home,)
    assert [url[:80] for url in asked if not url.startswith(own)] == [] and said == []
