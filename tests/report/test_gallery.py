"""The gallery in a real browser: pages, order, filter and keys, over a set of more samples than a page holds."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vidal.engine.schemas import INDEX
from vidal.engine.tar import TarWriter
from vidal.media.images import encode_jpeg
from vidal.report.gallery.embed import embed
from vidal.report.serve.server import Server
from vidal.shard.access import open_set

SAMPLES = 110
Row = dict[str, Any]


def told(number: int) -> Row:
    """What is told of a sample: every third is a sound, every fifth has no score, two are of one."""
    motion = None if number % 5 == 0 else (number * 37 % 101 // 2) / 50
    kind = "audio" if number % 3 == 0 else "video"
    text = f"A {['red', 'Green', 'blue sky'][number % 3]} thing, the {number}th" + " valueOf:x" * (number == 4)
    return {"key": f"s{number:03d}", "kind": kind, "seconds": 1 + number / 10, "text": text, "score_motion": motion}


ROWS = [told(number) for number in range(SAMPLES)]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    picture = encode_jpeg(np.full((24, 32, 3), 128, np.uint8))
    rows = []
    with open(folder / "many-000000.tar", "wb") as stream:
        writer = TarWriter(stream)
        for row in ROWS:
            record = json.dumps({"scores": {"motion": row["score_motion"], "endless": float("inf")}}).encode()
            pictures = {} if row["kind"] == "audio" else {f"frm{n}.jpg": picture for n in range(3)}
            places = [(name, writer.add(f"{row['key']}.{name}", data))
                      for name, data in {"json": record, **pictures}.items()]  # fmt: skip
            members = [{"name": name, "offset": at.offset, "size": at.size, "sha256": None} for name, at in places]
            rows.append({**row, "shard": "many-000000.tar", "offset": members[0]["offset"], "members": members})
        writer.close()
    schema = INDEX.append(pa.field("score_motion", pa.float64()))
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "index.parquet")
    return folder


@pytest.fixture(scope="module")
def url(shards: Path) -> Iterator[str]:
    with Server(open_set(str(shards), guarded=True)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def page(opened: Callable[..., Any], url: str) -> Any:
    return opened(url)


def keys(page: Any) -> list[str]:
    return page.locator(".card code").all_inner_texts()


def ordered(page: Any) -> list[str]:
    """The keys of all pages, from the first."""
    found = keys(page)
    while page.locator("#next").is_enabled():
        page.locator("#next").click()
        found += keys(page)
    return found


def test_pages_are_turned_and_kept(page):
    place = page.locator("#page")
    assert place.inner_text() == "1 of 3" and page.locator("#prev").is_disabled()
    page.locator("#next").click()
    assert keys(page) == [row["key"] for row in ROWS[48:96]] and place.inner_text() == "2 of 3"
    page.keyboard.press("2")
    assert place.inner_text() == "2 of 3"
    page.keyboard.press("]")
    assert keys(page) == [row["key"] for row in ROWS[96:]] and page.locator("#next").is_disabled()
    page.keyboard.press("]")
    page.keyboard.press("[")
    assert place.inner_text() == "2 of 3"
    page.fill("#filter", "kind:video")
    assert place.inner_text() == "1 of 2"
    page.fill("#filter", "nothing like it")
    assert place.inner_text() == "1 of 1" and page.locator(".card").count() == 0


def test_samples_are_sorted_both_ways_and_those_without_a_score_are_last(page):
    scored = [row for row in ROWS if row["score_motion"] is not None]
    rest = [row["key"] for row in ROWS if row["score_motion"] is None]
    page.select_option("#sort", "score.motion")
    ascending = sorted(scored, key=lambda row: row["score_motion"])
    assert ordered(page) == [row["key"] for row in ascending] + rest
    page.locator("#order").click()
    assert page.locator("#page").inner_text() == "1 of 3"
    descending = sorted(scored, key=lambda row: -row["score_motion"])
    assert ordered(page) == [row["key"] for row in descending] + rest
    page.select_option("#sort", "order")
    assert ordered(page) == [row["key"] for row in reversed(ROWS)]


QUERIES: dict[str, Callable[[Row], bool]] = {
    "green": lambda row: "Green" in row["text"],
    "green thing": lambda row: "Green" in row["text"],
    '"blue sky"': lambda row: "blue sky" in row["text"],
    '"sky blue"': lambda row: False,
    "-green": lambda row: "Green" not in row["text"],
    "kind:audio -red": lambda row: False,
    "kind=video -kind:audio": lambda row: row["kind"] == "video",
    "kind=vide": lambda row: False,
    "text:red": lambda row: "red" in row["text"],
    "motion<0.2": lambda row: row["score_motion"] is not None and row["score_motion"] < 0.2,
    "score.motion>=0.5 seconds<=6": lambda row: (row["score_motion"] or 0) >= 0.5 and row["seconds"] <= 6,
    "-motion>0": lambda row: not (row["score_motion"] or 0) > 0,
    "layers:frames": lambda row: row["kind"] == "video",
    "valueOf:x": lambda row: row["key"] == "s004",
    "key=S007": lambda row: row["key"] == "s007",
}


def test_the_filter_is_what_it_says(page):
    for query, holds in QUERIES.items():
        page.fill("#filter", query)
        wanted = [row["key"] for row in ROWS if holds(row)]
        assert (query, keys(page)) == (query, wanted[:48])
        assert page.locator("#said").inner_text() == f"{len(wanted)} of {SAMPLES} samples"


def test_keys_filter_open_step_and_close(page):
    page.keyboard.press("/")
    page.keyboard.type("green")
    page.keyboard.press("Escape")
    assert page.locator("#filter").input_value() == "green" and len(keys(page)) == 37
    green = [row["key"] for row in ROWS if "Green" in row["text"]]
    title = page.locator("#detail-h")
    page.locator(".card").nth(1).focus()
    page.keyboard.press("Enter")
    title.wait_for()
    for key, at in (("ArrowRight", 2), ("ArrowLeft", 1), ("ArrowLeft", 0), ("ArrowLeft", 0), ("]", 0)):
        page.keyboard.press(key)
        page.wait_for_function("want => document.querySelector('#detail-h').textContent === want", arg=green[at])
    page.get_by_label("Later sample").focus()
    for at in (1, 2):
        page.keyboard.press("Enter")
        page.wait_for_function("want => document.querySelector('#detail-h').textContent === want", arg=green[at])
    assert "endless" not in page.locator("dialog").inner_text()
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    assert page.locator("#page").inner_text() == "1 of 1" and len(keys(page)) == 37


def test_a_strip_is_looked_through_picture_by_picture(page):
    picture = page.locator(".card img").first
    picture.evaluate("async (node) => { await node.decode(); }")
    box = picture.locator("..").bounding_box()
    shown = []
    for share in (0.1, 0.5, 0.9):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        shown.append(picture.evaluate("node => node.style.objectPosition"))
    assert shown == ["0% 0px", "50% 0px", "100% 0px"]


def test_numbers_that_json_has_not_are_null(shards):
    chunk = dict(embed(open_set(str(shards)), 0).blocks)["chunk-0"]
    found = json.loads(gzip.decompress(base64.b64decode(chunk)), parse_constant=lambda name: pytest.fail(name))
    assert found[1]["record"]["scores"] == {"motion": ROWS[1]["score_motion"], "endless": None}


def test_a_sample_that_cannot_be_had_is_said(browser, url):
    page = browser.new_page()
    page.goto(url)
    page.wait_for_selector(".card")
    page.route("**/sample/*", lambda route: route.abort())
    page.locator(".card").first.click()
    assert "This sample cannot be shown" in page.locator("dialog p").inner_text()
    page.close()
