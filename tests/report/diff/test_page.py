"""The page of a difference in a real browser, and with texts that would break it."""

from __future__ import annotations

from dataclasses import replace
from html import unescape

import pytest

from vidal.report.diff.texts import compared
from vidal.report.page.render import diff_page


def test_the_page_tells_the_difference_alone_and_accessibly(browser, differing, tmp_path):
    path = tmp_path / "diff.html"
    path.write_text(diff_page(differing), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    sets = differing.sets
    for name in ("gained", "lost", "moved", "changed"):
        shown = page.locator(f'[data-group="{name}"] b').inner_text()
        assert shown == str(len(getattr(sets, name)))
    assert page.locator("ins").first.inner_text() in "Quite another sound" and page.locator("del").count()
    assert page.locator("svg rect.before").count() and page.locator("svg rect.after").count()
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=tmp_path / f"{scheme}.png", full_page=True)
    page.context.new_cdp_session(page).send("Page.setBypassCSP", {"enabled": True})
    page.reload()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        violations = axe.Axe().run(page).response["violations"]
        assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert said == [] and {url.split(":")[0] for url in asked} <= {"file", "data"}


def test_hostile_texts_are_inert_and_the_page_runs_nothing(differing):
    bad = "</style><script>document.title='owned'</script><img src=x onerror=alert(1)>"
    view = differing.sets.texts[0]
    example = replace(view.examples[0], words=compared(bad, f"{bad} {{{{ 7 * 7 }}}}"), member=bad)
    sets = replace(differing.sets, texts=(replace(view, examples=(example,)),))
    page = diff_page(replace(differing, sets=sets, before=replace(differing.before, name=bad)))
    assert "<script" not in page and "<img" not in page and page.count("<style>") == 1
    assert "script-src" not in page and "default-src 'none'" in unescape(page) and "{{ 7 * 7 }}" in page
    assert page == diff_page(replace(differing, sets=sets, before=replace(differing.before, name=bad)))
