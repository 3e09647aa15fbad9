"""The last word on a sample: rules on what its search and its page told, without a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine import spine
from vidal.engine.attempt import Retry
from vidal.engine.build import Build, Options
from vidal.engine.nodes import Spine
from vidal.engine.progress import Lines
from vidal.engine.runners.local import LocalRunner
from vidal.engine.runs import RunRecord, new_id
from vidal.engine.schemas import PAGE
from vidal.engine.step import Read, Sample, Step
from vidal.engine.workspace import Workspace
from vidal.harvest.admit import PROVENANCE, Admit
from vidal.harvest.candidate import Candidate, updated
from vidal.harvest.config import UploaderConfig
from vidal.harvest.screening.config import DenyConfig, ScreenConfig
from vidal.harvest.spines import Candidates
from vidal.harvest.uploaders import Uploaders

TOLD = {
    "source": "site", "url": "https://site.example/a", "title": "A red ball on the green grass", "hashtags": ["ball"],
    "seconds": 9.0, "licence": None, "uploader": "A name", "uploader_id": "name-1", "language": None, "live": None,
    "age_limit": None, "published": "2026-03-01", "description": "short",
}  # fmt: skip


def admitted(told, page, uploaders=None, tmp_path=None, **rules):
    step = Admit(ScreenConfig(**rules), tmp_path, uploaders)
    (result,) = step.process([Sample("site_a", "video", {**TOLD, **told, "page": page})])
    return result


@pytest.fixture
def decide(tmp_path):
    return lambda told, page, **given: admitted(told, page, tmp_path=tmp_path, **given)


class TestFacts:
    def test_what_the_page_states_counts_and_is_kept(self, decide):
        page = {"licence": "CC BY 4.0", "description": "long and full", "uploader": "Another", "published": None}
        result = decide({"licence": "GFDL"}, page, licences=("CC-BY",))
        assert result.status == "ok" and set(result.columns) == set(PROVENANCE)
        assert result.columns["licence"] == "CC BY 4.0" and result.columns["description"] == "long and full"
        assert result.columns["uploader"] == "Another" and result.columns["uploader_id"] == "name-1"
        assert result.columns["published"] == "2026-03-01"

    @pytest.mark.parametrize("page", [None, {}, {"licence": None}, {"licence": ""}])
    def test_what_the_page_does_not_state_is_as_the_search_told(self, decide, page):
        assert decide({"licence": "CC BY 4.0"}, page, licences=("CC-BY",)).rule is None
        result = decide({"licence": "GFDL"}, page, licences=("CC-BY",))
        assert result.rule == "licence" and result.columns["licence"] == "GFDL"

    @pytest.mark.parametrize(
        ("rule", "page", "given"),
        [
            ("live", {"live": True}, {}),
            ("age_restricted", {"age_limit": 18}, {}),
            ("duration", {"seconds": 25.0}, {}),
            ("licence", {"licence": "All rights reserved"}, {"licences": ("CC-BY",)}),
            ("licence", {}, {"licences": ("CC-BY",), "unknown_licence": "ask"}),
            ("language", {"language": "fr"}, {"languages": ("en",)}),
            ("language", {"title": "Der kleine Hund läuft heute über die große grüne Wiese"}, {"languages": ("en",)}),
            ("deny", {"uploader": "Unwanted"}, {"deny": DenyConfig(entries=("uploader:unwanted",))}),
            ("deny", {}, {"deny": DenyConfig(entries=("site_a",))}),
        ],
    )
    def test_every_rule_on_metadata_is_asked_again(self, decide, rule, page, given):
        assert decide({}, page, **given).rule == rule
        assert decide({}, {}).status == "ok"

    def test_a_page_corrects_a_search_that_was_wrong(self, decide):
        assert (
            decide(
                {"live": True, "age_limit": 18, "seconds": 99.0}, {"live": False, "age_limit": 0, "seconds": 9.0}
            ).rule
            is None
        )

    def test_rules_on_texts_were_for_before(self, decide):
        assert decide({"title": "", "hashtags": []}, {"title": "x"}, min_title_words=9).rule is None

    def test_hashed_uploaders_of_pages_are_denied(self, decide, monkeypatch):
        monkeypatch.setenv("VIDAL_UPLOADER_KEY", "a secret")
        policy = Uploaders(UploaderConfig(keep="hashes"))
        deny = DenyConfig(entries=("uploader:Unwanted",))
        page = policy.kept({"uploader": "Unwanted", "uploader_id": "u-7"})
        assert decide(policy.kept(TOLD), page, deny=deny, uploaders=policy).rule == "deny"
        assert decide(policy.kept(TOLD), policy.kept({"uploader": "Wanted"}), deny=deny, uploaders=policy).rule is None


VALUE = st.sampled_from([None, "", [], (), 0, False, True, "x", ["x"], 1.5])
FACTS = st.dictionaries(st.sampled_from("abcd"), VALUE)


@given(FACTS, FACTS)
def test_a_page_overrides_with_what_it_states_and_loses_nothing(facts, page):
    known = updated(facts, page)
    stated = {name for name, value in page.items() if value is not None and value not in ("", [], ())}
    assert set(known) == set(facts) | stated
    assert all(known[name] == (page[name] if name in stated else facts[name]) for name in known)
    assert updated(known, page) == known and updated(facts, {}) == facts


class Found(Spine):
    """Candidates, without a search."""

    name = "harvest/candidates"
    columns = Candidates.columns

    def settings(self):
        return {}

    def run(self, context):
        rows = [
            {**Candidate(id_, "video", "site", f"https://site.example/{id_}", "A red ball").to_row(), "terms": ["ball"]}
            for id_ in PAGES
        ]
        return spine.sync(self, context.store(self.name), sorted(rows, key=lambda row: spine.place(row["id"])), 2)


class Pages(Step):
    """What the pages say; counts what is fetched."""

    name = "harvest/media"
    reads = (Read("harvest/candidates", ("url",)),)
    columns = {"page": PAGE}

    def __init__(self):
        self.fetched = []

    def settings(self):
        return {}

    def process(self, samples):
        self.fetched += [sample.id for sample in samples]
        return [sample.ok({"page": PAGES[sample.id]}) for sample in samples]


PAGES = {
    "site_free": {"licence": "CC BY 4.0", "uploader": "Ann"},
    "site_other": {"licence": "CC BY-NC 4.0", "uploader": "Bea"},
    "site_none": {"uploader": "Cyd", "age_limit": 18},
}


def test_rules_made_stricter_or_looser_decide_anew_without_a_request(tmp_path):
    workspace, pages = Workspace(str(tmp_path / "w")), Pages()

    def run(**rules):
        admit = Admit(ScreenConfig(**rules), tmp_path)
        build = Build(workspace, [Found(), pages, admit], Options(retry=Retry(attempts=1)))
        record = RunRecord(workspace, new_id(), {}, ["test"])
        try:
            reports = {
                report.step: report
                for report in build.run(lambda pending: LocalRunner(0), Lines(lambda line: None), record)
            }
        finally:
            record.close()
        rows = build.store(admit.name).table(["status", "rule", "licence"]).to_pylist()
        return {row["id"]: row["rule"] for row in rows}, reports[admit.name]

    everything = {"age_restricted": True}
    verdicts, report = run(**everything)
    assert verdicts == dict.fromkeys(PAGES) and sorted(pages.fetched) == sorted(PAGES)
    verdicts, report = run(licences=("CC-BY",), unknown_licence="ask", age_restricted=True)
    assert verdicts == {"site_free": None, "site_other": "licence", "site_none": "licence"}
    assert report.rejected == {"licence": 2}
    verdicts, _ = run(deny=DenyConfig(entries=("uploader:ann",)))
    assert verdicts == {"site_free": "deny", "site_other": None, "site_none": "age_restricted"}
    verdicts, report = run(licences=("CC-BY", "CC-BY-NC"), unknown_licence="pass", age_restricted=True)
    assert verdicts == dict.fromkeys(PAGES)
    verdicts, report = run(**everything)
    assert verdicts == dict.fromkeys(PAGES) and report.done == 0
    assert sorted(pages.fetched) == sorted(PAGES)
