"""The page of a report in a real browser, from a file and without a network."""

from __future__ import annotations

import pytest

from vidal.report.gallery.embed import embed
from vidal.report.page.render import report_page
from vidal.shard.access import open_set


def test_the_page_shows_the_funnel_and_the_gallery_works(opened, page_file, told, tmp_path):
    page = opened(page_file.as_uri())
    for passage in told.funnel:
        assert page.locator(f'[data-step="{passage.step}"] .num b').inner_text() == str(passage.passed.samples)
    assert page.locator(".card").count() == told.kept.samples
    page.keyboard.press("/")
    page.keyboard.type("kind:audio")
    assert page.locator("#said").inner_text() == "3 of 8 samples" and page.locator(".card").count() == 3
    page.fill("#filter", "kind:video score.motion>0.03 -nothing")
    assert page.locator(".card").count() == 5
    page.fill("#filter", "")
    page.locator("#filter").blur()
    for key in "23":
        page.keyboard.press(key)
        picture = page.locator(".card img").first
        assert picture.evaluate("async (node) => { await node.decode(); return node.naturalWidth }") > 300
    page.fill("#filter", "kind:video")
    page.locator(".card").first.click()
    page.wait_for_selector("dialog video")
    played = page.evaluate(
        """async () => { const clip = document.querySelector("dialog video"); clip.muted = true; await clip.play();
        await new Promise((done) => clip.addEventListener("timeupdate", () => clip.currentTime > 0 && done()));
        return clip.currentTime }"""
    )
    assert played > 0 and page.locator("dialog .strip").count() >= 3
    assert "Refined:" in page.locator("dialog").inner_text()
    page.screenshot(path=tmp_path / "detail.png")
    page.keyboard.press("Escape")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=tmp_path / "phone.png", full_page=True)


def test_nothing_serious_is_found_by_axe(opened, page_file):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = opened(page_file.as_uri())
    page.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = page.context.new_cdp_session(page)
        found.send("Page.setBypassCSP", {"enabled": True})
        violations = axe.Axe().run(page).response["violations"]
        assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []


def test_hostile_texts_are_inert_and_pages_deterministic(told, tmp_path):
    from dataclasses import replace

    bad = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
    shards = open_set(f"{told.workspace}/shards")
    failures = tuple(replace(one, example=bad) for one in told.failures)
    report = replace(told, name=bad, failures=failures)
    page = report_page(report, embed(shards, 0))
    assert bad not in page and page.count("<script>") == 1
    assert page == report_page(report, embed(shards, 0))
    assert embed(shards, 0).pictured == 0


def test_pages_without_shards_say_so(told):
    assert "nothing to show" in report_page(told, None)
